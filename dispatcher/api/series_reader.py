"""What is shown of series: as they stand, what became of occurrences, and what comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, cast

from dispatcher.api.draft_lists import storable
from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.api.intake import submission_of
from dispatcher.api.preview import preview
from dispatcher.api.series_lists import opened
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.recurrence import Calendar, Coming, next_occurrences, stored_rule
from dispatcher.campaigns.series import Occurrence, Series, day_taken
from dispatcher.campaigns.submission import Options, RecipientInput, Submission
from dispatcher.errors import IllegalMove
from dispatcher.storage import series as store
from dispatcher.window import Hold, Windows
from dispatcher.window.territories import find

_METROPOLE = "metropole"


class SeriesReader:
    """Reads the series of one account, or of all."""

    def __init__(
        self,
        installation: Installation,
        gateways: Gateways,
        account: str | None,
        submitted: Callable[[], object],
    ) -> None:
        """``submitted`` is called once an occurrence has become a campaign."""
        self._installation, self._gateways = installation, gateways
        self._account, self._submitted = account, submitted

    @property
    def needs_approval(self) -> bool:
        """Whether each occurrence becomes a draft, which somebody else has to approve."""
        return self._installation.settings.approval == "required"

    def get(self, name: int | str) -> Series:
        """A series by its name (str) or id (int). Raises NotFound."""
        with self._installation.read() as session:
            return store.find(session, name, self._account)

    def all(self, *, limit: int = 100) -> tuple[Series, ...]:
        """The series, by their next occurrence; those that have ended come last."""
        with self._installation.read() as session:
            return store.latest(session, limit, self._account)

    def blocked(self) -> tuple[Series, ...]:
        """The series whose next occurrence could not be made yet; ``problem`` says why."""
        with self._installation.read() as session:
            return store.blocked(session, self._account)

    def occurrences(self, name: int | str, *, limit: int = 20) -> tuple[Occurrence, ...]:
        """What became of the occurrences, the last one first. Raises NotFound."""
        with self._installation.read() as session:
            found = store.find(session, name, self._account)
            return store.occurrences(session, found.id, limit)

    def coming(self, name: int | str, *, limit: int = 10) -> tuple[Coming, ...]:
        """The occurrences to come, with the names of closed days. Raises NotFound."""
        return self._coming(self.get(name), limit)

    def day_taken(self, series: Series) -> datetime | None:
        """The end (UTC) of the day on which the last occurrence that was made leaves, or has left.

        A rule that takes the place of another has no occurrence before. None if none was made.
        """
        with self._installation.read() as session:
            last = store.last_made(session, series.id)
        return day_taken(series, last, lambda at: self._hold(series, at)) if last else None

    def plan(self, name: int | str) -> Plan:
        """What the next occurrence would do with the list as it is now; nothing is written.

        Raises IllegalMove if there is none, and UnusableInput as ``submit`` does.
        """
        series = self.get(name)
        if series.next_at is None:
            raise IllegalMove(f"series {series.name!r} has ended: there is no next occurrence")
        with self._people(series) as people:
            return self._planned(series, series.next_at, people)

    # -- behind it

    def _coming(self, series: Series, limit: int) -> tuple[Coming, ...]:
        if series.next_at is None:
            return ()
        first = Coming(series.next_at, self._calendar(series)(series.next_at))
        rule = stored_rule(series.rule, series.since)
        later = next_occurrences(rule, series.next_at, self._calendar(series))
        return (first, *islice(later, limit - 1))

    def _calendar(self, series: Series) -> Calendar:
        """The name of the closed day on which an instant is, for who is texted by the series."""
        if not series.commercial:
            return lambda _: ""
        return partial(_closed_day, self._installation.windows, _place(series))

    def _hold(self, series: Series, at: datetime) -> Hold | None:
        return self._installation.windows.hold(at, _place(series))

    def _submission(self, series: Series, at: datetime, **more: Any) -> Submission:
        """The campaign of an occurrence. Raises UnusableInput."""
        options = self._options(series, at) | {"by": f"series {series.name}"} | more
        settings = self._installation.settings
        account, given = self._account, cast("Options", options)
        return submission_of(settings, account, series.reference(at), series.text, given)

    def _options(self, series: Series, at: datetime) -> dict[str, Any]:
        ends = {} if series.lasts is None else {"not_after": at + series.lasts}
        return {**series.options, "account": series.account, "not_before": at, **ends}

    @contextmanager
    def _people(self, series: Series) -> Iterator[Iterable[RecipientInput]]:
        """The list as it is now. Raises UnusableInput, ConfigurationError."""
        consent = series.options.get("consent")
        with opened(series.source, series.reading, series.text, consent) as people:
            yield people

    def _planned(self, series: Series, at: datetime, people: Iterable[RecipientInput]) -> Plan:
        # the gateway is asked about numbers when the campaign is stored
        submission = replace(self._submission(series, at), check_numbers=False)
        if self.needs_approval:
            people = storable(people)
        shared = self._installation, self._gateways, submission, people
        return preview(*shared, reject=None, each=None)


def _place(series: Series) -> str:
    return str(series.options.get("territory") or _METROPOLE)


def _closed_day(windows: Windows, territory: str, at: datetime) -> str:
    [(day, name)] = windows.closed_days_after(at, territory, 1)
    return name if day == find(territory).local(at).date() else ""
