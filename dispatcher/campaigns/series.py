"""A series: the same text again and again, each time as an ordinary campaign. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from dispatcher.campaigns.draft import OPTIONS, written_options
from dispatcher.campaigns.recurrence import instant_of, stored_rule
from dispatcher.campaigns.series_approval import SeriesApproval
from dispatcher.campaigns.states import Missed, OccurrenceState, SeriesState
from dispatcher.window import Hold, NeverOpen
from dispatcher.window.slots import PARIS

#: how long before its start an occurrence is made, if nobody says
LEAD: Final = timedelta(hours=2)
#: made so long after its start, an occurrence is still in time
GRACE: Final = timedelta(minutes=10)
#: one that could not be made is tried again after this, and each time after longer, up to
AGAIN: Final = timedelta(minutes=1)
_MOST_SELDOM: Final = timedelta(hours=1)
#: the options of the campaigns; their instants follow from the rule
SERIES_OPTIONS: Final = OPTIONS - {"not_before", "not_after", "hand_over"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series as it stands. Instants are UTC.

    ``since`` is the day in Paris from which the rule counts. ``source`` names the list, ``reading``
    how it is read. ``lasts`` is how long after its start an occurrence expires; None for never.
    ``next_at`` is the start of the next occurrence; None once there is none. ``problem`` says why
    that could not be made yet, since ``problem_at``. ``writers`` is everybody who has changed it.
    ``approval`` is that of the whole series; None without one.
    """

    id: int
    name: str
    account: str
    version: int
    state: SeriesState
    rule: str
    since: date
    text: str = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    source: str = field(repr=False)
    reading: Mapping[str, Any] = field(repr=False)
    lead: timedelta
    lasts: timedelta | None
    missed: Missed
    author: str
    writers: tuple[str, ...]
    created_at: datetime
    changed_at: datetime
    changed_by: str
    next_at: datetime | None
    due_at: datetime | None
    problem: str = ""
    problem_at: datetime | None = None
    approval: SeriesApproval | None = None

    @property
    def commercial(self) -> bool:
        """Whether the window holds its campaigns."""
        return bool(self.options.get("commercial", True))

    def following(self, at: datetime) -> datetime | None:
        """The occurrence behind an instant; None if it is the last one."""
        return stored_rule(self.rule, self.since).after(at)

    def coming_in(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The occurrences to come from ``start`` until ``end``, on the clock of Paris."""
        if self.next_at is None or self.state is not SeriesState.RUNNING or self.next_at >= end:
            return
        if self.next_at >= start:
            yield self.next_at.astimezone(PARIS)
        behind = max(self.next_at, start - timedelta(microseconds=1))
        for at in stored_rule(self.rule, self.since).all_after(behind):
            if at >= end:
                return
            yield at.astimezone(PARIS)

    def reference(self, at: datetime) -> str:
        """The reference of the campaign of an occurrence."""
        return reference_of(self.name, at.astimezone(PARIS))

    def looks_at(self, at: datetime | None) -> datetime | None:
        """When an occurrence that begins at ``at`` is to be looked at."""
        if at is None or self.state is SeriesState.ENDED:
            return None
        return at if self.state is SeriesState.PAUSED else at - self.lead

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "id": self.id,
            "name": self.name,
            "account": self.account,
            "version": self.version,
            "state": self.state.value,
            "rule": self.rule,
            "since": self.since.isoformat(),
            "text": self.text,
            "options": json.loads(written_options(self.options)),
            "list": self.source,
            "reading": dict(self.reading),
            "lead": seconds_of(self.lead),
            "not_after": None if self.lasts is None else seconds_of(self.lasts),
            "missed": self.missed.value,
            "author": self.author,
            "writers": list(self.writers),
            "created_at": self.created_at.isoformat(),
            "changed_at": self.changed_at.isoformat(),
            "changed_by": self.changed_by,
            "next_at": self.next_at and self.next_at.isoformat(),
            "problem": self.problem,
            "problem_at": self.problem_at and self.problem_at.isoformat(),
            "approval": self.approval and self.approval.as_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """What became of one occurrence, which began at ``at`` (UTC)."""

    at: datetime
    reference: str
    state: OccurrenceState
    decided_at: datetime
    late: bool = False
    reason: str = ""
    campaign: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "at": self.at.isoformat(),
            "reference": self.reference,
            "state": self.state.value,
            "decided_at": self.decided_at.isoformat(),
            "late": self.late,
            "reason": self.reason,
            "campaign": self.campaign,
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done about the next occurrence: it is made, or skipped for a reason."""

    at: datetime
    late: bool = False
    skipped: str = ""


def due(series: Series, now: datetime, hold: Callable[[datetime], Hold | None]) -> Decision | None:
    """What is to be done now about the next occurrence; None to wait.

    ``hold`` says what a campaign that begins at an instant waits for. Two occurrences never leave
    together: of several that were missed, or that the window holds until one day, the last one
    alone leaves.
    """
    at = series.next_at
    if at is None or series.state is SeriesState.ENDED:
        return None
    if series.state is SeriesState.PAUSED:
        return Decision(at, skipped="the series was paused") if now >= at else None
    if now < at - series.lead:
        return None
    late = now > at + GRACE
    why = series.problem or "no worker made it in time"
    if late and series.missed is Missed.SKIP:
        return Decision(at, late, f"missed: {why}")
    following = series.following(at)
    if late and following is not None and now >= following - series.lead:
        return Decision(at, late, f"missed, and the next one is due already: {why}")
    ends = None if series.lasts is None else at + series.lasts
    if ends is not None and now >= ends:
        return Decision(at, late, f"missed, and its end has passed: {why}")
    held = hold(max(at, now)) if series.commercial else None
    if held is not None and ends is not None and held.until >= ends:
        return Decision(at, late, f"it would expire before the window opens: {held.why}")
    leaves = held.until if held else max(at, now)
    if following is not None and _leave_together(series, at, leaves, following, hold):
        reason = held.why if held else why
        return Decision(at, late, f"it would leave on the day of the next one: {reason}")
    return Decision(at, late)


def _leave_together(
    series: Series,
    at: datetime,
    leaves: datetime,
    following: datetime,
    hold: Callable[[datetime], Hold | None],
) -> bool:
    """Whether the occurrence ``at``, which ``leaves`` then, leaves on the day of the next one.

    A rule may have several a day by itself: then only those that leave at one moment do.
    """
    with suppress(NeverOpen):  # the next one leaves on no day that is near
        held = hold(following) if series.commercial else None
        then = held.until if held else following
        several = _day(at) == _day(following)
        return then <= leaves or (not several and _day(then) == _day(leaves))
    return False


def _day(at: datetime) -> date:
    return at.astimezone(PARIS).date()


def day_taken(
    series: Series, last: Occurrence, hold: Callable[[datetime], Hold | None]
) -> datetime:
    """The end (UTC) of the day on which the last occurrence that was made leaves.

    A changed rule has none before: who gets the text that day would get it twice.
    """
    leaves = max(last.at, last.decided_at)
    held = hold(leaves) if series.commercial else None
    day = _day(held.until if held else leaves) + timedelta(days=1)
    return instant_of(datetime.combine(day, time()))


def tried_again(series: Series, now: datetime) -> datetime:
    """When an occurrence that cannot be made is tried again: the longer it lasts, the later.

    At its hour it is tried in any case, and again once the next one is to be made.
    """
    lasted = now - (series.problem_at or now)
    at, following = series.next_at, series.following(series.next_at or now)
    moments = [now + min(max(AGAIN, lasted), _MOST_SELDOM)]
    moments += [one for one in (at, following and following - series.lead) if one and one > now]
    return min(moments)


def reference_of(name: str, wall: datetime) -> str:
    """The reference of an occurrence, by the clock of Paris."""
    return f"{name}-{wall:%Y-%m-%d-%Hh%M}"


def seconds_of(value: timedelta) -> int:
    """A duration in whole seconds."""
    return round(value.total_seconds())
