"""Series: set up, changed, paused and ended by people; workers make their occurrences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from dispatcher.api.actor import named, on_record
from dispatcher.api.occurrence_notes import skip_overdue
from dispatcher.api.series_approval import SeriesApprovals
from dispatcher.api.series_lists import changed_reading, source_of
from dispatcher.api.series_setup import changed_meanwhile, written
from dispatcher.campaigns.draft import with_writer
from dispatcher.campaigns.recurrence import since_of
from dispatcher.campaigns.series import LEAD, Series
from dispatcher.campaigns.series_fields import lasts_of, lead_of, missed_of
from dispatcher.campaigns.states import OccurrenceState, SeriesState
from dispatcher.errors import IllegalMove, InvalidCampaign, ReferenceTaken
from dispatcher.masking import masked
from dispatcher.storage import actions
from dispatcher.storage import series as store
from dispatcher.storage import series_approval as columns
from dispatcher.storage.driver_errors import Conflict
from dispatcher.window.slots import PARIS


class SeriesActions(SeriesApprovals):
    """The series of one account, or of all. ``by`` is who acts, for the record, as in ``submit``.

    In a web request in which nobody is signed in, NotAllowed is raised where approval is required.
    """

    def add(
        self,
        name: str,
        *,
        rule: str,
        source: str | Path,
        text: str = "",
        since: date | None = None,
        reading: Mapping[str, Any] | None = None,
        lead: timedelta = LEAD,
        not_after: timedelta | None = None,
        missed: str = "late",
        writers: Iterable[str] = (),
        by: str | None = None,
        **options: Any,
    ) -> Series:
        """Set up a series; from now on workers make its occurrences.

        ``rule`` is an RRULE of RFC 5545 on the wall clock of Paris, which counts from the day
        ``since`` (today). ``source`` is a file, or ``module:name`` of a function, a QuerySet or
        another list of the application; it is read ``lead`` before each occurrence, and
        ``reading`` says how: ``column``, ``territory_column``, … of a file, ``phone``, ``fields``,
        … of rows. Each expires ``not_after`` after its start. What is ``missed``, because no worker
        ran, runs ``late`` or is ``skip``ped. ``writers`` have written in it, too, as in the draft
        that it is made of: none of them may approve it. The other options are those of ``submit``.

        Raises ReferenceTaken for a name that exists, and UnusableInput for a rule that never
        occurs, falls on closed days only or comes more often than hourly, and for a list or a text
        that cannot be used now.
        """
        who, writer = named(by), self._writer()
        series = self._new(
            name,
            writer,
            rule=rule,
            source=source,
            text=text,
            since=since,
            reading=reading,
            lead=lead,
            not_after=not_after,
            missed=missed,
            writers=writers,
            **options,
        )
        try:
            with self._installation.write() as session:
                series_id = store.add(
                    session,
                    **written(series),
                    name=series.name,
                    account=series.account,
                    author=writer,
                    created_at=series.created_at,
                    changed_at=series.changed_at,
                    changed_by=writer,
                )
                self._note(session, "add series", series, who, series.rule)
        except Conflict:
            raise ReferenceTaken(f"there is a series {series.name!r}") from None
        self._submitted()
        return self.get(series_id)

    def change(
        self,
        name: int | str,
        *,
        rule: str | None = None,
        source: str | Path | None = None,
        text: str | None = None,
        since: date | None = None,
        reading: Mapping[str, Any] | None = None,
        lead: timedelta | None = None,
        not_after: timedelta | None = None,
        missed: str | None = None,
        options: Mapping[str, Any] | None = None,
        version: int | None = None,
        by: str | None = None,
    ) -> Series:
        """Change a series from its next occurrence on; what is None stays as it was.

        A ``not_after`` of nothing, ``timedelta(0)``, takes it away. ``options`` takes the place of
        all that it had. Of ``reading``, too, what is not named stays, and a part that is None or
        empty is taken away; with a list of the other kind, it is all that there is. What was made
        before stays: another rule begins on the day after the last occurrence that was made leaves,
        so that nobody gets both on one day (``next_at``). One that could not be made yet stays
        next, but another rule skips it once its hour has passed, which is told. The approval of
        the series ends. ``version`` is the one that the change was made from, if it may be no
        other. Raises as ``add`` does, NotFound, and IllegalMove for a series that has ended or was
        changed meanwhile.
        """
        who, writer = named(by), self._writer()
        now = self._installation.clock()
        series = self._alive(name)
        if version not in (None, series.version):
            raise changed_meanwhile(series)
        found = series.source if source is None else source_of(source)
        given: dict[str, Any] = {
            "source": found,
            "reading": changed_reading(series, found, reading or {}),
            "text": series.text if text is None else text,
            "lead": series.lead if lead is None else lead_of(lead),
            "missed": series.missed if missed is None else missed_of(missed),
            "writers": tuple(with_writer(series.writers, writer)),
        }
        if not_after is not None:
            given["lasts"] = lasts_of(not_after or None)
        if options is not None:
            given["options"], account = self._checked({"account": series.account, **options})
            if account != series.account:
                raise InvalidCampaign("the account of a series cannot be changed: add another")
        if rule is not None or since is not None:
            given["rule"] = series.rule if rule is None else rule
            if since != series.since:
                since = since_of(since, now.astimezone(PARIS).date())
            given["since"] = since
        changed = self._tried(replace(series, **given), now, series)
        what = [one for one in _CHANGES if getattr(changed, one) != getattr(series, one)]
        with self._installation.write() as session:
            values = written(changed) | {"problem": "", "problem_at": None}
            if what and series.approval:
                values |= columns.columns(None)
                self._note(session, "end approval of series", series, who, "it was changed")
            if changed.next_at != series.next_at:
                values["state"] = series.state
                series = skip_overdue(session, series, now, "the rule was changed")
            store.change(session, series, by=writer, now=now, **values)
            said = ", ".join(_CALLED.get(one, one) for one in what)
            self._note(session, "change series", series, who, said)
        self._submitted()
        return self.get(series.id)

    def pause(self, name: int | str, *, reason: str = "", by: str | None = None) -> Series:
        """Make no occurrence until ``resume``: those that begin meanwhile are skipped.

        Campaigns that were made before go on. Raises NotFound, IllegalMove.
        """
        return self._move(name, SeriesState.PAUSED, "pause series", reason, by)

    def resume(self, name: int | str, *, reason: str = "", by: str | None = None) -> Series:
        """Make occurrences again, from the next one on. Raises NotFound, IllegalMove."""
        return self._move(name, SeriesState.RUNNING, "resume series", reason, by)

    def end(self, name: int | str, *, reason: str = "", by: str | None = None) -> Series:
        """End a series for good. Campaigns that were made before go on. Raises NotFound."""
        return self._move(name, SeriesState.ENDED, "end series", reason, by)

    def skip(
        self,
        name: int | str,
        *,
        at: datetime | None = None,
        reason: str = "",
        by: str | None = None,
    ) -> Series:
        """Skip the next occurrence.

        ``at`` is when it begins: whoever asks twice, or too late, skips none behind it. Raises
        NotFound, and IllegalMove if there is none, or another one is next.
        """
        series, who = self._alive(name), named(by)
        if at is not None and at != series.next_at:
            raise IllegalMove(f"the next occurrence of series {series.name!r} is another one")
        now, said = self._installation.clock(), on_record("a reason", reason)
        why = masked(f"skipped by {who}: {said}" if said else f"skipped by {who}")
        with self._installation.write() as session:
            skipped = store.settle(session, series, OccurrenceState.SKIPPED, now=now, reason=why)
            if not skipped:
                raise changed_meanwhile(series)
            words = series.reference(series.next_at) if series.next_at else ""
            words = f"{words}: {said}" if said else words
            actions.note(session, None, verb="skip occurrence", actor=who, now=now, reason=words)
        return self.get(series.id)

    # -- behind it

    def _move(
        self, name: int | str, target: SeriesState, verb: str, reason: str, by: str | None
    ) -> Series:
        who, said = named(by), on_record("a reason", reason)
        series, now = self.get(name), self._installation.clock()
        if series.state is target:
            return series
        series = self._alive(series.id)
        moved = replace(series, state=target)
        values: dict[str, Any] = {"state": target, "due_at": moved.looks_at(series.next_at)}
        if target is SeriesState.ENDED:
            values |= {"next_at": None, "problem": "", "problem_at": None}
        with self._installation.write() as session:
            store.change(session, series, by=who, now=now, **values)
            self._note(session, verb, series, who, said)
        self._submitted()
        return self.get(series.id)


_CHANGES = (*("rule", "since", "text", "options", "source", "reading", "lead", "lasts", "missed"),)
#: how those are called outside
_CALLED = {"source": "list", "lasts": "not_after"}
