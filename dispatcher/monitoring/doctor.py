"""The doctor: checks everything that a dispatcher needs, and says what to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from decimal import Decimal

from dispatcher.api import Dispatcher
from dispatcher.errors import DispatcherError, NotAnAnswer
from dispatcher.monitoring import installation_checks as installation
from dispatcher.monitoring.finding import CheckFailed, Finding
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage.monitoring import Inbox, inbox

__all__ = ["CHECKS", "PROGRESS", "Finding", "examine"]

_UNUSABLE = "ask SMS Partner; until it answers well nothing is believed, and all is asked again"
#: the charges of this period are compared with the plan, and may differ by this share
_LATELY, _TOLERANCE = timedelta(days=30), Decimal("0.01")


#: all checks, in their order
CHECKS = (
    "database",
    "broker",
    "gateway",
    "clock",
    "beat",
    "doubts",
    "credit",
    "costs",
    "stops",
    "refusals",
    "webhooks",
)
#: if one of these fails, a worker makes no progress
PROGRESS = ("database", "broker", "beat")
#: checks that are made for each account
_OF_ACCOUNTS = ("gateway", "doubts", "credit", "costs", "stops")


def examine(dispatcher: Dispatcher, names: Collection[str] = CHECKS) -> Iterator[Finding]:
    """Make the checks of ``names`` in turn; a failure does not stop those after it."""
    checks: dict[str, tuple[Callable[[Dispatcher], str], str]] = {
        "database": (
            installation.database,
            "start it, or correct DISPATCHER_DATABASE_URL; then migrate",
        ),
        "broker": (
            installation.broker,
            "start Redis or RabbitMQ, or correct DISPATCHER_BROKER_URL",
        ),
        "gateway": (_gateway, "correct DISPATCHER_API_KEY or DISPATCHER_API_URL"),
        "clock": (installation.clock, "set this host's clock by NTP"),
        "beat": (installation.beat, "start beat: dispatcher run, or celery -A workers beat"),
        "doubts": (_doubts, "dispatcher doubts, then resend or give-up"),
        "credit": (_credit, "top the account up; dispatcher resume what paused"),
        "costs": (_costs, "correct DISPATCHER_PRICES, or DISPATCHER_STOP_BUDGET"),
        "stops": (_stops, "dispatcher opt-outs sync says why it cannot be read"),
        "refusals": (_refusals, "dispatcher opt-outs undecided, then decide"),
        "webhooks": (_webhooks, "dispatcher unread shows them"),
    }
    accounts = (DEFAULT, *dispatcher.settings.accounts)
    for name in (it for it in CHECKS if it in names):
        check, remedy = checks[name]
        if len(accounts) == 1 or name not in _OF_ACCOUNTS:
            yield _run(name, dispatcher, check, remedy)
            continue
        for account in accounts:
            called = " ".join(filter(None, [name, account]))
            key = "_".join(filter(None, ["DISPATCHER_API_KEY", account.upper()]))
            ours = remedy.replace("DISPATCHER_API_KEY", key)
            yield _run(called, dispatcher.for_account(account), check, ours)
    if "doubts" in names and (paused := _paused(dispatcher)):
        yield paused
    if "gateway" in names and (orphans := _orphans(dispatcher)):
        yield orphans


def _run(
    name: str, dispatcher: Dispatcher, check: Callable[[Dispatcher], str], remedy: str
) -> Finding:
    place = installation.place_of(name.partition(" ")[0], dispatcher)

    def found(says: str, remedy: str = "") -> Finding:
        return Finding(name, not remedy, ": ".join(filter(None, [place, says])), remedy)

    try:
        return found(check(dispatcher))
    except CheckFailed as error:
        return found(str(error), error.remedy or remedy)
    except NotAnAnswer as error:
        return found(f"the gateway answers, but not what was asked: {error}", _UNUSABLE)
    except DispatcherError as error:
        return found(str(error), remedy)


def _paused(dispatcher: Dispatcher) -> Finding | None:
    """The pause of everything, or of an account."""
    accounts = (DEFAULT, *dispatcher.settings.accounts)
    try:
        pauses = [
            dispatcher.paused_all(),
            *(dispatcher.for_account(a).paused_all() for a in accounts),
        ]
    except DispatcherError:
        return None  # the check of the database reports it
    says = "; ".join(dict.fromkeys(str(one) for one in pauses if one))
    return Finding("pause", ok=False, says=says, remedy="dispatcher resume --all") if says else None


def _orphans(dispatcher: Dispatcher) -> Finding | None:
    """The campaigns that nobody sends, because no setting names their account."""
    try:
        orphans = dispatcher.orphans()
    except DispatcherError:
        return None  # the check of the database reports it
    if not orphans:
        return None
    listed = ", ".join(f"{count} of {account!r}" for account, count in orphans.items())
    says = f"campaigns of accounts that are not set up here: {listed}"
    remedy = "name them in DISPATCHER_ACCOUNTS, each with its key; or cancel the campaigns"
    return Finding("accounts", ok=False, says=says, remedy=remedy)


def _gateway(dispatcher: Dispatcher) -> str:
    balance = dispatcher.account().balance
    return "the key is good" + ("" if balance is None else f", balance {balance} €")


def _doubts(dispatcher: Dispatcher) -> str:
    doubts, incidents = dispatcher.doubts(), dispatcher.incidents()
    if doubts:
        raise CheckFailed(f"{len(doubts)} batches in doubt", "")
    if incidents:
        raise CheckFailed(
            f"{len(incidents)} double texts on record", "dispatcher doubts shows them"
        )
    return "none"


def _credit(dispatcher: Dispatcher) -> str:
    """Check that the balance pays for all planned messages, of paused campaigns too."""
    if dispatcher.settings.credit_check == "off":
        return "nobody checks at it (DISPATCHER_CREDIT_CHECK=off)"
    to_go, unpriced = dispatcher.to_go()
    last = dispatcher.credit()
    if last.failures:
        since = "never" if last.at is None else f"last at {last.at:%Y-%m-%d %H:%M} UTC"
        raise CheckFailed(
            f"the balance could not be read {last.failures} times in a row, {since}:"
            " campaigns run without a check of it",
            "see the gateway above",
        )
    balance = dispatcher.account().balance
    unknown = f", and what has no price: {', '.join(unpriced)}" if unpriced else ""
    planned = f"{to_go:.2f} €{unknown}"
    if balance is None:
        return f"{planned} to go; the gateway tells no balance"
    if balance < to_go:
        raise CheckFailed(f"{to_go - balance:.2f} € are missing: {planned} to go", "")
    return f"balance {balance:.2f} €, {planned} to go"


def _costs(dispatcher: Dispatcher) -> str:
    charged, planned = dispatcher.spent(_LATELY)
    if not planned:
        return "nothing to compare: no prices, or nothing sent lately"
    says = f"{charged:.2f} € charged in {_LATELY.days} days, {planned:.2f} € were planned"
    if abs(charged - planned) > planned * _TOLERANCE:
        raise CheckFailed(says, "")
    return says


def _stops(dispatcher: Dispatcher) -> str:
    """Check that the STOP list was read within two of its intervals."""
    age = dispatcher.stop_list_age()
    if age.wait(dispatcher.clock(), timedelta(seconds=2 * dispatcher.settings.stop_list_every)):
        limit = timedelta(seconds=dispatcher.settings.stop_list_max_age)
        after = f"; commercial campaigns wait after {limit}" if limit else ""
        raise CheckFailed(f"the STOP list {age.says}{after}", "")
    return f"the STOP list {age.says}" if age.first_tried_at else "nobody has read it yet"


def _inbox(dispatcher: Dispatcher) -> Inbox:
    dispatcher.prepare()
    with dispatcher.database.read() as session:
        return inbox(session, dispatcher.clock())


def _refusals(dispatcher: Dispatcher) -> str:
    if waiting := _inbox(dispatcher).refusals:
        raise CheckFailed(f"probable refusals wait for a decision: {waiting}", "")
    return "none to decide about"


def _webhooks(dispatcher: Dispatcher) -> str:
    counts, limit = _inbox(dispatcher), dispatcher.settings.stop_storm
    if limit and counts.untexted >= limit:
        raise CheckFailed(
            f"{counts.untexted} STOPs in 24 hours for numbers that were never texted",
            "forged or a mistake? replace DISPATCHER_WEBHOOK_SECRET; dispatcher opt-outs take-back",
        )
    if counts.unread:
        raise CheckFailed(f"calls that could not be read: {counts.unread}", "")
    return "every call could be read"
