"""Why a campaign does not leave: every cause, the one that has to end first at the head. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from dispatcher.campaigns.set_aside import NEVER
from dispatcher.campaigns.states import CampaignState
from dispatcher.campaigns.waits import BatchHold, Wait
from dispatcher.window import Hold


class Name(StrEnum):
    """The names of causes, as JSON and metrics have them."""

    DATABASE = "database"
    SCHEMA = "schema"
    RESTORED = "restored"
    CLOCK = "clock"
    REFUSED = "refused"
    BROKER = "broker"
    WORKERS = "workers"
    BEAT = "beat"
    PAUSED = "paused"
    PAUSED_ALL = "paused_all"
    SET_ASIDE = "set_aside"
    WINDOW = "window"
    GATEWAY = "gateway"
    RATE = "rate"
    CAP = "cap"
    OTHER_CAMPAIGN = "other_campaign"
    SMOOTHED = "smoothed"
    ACCOUNT = "account"
    DOUBTS = "doubts"
    STOP_LIST = "stop_list"
    BUDGET = "budget"
    BALANCE = "balance"
    CREDIT = "credit"
    TURN = "turn"
    HANDED_OVER = "handed_over"
    ASKED_BACK = "asked_back"
    IN_DOUBT = "in_doubt"
    SENDING = "sending"


#: causes whose cure stands in ``why``, too: something is broken, and a person has to repair it
_BROKEN = frozenset({Name.DATABASE, Name.CLOCK, Name.REFUSED, Name.BROKER, Name.WORKERS, Name.BEAT})
_OF_WAIT: Mapping[Wait | None, Name] = {
    Wait.WINDOW: Name.WINDOW,
    Wait.RETRY: Name.GATEWAY,
    Wait.RATE: Name.RATE,
    Wait.CAP: Name.CAP,
    Wait.OTHERS: Name.OTHER_CAMPAIGN,
    Wait.PACE: Name.SMOOTHED,
    None: Name.HANDED_OVER,
}
_CURES: Mapping[Name, str] = {
    Name.WINDOW: "it goes on by itself",
    Name.GATEWAY: "it is tried again by itself; dispatcher doctor --only gateway looks at it now",
    Name.RATE: "it goes on by itself; DISPATCHER_RATE sets the rate",
    Name.CAP: "it goes on by itself; DISPATCHER_DAILY_… set the cap",
    Name.OTHER_CAMPAIGN: "it goes on by itself, once that is known",
    Name.SMOOTHED: "it goes on by itself: messages leave evenly over opening hours",
    Name.HANDED_OVER: "the gateway sends it; dispatcher pause asks it back",
    Name.SET_ASIDE: "read the worker's log, then dispatcher resume {ref}",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why messages do not leave, what ends it, and until when it lasts (UTC)."""

    name: Name
    says: str
    cure: str = ""
    until: datetime | None = None

    @property
    def why(self) -> str:
        """What pages, progress and the JSON API show of it."""
        return f"{self.says}; {self.cure}" if self.cure and self.name in _BROKEN else self.says

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values; the instant in ISO 8601."""
        until = None if self.until is None else self.until.isoformat()
        return {"cause": self.name.value, "says": self.says, "cure": self.cure, "until": until}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What may keep a campaign from leaving beside its own row and batches."""

    now: datetime
    #: the database was restored, or everything or its account is paused
    blocked: Cause | None = None
    #: nobody looks for what is due, with the reason; or nobody takes it
    silent: Sequence[Cause] = ()
    #: too many batches are in doubt, in this campaign or others of its account
    stopped: bool = False
    #: why a commercial campaign waits for the STOP list
    stop_list: str = ""
    #: no setting names its account
    orphaned: bool = False
    #: how often in a row the balance could not be read, and its latest value (euros)
    balance_failures: int = 0
    balance: Decimal | None = None
    #: campaigns that leave before this one, and those that take turns with it
    ahead: Sequence[str] = ()
    beside: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """The campaign itself: its state, and what its first batch waits for."""

    reference: str
    state: CampaignState
    reason: str | None = None
    account: str = ""
    commercial: bool = False
    #: the credit pays for batches up to this number; all when None
    funded_to: int | None = None
    hold: Hold | None = None
    #: batches by state
    batches: Mapping[str, int] = field(default_factory=dict)
    #: why the budgets of its tags do not let it begin
    budget_wait: str | None = None


def causes_of(campaign: Standing, around: Surroundings) -> list[Cause]:
    """Every cause that keeps the rest of a campaign back; none if it leaves, or has left."""
    held = campaign.batches.get("handed_over", 0)
    match campaign.state:
        case CampaignState.PAUSED:
            found = _paused(campaign, around, held)
        case CampaignState.RUNNING if campaign.hold is not None:
            found = _waiting(campaign, campaign.hold, around)
        case CampaignState.RUNNING if around.blocked and held:
            found = iter([around.blocked])
        case _ if held:
            found = _asked_back(campaign, around, held)
        case _:
            found = _left(campaign, around)
    return list(found)


