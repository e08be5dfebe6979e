"""Consents in columns of the list: which columns a campaign names, and what each row says. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from dispatcher.campaigns.consent import ASK, Consent, row_of, usable
from dispatcher.errors import InvalidCampaign
from dispatcher.recipients.dates import date_of
from dispatcher.recipients.values import NamedValues
from dispatcher.window.slots import PARIS

#: what ``ConsentReader.of`` returns for a date in the future
LATER: Final = "later"
_SHAPE: Final = 'consent is "ask", "column:NAME" or "column:NAME,source:NAME,wording:NAME"'
#: characters
_LONGEST = 500
#: rows whose consent is remembered: dates and forms recur
_MOST_CACHED = 10_000
#: columns that an error names
_MOST_NAMED = 20
_parts = re.compile(r",\s*(?=(?:source|wording):)").split


@dataclass(frozen=True, slots=True)
class ConsentColumns:
    """The columns of the date, the source and the version of the wording; empty for none."""

    date: str
    source: str = ""
    wording: str = ""

    @classmethod
    def of(cls, consent: str | None) -> Self | None:
        """The columns that a campaign's ``consent`` names, if any. Raises InvalidCampaign."""
        if consent is None or consent == ASK:
            return None
        if not isinstance(consent, str) or len(consent) > _LONGEST or not consent.isprintable():
            raise InvalidCampaign(_SHAPE)
        first, *others = (part.partition(":") for part in _parts(consent.strip()))
        named = {what: name.strip() for what, _, name in others}
        if (
            first[0] != "column"
            or len(named) < len(others)
            or not all((first[2].strip(), *named.values()))
        ):
            raise InvalidCampaign(_SHAPE)
        return cls(first[2].strip(), **named)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, each once."""
        return tuple(dict.fromkeys(filter(None, (self.date, self.source, self.wording))))

    def __str__(self) -> str:
        parts = (("column", self.date), ("source", self.source), ("wording", self.wording))
        return ",".join(f"{what}:{name}" for what, name in parts if name)


def columns_in(consent: str | None) -> tuple[str, ...]:
    """The columns that a campaign's ``consent`` names. Raises InvalidCampaign."""
    columns = ConsentColumns.of(consent)
    return columns.names if columns else ()


class ConsentReader:
    """Reads the consent of each row of one list."""

    def __init__(self, columns: ConsentColumns, now: datetime) -> None:
        self._columns = columns
        self._today = now.astimezone(PARIS).date()
        self._now = now
        self._named = NamedValues(columns.names)
        self._unknown = set(columns.names)
        self._first: tuple[str, ...] | None = None
        self._cached: dict[tuple[str, str, str], str] = {}

    def of(self, fields: Mapping[str, str]) -> str:
        """The consent as ``consent.document`` takes it; LATER, or empty without a date."""
        if self._unknown:
            self._unknown -= self._named.names_in(fields)
            self._first = self._first or tuple(fields)
        values, columns = self._named.of(fields), self._columns
        at, source, wording = (
            values.get(name, "") for name in (columns.date, columns.source, columns.wording)
        )
        found = self._cached.get(cells := (at, source, wording))
        if found is None:
            found = self._made(*cells)
            if len(self._cached) < _MOST_CACHED:
                self._cached[cells] = found
        return found

    def check(self) -> None:
        """Raise InvalidCampaign if no row has one of the columns, once the list is read."""
        if self._first is None or not self._unknown:
            return
        name = next(name for name in self._columns.names if name in self._unknown)
        have = ", ".join(map(repr, self._first[:_MOST_NAMED])) or "none"
        raise InvalidCampaign(
            f"no recipient has the column {name!r} that consent names; the first has {have}"
        )

    def _made(self, cell: str, source: str, wording: str) -> str:
        at = date_of(cell)
        if at is None:
            return ""
        later = at > self._now if isinstance(at, datetime) else at > self._today
        found = usable(Consent(at, source.strip(), wording.strip()), self._now)
        return LATER if later or found is None else row_of(found)
