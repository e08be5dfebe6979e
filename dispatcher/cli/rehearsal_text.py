"""A rehearsal as text, in the language of its reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatcher.campaigns.wording import counted
from dispatcher.language.forms import IN_ENGLISH
from dispatcher.window.slots import PARIS
from dispatcher.window.territories import find

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from dispatcher.language import Language
    from dispatcher.rehearsal import Difference, Rehearsal
    from dispatcher.rehearsal.rehearsal import Part

#: of the table, and those of them over numbers
HEADINGS, RIGHT = ("day", "territory", "planned", "left"), ("planned", "left")
#: differences that are named one by one
_MOST = 20


class RehearsalText:
    """The lines about one rehearsal, before and after its table, and the rows of that."""

    def __init__(self, found: Rehearsal, language: Language) -> None:
        self._found, self._language = found, language

    def before(self) -> Iterator[str]:
        """When it was, what was assumed, and what went wrong."""
        found, text = self._found, self._language.text
        yield text(
            "a rehearsal from {moment} on: nobody is texted, nothing is stored",
            moment=self._moment(found.started_at),
        )
        plan = found.plan
        rejected = sum(plan.rejected.values())
        yield self._language.say(
            f"{counted(plan.kept, 'recipient')} kept of {counted(plan.rows, 'row')},"
            f" {counted(plan.duplicates, 'duplicate')}, {counted(rejected, 'reject')},"
            f" {counted(plan.batches, 'batch', 'batches')}"
        )
        for sentence in (*found.assumed, *(fault.meaning for fault in found.faults)):
            yield f"  {self._language.say(sentence)}"
        yield ""

    def rows(self) -> Iterator[Sequence[str]]:
        """A row for each day and territory."""
        for one in self._found.days:
            parts = (self._part(part) for part in (one.planned, one.left))
            yield self._language.forms.day_of(one.day), self._place(one.territory), *parts

    def after(self) -> Iterator[str]:
        """What became of the messages, and whether it is what the plan says."""
        found, language = self._found, self._language
        yield ""
        states = [
            f"{language.forms.number(count)} {language.word('message', state)}"
            for state, count in found.progress.messages.items()
            if count
        ]
        yield language.text(
            "messages on {moment}: {states}",
            moment=self._moment(found.ended_at),
            states=", ".join(states),
        )
        if found.stops:
            people = language.say(counted(found.stops, "person", "people"))
            yield language.text("STOP was said by {people}", people=people)
        for cause in found.why:
            yield language.text("not all has come to its end: {why}", why=language.say(cause))
        yield ""
        yield from map(self._difference, found.differences[:_MOST])
        if (more := len(found.differences) - _MOST) > 0:
            yield language.text("and {count} more: --json has them all", count=more)
        if found.twice:
            people = language.say(counted(found.twice, "person", "people"))
            yield language.text("texted twice: {people}", people=people)
        yield language.say(self._verdict())

    def _verdict(self) -> str:
        if not self._found.agrees:
            return "what left differs from the plan, and no fault explains it"
        if self._found.differences:
            return "what left differs from the plan as its faults explain"
        return "what left agrees with the plan to the minute"

    def _difference(self, one: Difference) -> str:
        says = self._language.text(
            "{place}: {messages} planned: {moment}, left: {later}",
            place=self._place(one.territory),
            messages=self._language.say(counted(one.messages, "message")),
            moment=self._moment(one.planned_at),
            later=self._moment(one.left_at),
        )
        return f"{says} ({', '.join(one.explained_by)})" if one.explained_by else says

    def _place(self, territory: str) -> str:
        return self._language.word("territory", find(territory).label)

    def _part(self, part: Part | None) -> str:
        if part is None:
            return "–"
        count = self._language.forms.number(part.messages)
        first, last = (self._clock(at) for at in (part.first, part.last))
        return f"{count}, {first}" if first == last else f"{count}, {first}–{last}"

    def _clock(self, at: datetime) -> str:
        local = at.astimezone(PARIS)
        return self._language.forms.clock(local.hour, local.minute)

    def _moment(self, at: datetime | None) -> str:
        """An instant in Paris with its day; "never" for None."""
        if at is None:
            return self._language.say("never")
        local = at.astimezone(PARIS)
        named = f"{IN_ENGLISH.days[local.weekday()]} {IN_ENGLISH.day_of(local.date())}"
        return self._language.forms.said(f"{named} {local:%H:%M}")