def _paused(campaign: Standing, around: Surroundings, held: int) -> Iterator[Cause]:
    says = f"paused: {campaign.reason}"
    if held:
        says += f"; {_batches(held, is_said=True)} at the gateway"
    yield Cause(Name.PAUSED, says, f"dispatcher resume {campaign.reference}")
    if around.blocked:
        yield around.blocked


def _waiting(campaign: Standing, hold: Hold, around: Surroundings) -> Iterator[Cause]:
    """What a running campaign with batches to go waits for."""
    if around.blocked:
        yield around.blocked
    waits = hold.until > around.now
    name = _name_of(hold)
    until = hold.until if waits and name is not Name.SET_ASIDE else None
    own = Cause(name, hold.why, _CURES[name].format(ref=campaign.reference), until)
    if waits:
        yield own
    if campaign.hold is not None and name is Name.SET_ASIDE:
        return
    if around.orphaned:
        says = f"account {campaign.account!r} is not set up here: see DISPATCHER_ACCOUNTS"
        yield Cause(Name.ACCOUNT, says, "name it there, with its key, and restart workers")
    yield from around.silent
    if around.stopped:
        says = "too many batches in doubt: see dispatcher doubts"
        yield Cause(Name.DOUBTS, says, "dispatcher doubts, then resend or give-up")
    if campaign.commercial and around.stop_list:
        cure = "dispatcher opt-outs sync reads it, or says why it cannot be read"
        yield Cause(Name.STOP_LIST, around.stop_list, cure)
    if campaign.budget_wait:
        cure = "dispatcher budgets set raises it; or it goes on once a month has room"
        yield Cause(Name.BUDGET, campaign.budget_wait, cure)
    elif campaign.funded_to is not None and _number(hold) > campaign.funded_to:
        yield _unfunded(campaign.funded_to, around)
    if around.ahead:
        says = f"campaigns of a higher priority leave first: {_listed(around.ahead)}"
        yield Cause(Name.TURN, says, "it goes on by itself; or pause those")
    elif around.beside:
        says = f"it takes turns with {_listed(around.beside)}"
        yield Cause(Name.TURN, says, "it goes on by itself")
    if not waits and name in {Name.GATEWAY, Name.HANDED_OVER} and hold.why:
        yield own


def _asked_back(campaign: Standing, around: Surroundings, held: int) -> Iterator[Cause]:
    says = f"{_batches(held, is_said=True)} asked back from the gateway"
    if around.orphaned:
        says += f": not before account {campaign.account!r} is set up here"
    yield Cause(Name.ASKED_BACK, says, "the gateway is asked until it answers")


def _left(campaign: Standing, around: Surroundings) -> Iterator[Cause]:
    """What is to come of a campaign of which every batch has left, or ended."""
    if doubts := campaign.batches.get("in_doubt", 0):
        cure = "evidence ends it by itself; or dispatcher doubts, then resend or give-up"
        yield Cause(Name.IN_DOUBT, f"{_batches(doubts)} in doubt", cure)
    if campaign.state is CampaignState.RUNNING:
        if around.blocked and around.blocked.name is Name.RESTORED:
            yield around.blocked
        yield from around.silent


def _unfunded(funded_to: int, around: Surroundings) -> Cause:
    if funded_to:
        says = "the balance does not pay for more at present"
        if around.balance is not None:
            says += f": {around.balance:.2f} € are left"
        return Cause(Name.CREDIT, says, "top the account up: it goes on by itself then")
    if not around.balance_failures:
        return Cause(Name.BALANCE, "the balance is read first", "it goes on by itself")
    times = "once" if around.balance_failures == 1 else f"{around.balance_failures} times in a row"
    cure = "dispatcher doctor --only gateway; DISPATCHER_CREDIT_CHECK=off goes on without it"
    return Cause(Name.BALANCE, f"the balance is read first, which failed {times}", cure)


def _name_of(hold: Hold) -> Name:
    if hold.until >= NEVER:
        return Name.SET_ASIDE
    return _OF_WAIT[hold.wait] if isinstance(hold, BatchHold) else Name.WINDOW


def _number(hold: Hold) -> float:
    return hold.number if isinstance(hold, BatchHold) else float("inf")


def _listed(references: Sequence[str]) -> str:
    """Some names: at most three, and how many more there are."""
    more = len(references) - 3
    return ", ".join(references[:3]) + (f" and {more} more" if more > 0 else "")


def _batches(count: int, *, is_said: bool = False) -> str:
    """A number of batches, with its verb if that ``is_said``: "1 batch is"."""
    if count == 1:
        return "1 batch is" if is_said else "1 batch"
    return f"{count:,} batches are" if is_said else f"{count:,} batches"
