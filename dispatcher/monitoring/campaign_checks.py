"""The checks of what campaigns need: gateway, money, STOP list, and decisions of people."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from dispatcher.api import Dispatcher
from dispatcher.campaigns.prices import shown
from dispatcher.campaigns.wording import counted
from dispatcher.monitoring.finding import CheckFailed, Warned
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage.monitoring import Inbox, inbox

#: the charges of this period are compared with the plan, and may differ by this share
_LATELY, _TOLERANCE = timedelta(days=30), Decimal("0.01")
#: a budget with at most this share left is nearly spent
_NEARLY: Final = Decimal("0.1")
#: campaigns that wait for a budget, which are counted
_MOST: Final = 1000
_KEY: Final = "DISPATCHER_API_KEY"


def key_of(account: str) -> str:
    """The variable of an account's key."""
    return f"{_KEY}_{account.upper()}" if account else _KEY


def gateway(dispatcher: Dispatcher) -> str:
    """Check that it answers, and knows the key."""
    balance = dispatcher.account().balance
    return "the key is good" + ("" if balance is None else f", balance {balance} €")


def pause(dispatcher: Dispatcher) -> str:
    """Warn of a pause of everything, or of an account."""
    accounts = (DEFAULT, *dispatcher.settings.accounts)
    pauses = [dispatcher.paused_all(), *(dispatcher.for_account(a).paused_all() for a in accounts)]
    if says := "; ".join(dict.fromkeys(str(one) for one in pauses if one)):
        raise Warned(says, "dispatcher resume --all")
    return "none of everything"


def orphans(dispatcher: Dispatcher) -> str:
    """Check that no campaign waits for an account that no setting names."""
    found = dispatcher.orphans()
    if not found:
        return "each campaign's is set up"
    listed = ", ".join(f"{count} of {account!r}" for account, count in found.items())
    raise CheckFailed(
        f"campaigns of accounts that are not set up here: {listed}",
        "name them in DISPATCHER_ACCOUNTS, each with its key; or cancel the campaigns",
    )


def doubts(dispatcher: Dispatcher) -> str:
    """Check that doubts do not stop the account, and that nobody was texted twice."""
    waiting, limit = len(dispatcher.doubts()), dispatcher.settings.doubt_limit
    if waiting:
        many = waiting >= limit
        says = f"{counted(waiting, 'batch', 'batches')} in doubt"
        says += f": nothing is sent from {limit} on" if many else ""
        kind = CheckFailed if many else Warned
        raise kind(says, "dispatcher doubts, then dispatcher resend or give-up")
    since = dispatcher.clock() - _LATELY
    if recorded := [one for one in dispatcher.incidents() if one.at > since]:
        says = f"{counted(len(recorded), 'double text')} on record in {_LATELY.days} days"
        raise Warned(says, "dispatcher doubts shows whom; nothing more can be done")
    return "none"


def credit(dispatcher: Dispatcher) -> str:
    """Check that the balance pays for all planned messages, of paused campaigns too."""
    if dispatcher.settings.credit_check == "off":
        return "nobody checks at it (DISPATCHER_CREDIT_CHECK=off)"
    to_go, unpriced = dispatcher.to_go()
    last = dispatcher.credit()
    if last.failures:
        since = "never" if last.at is None else f"last at {last.at:%Y-%m-%d %H:%M} UTC"
        says = f"workers could not read the balance {last.failures} times in a row, {since}"
        cure = "run dispatcher doctor on their hosts; here the gateway answers"
        raise Warned(f"{says}: campaigns run without a check of it", cure)
    balance = dispatcher.account().balance
    unknown = f", and what has no price: {', '.join(unpriced)}" if unpriced else ""
    planned = f"{to_go:.2f} €{unknown}"
    if balance is None:
        return f"{planned} to go; the gateway tells no balance"
    if balance < to_go:
        raise CheckFailed(
            f"{to_go - balance:.2f} € are missing: {planned} to go",
            "top the account up; then dispatcher resume what paused",
        )
    return f"balance {balance:.2f} €, {planned} to go"


