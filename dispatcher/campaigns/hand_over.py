"""Handing over: the gateway holds a batch until its hour. The decisions, pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto

from dispatcher.window import Hold
from dispatcher.window.slots import PARIS, next_slot

#: what is handed over later than this before its hour could hardly be had back any more
LEAST = timedelta(minutes=10)
#: so long after its hour a message that was taken should show under its tag
LAG = timedelta(minutes=5)
#: an hour that is moved so often has no end
_MOVES = 20
#: so long after its hour an answer that nobody understands is asked for again
_PATIENCE = timedelta(days=1)

#: what a batch waits for at the gateway, and why it is asked for back
HELD = "handed over to the gateway"
BACK = "asked back from the gateway: "
CANCELLED, PAUSED, OPTED_OUT = f"{BACK}cancelled", f"{BACK}paused", f"{BACK}somebody opted out"
OTHER_HOUR = f"{BACK}it says another hour than it was asked for"


class Cancellation(StrEnum):
    """What came of asking for a scheduled message to be cancelled, with all its numbers."""

    #: it will not leave
    DONE = "done"
    #: it had been cancelled before
    ALREADY = "already"
    #: fewer than five minutes are left: it leaves
    TOO_LATE = "too_late"
    #: it has left
    LEFT = "left"
    #: the gateway knows no such message
    UNKNOWN = "unknown"

    @property
    def stopped(self) -> bool:
        """Whether nobody is texted by this message."""
        return self in (Cancellation.DONE, Cancellation.ALREADY)


class Ending(Enum):
    """What asking the gateway for a batch comes to."""

    #: it gave it back: nobody is texted by it
    BACK = auto()
    #: it has sent it, or will, whatever is asked
    LEAVES = auto()
    #: nothing is known yet: it is asked again
    AGAIN = auto()
    #: nobody knows what became of it
    DOUBT = auto()


def to_be(leaves_at: datetime) -> str:
    """What a batch waits for that is still to be handed over."""
    hour = f"{leaves_at.astimezone(PARIS):%Y-%m-%d %H:%M}"
    return f"to be handed over to the gateway, which holds it until {hour} in Paris"


def departure(start: datetime, held: Callable[[datetime], Hold | None]) -> Hold | None:
    """The first instant from ``start`` on that can be asked for and at which nothing holds.

    With what moved it; None when there is none. ``held`` tells what holds at an instant.
    """
    at, why = next_slot(start), ""
    for _ in range(_MOVES):
        hold = held(at)
        if hold is None:
            return Hold(at, why)
        at, why = next_slot(hold.until), hold.why
    return None


def too_near(leaves_at: datetime, now: datetime) -> bool:
    """Whether an hour is so near that what is for it waits here."""
    return leaves_at - now < LEAST


def waits_here(
    leaves_at: datetime, now: datetime, hold: Hold | None, *, unproven: bool
) -> Hold | None:
    """What a batch that was to be handed over waits for here instead; None when it need not.

    ``hold`` is what the window says of its hour by now. With an ``unproven`` attempt the gateway
    may hold it already, and a tag need not show that before its hour: it waits for longer.
    """
    if unproven:
        shows = max(leaves_at + LAG, now)
        return Hold(shows, "an earlier attempt shows by then, if it was taken")
    if too_near(leaves_at, now):
        return Hold(max(leaves_at, now), "scheduled" if leaves_at > now else "")
    return hold


def ending(answer: Cancellation | None, leaves_at: datetime, now: datetime) -> Ending:
    """What the gateway's answer to a cancellation comes to; None for one that told nothing."""
    match answer:
        case Cancellation.DONE | Cancellation.ALREADY:
            return Ending.BACK
        case Cancellation.TOO_LATE | Cancellation.LEFT:
            return Ending.LEAVES
        case Cancellation.UNKNOWN:
            return Ending.AGAIN if now < leaves_at else Ending.DOUBT
        case None:
            return Ending.AGAIN if now < leaves_at + _PATIENCE else Ending.DOUBT


def looked_up(check_at: datetime, leaves_at: datetime | None, now: datetime) -> datetime:
    """When a doubt is looked up next: its hour, which may bring the proof, is not slept through."""
    if leaves_at is None or leaves_at + LAG <= now:
        return check_at
    return min(check_at, leaves_at + LAG)
