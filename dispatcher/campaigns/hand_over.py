"""Handing over: decisions on batches that the gateway holds until their hour. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto

from dispatcher.campaigns.message_states import marked
from dispatcher.campaigns.states import MessageState
from dispatcher.window import Hold
from dispatcher.window.slots import PARIS, next_slot

#: a batch is not handed over later than this before its hour: it could hardly be recalled
LEAST = timedelta(minutes=10)
#: a taken message should show under its tag this long after its hour
LAG = timedelta(minutes=5)
#: after so many moves no hour is found
_MOVES = 20
#: an unclear answer is asked for again until this long after the hour
_PATIENCE = timedelta(days=1)

#: why a batch waits at the gateway, and why it is asked back
HELD = "handed over to the gateway"
BACK = "asked back from the gateway: "
CANCELLED, PAUSED, OPTED_OUT = f"{BACK}cancelled", f"{BACK}paused", f"{BACK}somebody opted out"
#: why a batch is in doubt after its hour
UNCLEAR = "the answer to its hand-over does not name everybody"
OTHER_HOUR = f"{BACK}it says another hour than it was asked for"


class Cancellation(StrEnum):
    """The answer of the gateway to cancelling a scheduled message with all its numbers."""

    #: it is cancelled and will not leave
    DONE = "done"
    #: it was cancelled before
    ALREADY = "already"
    #: less than five minutes were left: it will leave
    TOO_LATE = "too_late"
    #: it has left
    LEFT = "left"
    #: the gateway knows no such message
    UNKNOWN = "unknown"

    @property
    def stopped(self) -> bool:
        """True if this message texts nobody."""
        return self in (Cancellation.DONE, Cancellation.ALREADY)


class Ending(Enum):
    """What became of a batch that the gateway was asked to give back."""

    #: the gateway gave it back: it texts nobody
    BACK = auto()
    #: the gateway has sent it, or will
    LEAVES = auto()
    #: unknown yet: ask again
    AGAIN = auto()
    #: unknown for good: the batch is in doubt
    DOUBT = auto()


def to_be(leaves_at: datetime) -> str:
    """Why a batch waits that is not handed over yet."""
    hour = f"{leaves_at.astimezone(PARIS):%Y-%m-%d %H:%M}"
    return f"to be handed over to the gateway, which holds it until {hour} in Paris"


def departure(start: datetime, held: Callable[[datetime], Hold | None]) -> Hold | None:
    """The first instant from ``start`` on at which the gateway can send and no window is closed.

    The reason says what moved it; None if there is no such instant. ``held`` returns the wait at
    an instant.
    """
    at, why = next_slot(start), ""
    for _ in range(_MOVES):
        hold = held(at)
        if hold is None:
            return Hold(at, why)
        at, why = next_slot(hold.until), hold.why
    return None


def too_near(leaves_at: datetime, now: datetime) -> bool:
    """True if an hour is so near that its batch waits here."""
    return leaves_at - now < LEAST


def waits_here(
    leaves_at: datetime, now: datetime, hold: Hold | None, *, unproven: bool
) -> Hold | None:
    """Why a batch waits here instead of being handed over; None if it can be.

    ``hold`` is the wait of the window at its hour. With an ``unproven`` attempt the gateway may
    hold the batch already, which its tag need not show before the hour, so it waits until then.
    """
    if unproven:
        shows = max(leaves_at + LAG, now)
        return Hold(shows, "an earlier attempt shows by then, if it was taken")
    if too_near(leaves_at, now):
        return Hold(max(leaves_at, now), "scheduled" if leaves_at > now else "")
    return hold


def ending(answer: Cancellation | None, leaves_at: datetime, now: datetime) -> Ending:
    """What the answer to a cancellation means; ``answer`` is None if it was unreadable or lost."""
    match answer:
        case Cancellation.DONE | Cancellation.ALREADY:
            return Ending.BACK
        case Cancellation.TOO_LATE | Cancellation.LEFT:
            return Ending.LEAVES
        case Cancellation.UNKNOWN:
            return Ending.AGAIN if now < leaves_at else Ending.DOUBT
        case None:
            return Ending.AGAIN if now < leaves_at + _PATIENCE else Ending.DOUBT


def held(states: str, carried: Collection[int], answered: Mapping[int, MessageState]) -> str:
    """The states of a batch's messages while the gateway holds those that a call ``carried``.

    Those whom its answer rejects are rejected. All others are pending until their hour, also those
    who counted as sent by a tag, or whom a person had given up: no message to them has left.
    """
    waiting = MessageState.PENDING.letter
    early = (MessageState.SENT.letter, MessageState.UNREPORTED.letter)
    now = "".join(
        waiting if place in carried and letter in early else letter
        for place, letter in enumerate(states)
    )
    rejected = {p: state for p, state in answered.items() if state is MessageState.REJECTED}
    return marked(now, rejected)


def looked_up(check_at: datetime, leaves_at: datetime | None, now: datetime) -> datetime:
    """When a doubt is looked up next: at ``check_at``, or at its hour, which may show the proof."""
    if leaves_at is None or leaves_at + LAG <= now:
        return check_at
    return min(check_at, leaves_at + LAG)
