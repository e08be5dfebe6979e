"""What a rehearsal has shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.progress import Progress
from dispatcher.rehearsal.comparison import Difference, Leaving, Leavings
from dispatcher.rehearsal.faults import Fault
from dispatcher.window.slots import PARIS


@dataclass(frozen=True, slots=True)
class Part:
    """Messages that leave on one day: how many, and the first and last instant (UTC)."""

    messages: int
    first: datetime
    last: datetime

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values; instants in ISO 8601."""
        first, last = self.first.isoformat(), self.last.isoformat()
        return {"messages": self.messages, "first": first, "last": last}


@dataclass(frozen=True, slots=True)
class Day:
    """One day in Paris and one territory: what the plan says, and what left; None for nothing."""

    day: date
    territory: str
    planned: Part | None
    left: Part | None

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "day": self.day.isoformat(),
            "territory": self.territory,
            "planned": self.planned and self.planned.as_json(),
            "left": self.left and self.left.as_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a campaign did in a rehearsal, beside its plan.

    ``days`` show both by day in Paris and territory; ``differences`` are where they differ by a
    minute or more. ``progress`` is how the campaign stood when nothing more was due, at
    ``ended_at`` (UTC), and ``why`` says why it had not come to its end; empty if it had.
    ``assumed`` are the things that a rehearsal takes for granted here.
    """

    plan: Plan
    progress: Progress
    started_at: datetime
    ended_at: datetime
    days: tuple[Day, ...] = field(repr=False)
    differences: tuple[Difference, ...]
    #: people who were texted more than once
    twice: int
    #: people who have opted out meanwhile
    stops: int = 0
    why: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    assumed: tuple[str, ...] = ()

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """The differences that no fault explains."""
        return tuple(one for one in self.differences if not one.explained_by)

    @property
    def agrees(self) -> bool:
        """True if what left agrees with the plan to the minute, or its faults explain why not."""
        return not self.unexplained and not self.twice

    @property
    def planned(self) -> int:
        """How many messages were to leave."""
        return sum(one.planned.messages for one in self.days if one.planned)

    @property
    def left(self) -> int:
        """How many messages have left."""
        return sum(one.left.messages for one in self.days if one.left)

    def as_json(self) -> dict[str, Any]:
        """The rehearsal as JSON values; instants in ISO 8601."""
        return {
            "agrees": self.agrees,
            "started_at": self.started_at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
            "seed": self.seed,
            "faults": [fault.name for fault in self.faults],
            "planned": self.planned,
            "left": self.left,
            "twice": self.twice,
            "opted_out": self.stops,
            "days": [day.as_json() for day in self.days],
            "differences": [one.as_json() for one in self.differences],
            "state": self.progress.state,
            "messages": dict(self.progress.messages),
            "why": list(self.why),
            "assumed": list(self.assumed),
            "plan": self.plan.as_json(),
        }


def explained(found: Sequence[Difference], faults: Sequence[Fault]) -> tuple[Difference, ...]:
    """The differences, with the faults that explain each."""
    names = {
        kind: tuple(fault.name for fault in faults if kind in fault.explains)
        for kind in {one.kind for one in found}
    }
    return tuple(replace(one, explained_by=names[one.kind]) for one in found)


def days_of(planned: Leavings, left: Leavings) -> tuple[Day, ...]:
    """Both by day in Paris and territory, in order."""
    wanted, gone = _parts(planned), _parts(left)
    keys = sorted(wanted.keys() | gone.keys())
    return tuple(
        Day(day, name, wanted.get((day, name)), gone.get((day, name))) for day, name in keys
    )


def _parts(leavings: Leavings) -> Mapping[tuple[date, str], Part]:
    parts: dict[tuple[date, str], Part] = {}
    for territory, ones in leavings.items():
        for one in ones:
            if one.messages:
                key = (one.at.astimezone(PARIS).date(), territory)
                parts[key] = _added(parts.get(key), one)
    return parts


def _added(part: Part | None, one: Leaving) -> Part:
    if part is None:
        return Part(one.messages, one.at, one.at)
    return Part(part.messages + one.messages, min(part.first, one.at), max(part.last, one.at))