def costs(dispatcher: Dispatcher) -> str:
    """Compare what was charged with what was planned."""
    charged, planned = dispatcher.spent(_LATELY)
    if not planned:
        return "nothing to compare: no prices, or nothing sent lately"
    says = f"{charged:.2f} € charged in {_LATELY.days} days, {planned:.2f} € were planned"
    if abs(charged - planned) > planned * _TOLERANCE:
        cure = "correct DISPATCHER_PRICES or DISPATCHER_STOP_BUDGET: what is submitted then counts"
        raise Warned(says, cure)
    return says


def budgets(dispatcher: Dispatcher) -> str:
    """Warn of campaigns that wait for a budget, and of budgets that are nearly spent this month."""
    cure = "dispatcher budgets shows each; dispatcher budgets set TAG EUROS raises one"
    if waiting := dispatcher.budgets.waiting(_MOST):
        oldest = dispatcher.progress(waiting[-1])
        many = counted(len(waiting), "campaign waits", "campaigns wait")
        raise Warned(f"{many} for a budget; {oldest.reference!r}: {oldest.why}", cure)
    found = dispatcher.budgets.all()
    if spent := [one for one in found if one.left <= one.euros * _NEARLY]:
        least = min(spent, key=lambda one: one.left / one.euros)
        left, of = shown(max(least.left, Decimal(0))), shown(least.euros)
        more = f", and {len(spent) - 1} more are nearly spent" if spent[1:] else ""
        raise Warned(f"the budget of tag {least.tag} has {left} of {of} left{more}", cure)
    return "none is nearly spent this month" if found else "none is set"


def stops(dispatcher: Dispatcher) -> str:
    """Check that the STOP list was read within two of its intervals."""
    age, settings = dispatcher.stop_list_age(), dispatcher.settings
    if not age.first_tried_at:
        return "nobody has read it yet"
    if not age.wait(dispatcher.clock(), timedelta(seconds=2 * settings.stop_list_every)):
        return f"the STOP list {age.says}"
    limit = timedelta(seconds=settings.stop_list_max_age)
    cure = "dispatcher opt-outs sync reads it, or says why it cannot"
    if age.wait(dispatcher.clock(), limit):
        raise CheckFailed(f"commercial campaigns wait: the STOP list {age.says}", cure)
    after = f"; commercial campaigns wait after {limit}" if limit else ""
    raise Warned(f"the STOP list {age.says}{after}", cure)


def refusals(dispatcher: Dispatcher) -> str:
    """Warn of replies about which a person has to decide."""
    if waiting := _inbox(dispatcher).refusals:
        says = f"probable refusals wait for a decision: {waiting}"
        raise Warned(says, "dispatcher opt-outs undecided, then decide")
    return "none to decide about"


def webhooks(dispatcher: Dispatcher) -> str:
    """Warn of calls to the webhooks that look forged, or could not be read."""
    counts, limit = _inbox(dispatcher), dispatcher.settings.stop_storm
    if limit and counts.untexted >= limit:
        raise Warned(
            f"{counts.untexted} STOPs in 24 hours for numbers that were never texted",
            "forged or a mistake? replace DISPATCHER_WEBHOOK_SECRET; dispatcher opt-outs take-back",
        )
    if counts.unread:
        raise Warned(
            f"calls that could not be read: {counts.unread}",
            "dispatcher unread shows them; add whom it concerns by hand, then unread --done ID",
        )
    return "every call could be read"


def series(dispatcher: Dispatcher) -> str:
    """Warn of series whose next occurrence cannot be made yet."""
    blocked = dispatcher.series.blocked()
    if blocked:
        first, *others = blocked
        more = f", and {len(others)} more" if others else ""
        raise Warned(
            f"series {first.name!r} cannot make its next campaign: {first.problem}{more}",
            "dispatcher series show NAME; it is tried again by itself",
        )
    return "nothing holds up the next campaign of any"


def _inbox(dispatcher: Dispatcher) -> Inbox:
    with dispatcher.database.read() as session:
        return inbox(session, dispatcher.clock())
