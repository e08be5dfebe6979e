"""A rehearsal as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatcher.campaigns.wording import counted
from dispatcher.language.forms import IN_ENGLISH
from dispatcher.window.slots import PARIS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from dispatcher.language import Language
    from dispatcher.rehearsal import Difference, Rehearsal
    from dispatcher.rehearsal.rehearsal import Part

#: differences that are named one by one
_MOST = 20
#: an instant after which no other has "today" or a weekday alone
_LONG_AGO = "{weekday} {day} {month} {year} {time}"


def before(found: Rehearsal) -> Iterator[str]:
    """When it was, what was assumed, and what went wrong."""
    yield f"a rehearsal from {_moment(found.started_at)} on: nobody is texted, nothing is stored"
    yield from (f"  {sentence}" for sentence in found.assumed)
    for fault in found.faults:
        yield f"  {fault.meaning}"
    yield ""


def rows(found: Rehearsal, language: Language) -> Iterator[Sequence[str]]:
    """A row for each day and territory."""
    for one in found.days:
        parts = (_part(part, language) for part in (one.planned, one.left))
        yield language.forms.day_of(one.day), one.territory, *parts


def after(found: Rehearsal) -> Iterator[str]:
    """What became of the messages, and whether it is what the plan says."""
    yield ""
    states = [f"{count:,} {state}" for state, count in found.progress.messages.items() if count]
    yield f"messages on {_moment(found.ended_at)}: {', '.join(states)}"
    if found.stops:
        yield f"{counted(found.stops, 'person', 'people')} opted out in the rehearsal"
    yield from (f"it has not come to its end: {cause}" for cause in found.why)
    yield ""
    for one in found.differences[:_MOST]:
        yield _difference(one)
    if (more := len(found.differences) - _MOST) > 0:
        yield f"and {counted(more, 'more difference')}: --json has them all"
    if found.twice:
        yield f"{counted(found.twice, 'person was', 'people were')} texted twice: this is a bug"
    if not found.agrees:
        yield "what left differs from the plan, and no fault explains it"
    elif found.differences:
        yield "what left differs from the plan as its faults explain"
    else:
        yield "what left agrees with the plan to the minute"


def _difference(one: Difference) -> str:
    what = f"{one.territory}: {counted(one.messages, 'message')}"
    if one.planned_at is None and one.left_at is not None:
        says = f"{what} left {_moment(one.left_at)}, which were not planned"
    elif one.planned_at is not None and one.left_at is None:
        says = f"{what} planned for {_moment(one.planned_at)} did not leave"
    elif one.planned_at is not None and one.left_at is not None:
        says = f"{what} planned for {_moment(one.planned_at)} left {_moment(one.left_at)}"
    return f"{says} (by {', '.join(one.explained_by)})" if one.explained_by else says


def _moment(at: datetime) -> str:
    """An instant in Paris with its day, which the reader's language writes in its own form."""
    local = at.astimezone(PARIS)
    return _LONG_AGO.format(
        weekday=IN_ENGLISH.days[local.weekday()],
        day=local.day,
        month=IN_ENGLISH.months[local.month - 1],
        year=local.year,
        time=f"{local:%H:%M}",
    )


def _part(part: Part | None, language: Language) -> str:
    if part is None:
        return "–"
    count = language.forms.number(part.messages)
    first, last = (_clock(at, language) for at in (part.first, part.last))
    return f"{count}, {first}" if first == last else f"{count}, {first}–{last}"


def _clock(at: datetime, language: Language) -> str:
    local = at.astimezone(PARIS)
    return language.forms.clock(local.hour, local.minute)
