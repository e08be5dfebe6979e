"""Setting up a series: what is wrong with it is told now, and not when an occurrence is due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from dispatcher.api.actor import NOBODY, identity
from dispatcher.api.admission import check_others, check_reason
from dispatcher.api.intake import Intake
from dispatcher.api.series_lists import reading_of, source_of
from dispatcher.api.series_reader import SeriesReader
from dispatcher.api.written_drafts import check_storable
from dispatcher.campaigns.draft import checked_options, stored_json, with_writer, written_options
from dispatcher.campaigns.recurrence import Coming, Rule, check_open, since_of
from dispatcher.campaigns.schedule import Schedule
from dispatcher.campaigns.series import LEAD, SERIES_OPTIONS, Series
from dispatcher.campaigns.series_checks import check_leaves, check_repeats
from dispatcher.campaigns.series_fields import lasts_of, lead_of, missed_of, name_of
from dispatcher.campaigns.states import SeriesState
from dispatcher.errors import IllegalMove, InvalidCampaign, NotAllowed
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import actions
from dispatcher.storage import series as store
from dispatcher.window.slots import PARIS


class SeriesSetup(SeriesReader):
    """Checks a series as it is to be stored."""

    def preview(self, name: str, *, limit: int = 10, **given: Any) -> tuple[Series, list[Coming]]:
        """What ``add`` would set up, and what would come; nothing is stored.

        It takes what ``add`` takes, but for ``by``, and raises the same, but for ReferenceTaken.
        """
        series = self._new(name, self._writer(), **given)
        return series, [*self._coming(series, limit)]

    def _new(
        self,
        name: str,
        writer: str,
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
        **options: Any,
    ) -> Series:
        """A series that was tried, and is not stored yet. Raises UnusableInput."""
        now = self._installation.clock()
        chosen, account = self._checked(options)
        found = source_of(source)
        series = Series(
            id=0,
            name=name_of(name),
            account=account,
            version=1,
            state=SeriesState.RUNNING,
            rule=rule,
            since=since_of(since, now.astimezone(PARIS).date()),
            text=text,
            options=chosen,
            source=found,
            reading=reading_of(found, reading or {}),
            lead=lead_of(lead),
            lasts=lasts_of(not_after),
            missed=missed_of(missed),
            author=writer,
            writers=tuple(with_writer([*writers], writer)),
            created_at=now,
            changed_at=now,
            changed_by=writer,
            next_at=None,
            due_at=None,
        )
        return self._tried(series, now)

    def _tried(self, series: Series, now: datetime, before: Series | None = None) -> Series:
        """The series with its next occurrence; ``before`` is the one that it takes the place of.

        Raises UnusableInput for what cannot be used.
        """
        rule = Rule(series.rule, series.since)
        check_open(rule, now, self._calendar(series))
        first = rule.after(self._settled_until(series, now, before) if before else now)
        if first is None:
            raise InvalidCampaign(f"the rule {rule.text} does not occur any more")
        series = replace(series, rule=rule.text, next_at=first, due_at=series.looks_at(first))
        words = series.text + written_options(series.options) + series.source
        check_storable(words + stored_json(dict(series.reading)))
        if series.commercial:
            check_leaves(series, lambda at: self._hold(series, at))
        settings = self._installation.settings
        if settings.repeat_mode == "block":
            check_repeats(series, timedelta(days=settings.repeat_days))
        at = max(first, now)  # one that could not be made may be due already
        submission = replace(self._submission(series, at), check_numbers=False)
        check_reason(submission)
        check_others(self._installation, submission)
        Intake(self._installation, submission, None).check_consent()
        # also if the list is empty today
        Schedule(submission, self._installation.windows, now).check_smoothing()
        with self._people(series) as people:
            rows = iter(people)
            if (one := next(rows, None)) is not None:  # a list may be empty today
                self._planned(series, at, chain([one], rows))
        return series

    def _settled_until(self, series: Series, now: datetime, before: Series) -> datetime:
        """The instant behind which the next occurrence of a changed series is."""
        with self._installation.read() as session:
            after = max(now, store.last_at(session, series.id) or now)
        # an occurrence at that very moment is behind it
        instant = timedelta(microseconds=1)
        if (series.rule, series.since) == (before.rule, before.since):
            # one that could not be made yet stays the next, also after its hour
            return before.next_at - instant if before.next_at else after
        if taken := self.day_taken(series):
            after = max(after, taken - instant)
        return after

    def _checked(self, options: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        """The options that are set, and the account. Raises UnusableInput."""
        chosen = checked_options(options)
        if wrong := sorted({*chosen} - SERIES_OPTIONS):
            raise InvalidCampaign(f"the rule of a series says when: it has no {wrong[0]}")
        account = chosen.pop("account", None) or self._account or DEFAULT
        if self._account not in (None, account):
            raise InvalidCampaign(f"account {account!r} is not that of this dispatcher")
        self._installation.settings.of_account(account)
        return chosen, account

    def _alive(self, name: int | str) -> Series:
        series = self.get(name)
        if series.state is SeriesState.ENDED:
            raise IllegalMove(f"series {series.name!r} has ended: add another one")
        return series

    def _note(self, session: Session, verb: str, series: Series, who: str, said: str) -> None:
        words = f"{series.name}: {said}" if said else series.name
        now = self._installation.clock()
        actions.note(session, None, verb=verb, actor=who, now=now, reason=words)

    def _writer(self) -> str:
        """Who writes, as the login says: that person may not approve an occurrence."""
        try:
            return identity()
        except NotAllowed:
            if self.needs_approval:
                raise
            return NOBODY


def changed_meanwhile(series: Series) -> IllegalMove:
    """What is raised where a series is no longer as it was read."""
    return IllegalMove(f"series {series.name!r} was changed meanwhile: look at it again")


def written(series: Series) -> dict[str, Any]:
    """What a person gives of a series, as it is stored."""
    lasts = series.lasts
    return {
        "rule": series.rule,
        "since": series.since,
        "text": series.text,
        "options": written_options(series.options),
        "source": series.source,
        "reading": stored_json(dict(series.reading)),
        "lead": round(series.lead.total_seconds()),
        "lasts": None if lasts is None else round(lasts.total_seconds()),
        "missed": series.missed,
        "writers": stored_json(list(series.writers)),
        "next_at": series.next_at,
        "due_at": series.due_at,
    }
