"""Checks of numbers by the gateway and the networks, and what they mean for a list. Pure.

Our own check of a number is ``recipients.phones``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

#: reasons to reject a row whose number passes our own check
INVALID_THERE: Final = "invalid_at_gateway"
OUT_OF_SERVICE: Final = "out_of_service"
#: results of a check by the network
IN_SERVICE, UNDECIDED = "in_service", "undecided"
#: answers of networks for a number that nobody has; a phone that is off or barred has others
_NOBODY: Final = frozenset({"UNKNOWN_SUBSCRIBER", "UNIDENTIFIED_SUBSCRIBER"})
#: codes that refuse a whole order of checks, by SMS Partner's pages: nothing is paid
REFUSALS: Final = frozenset({1, 2, 3, 9, 10, 11, 13, 14, 19, 20, 30, 40, 50, 55, 90, 96})
#: this many row numbers are listed, the others only counted
_LINES_SHOWN: Final = 10
#: at most this many countries with kinds are counted apart; their names are cut to this length
_FORMS, _LONGEST_WORD = 30, 40


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """The answer of ``/lookup`` on one number. ``request`` is the number as the gateway read it."""

    request: str = field(repr=False)
    valid: bool
    phone: str | None = field(default=None, repr=False)
    #: the country's name, often left empty
    country: str = ""
    prefix: int | None = None
    #: "Mobile" and others, as the gateway writes them
    kind: str = ""
    network: str = ""
    #: the gateway says that this is not a number; both are False if its answer is unreadable
    refused: bool = False


@dataclass(frozen=True, slots=True)
class HlrOrder:
    """A paid order of checks that the gateway took. It posts the results to our address."""

    id: str
    numbers: int
    cost: Decimal
    currency: str = ""


class RowNumbers:
    """A count of rows, with the numbers of the first ones."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[int] = []

    def add(self, row: int | None) -> None:
        """Count one row; ``row`` is its number, if known."""
        self.count += 1
        if row is not None and len(self._first) < _LINES_SHOWN:
            self._first.append(row)

    @property
    def first(self) -> tuple[int, ...]:
        """The numbers of the first rows."""
        return tuple(self._first)

    def __str__(self) -> str:
        """For example "lines 5, 17 and 3 more"; empty when no line is known."""
        if not self._first:
            return ""
        more = self.count - len(self._first)
        listed = ", ".join(map(str, self._first)) + (f" and {more:,} more" if more else "")
        return f"{'line' if self.count == 1 else 'lines'} {listed}"


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows whose check by the gateway differs from ours."""

    says: str
    count: int
    lines: tuple[int, ...]
    where: str
    #: True if they are rejected for it
    rejected: bool

    def __str__(self) -> str:
        end = "left out" if self.rejected else "kept"
        return f"{self.count:,} × {self.says}, {end}" + (f": {self.where}" if self.where else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """What the gateway says of a list, without any number."""

    #: how many numbers it was asked about, and how many not, because it ``failed`` (the reason)
    asked: int
    unasked: int
    failed: str
    #: how many numbers it knows of each country and kind, in its own words
    forms: Mapping[str, int]
    differences: Sequence[Difference]

    def sentences(self) -> list[str]:
        """The same for people."""
        sentences = [f"{count:,} × {form}" for form, count in self.forms.items()]
        sentences += map(str, self.differences)
        if self.unasked:
            sentences.append(f"{self.unasked:,} were not looked up: {self.failed}")
        return sentences

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "asked": self.asked,
            "unasked": self.unasked,
            "failed": self.failed,
            "forms": dict(self.forms),
            "differences": [
                {
                    "says": one.says,
                    "count": one.count,
                    "lines": list(one.lines),
                    "rejected": one.rejected,
                }
                for one in self.differences
            ],
        }


class Tally:
    """Counts the answers of the gateway, number by number."""

    def __init__(self) -> None:
        self.asked = self.unasked = 0
        self.failed = ""
        self._forms: Counter[str] = Counter()
        self._differences: dict[tuple[str, bool], RowNumbers] = {}

    def add(self, says: str, row: int | None, *, rejected: bool) -> None:
        """Count a row whose check by the gateway differs from ours."""
        if len(self._differences) >= _FORMS and (says, rejected) not in self._differences:
            says = "something else, the gateway says"
        self._differences.setdefault((says, rejected), RowNumbers()).add(row)

    def known(self, check: NumberCheck) -> None:
        """Count a number that the gateway knows."""
        country = _word(check.country) or (f"+{check.prefix}" if check.prefix else "")
        form = f"{country or 'unknown country'}, {_word(check.kind) or 'unknown kind'}"
        self._forms[form if form in self._forms or len(self._forms) < _FORMS else "others"] += 1

    def total(self) -> Lookups:
        """Everything that was counted, the most frequent first."""
        by_count = sorted(self._differences.items(), key=lambda one: -one[1].count)
        return Lookups(
            asked=self.asked,
            unasked=self.unasked,
            failed=self.failed,
            forms=dict(self._forms.most_common()),
            differences=tuple(
                Difference(says, lines.count, lines.first, str(lines), rejected)
                for (says, rejected), lines in by_count
            ),
        )


def difference(phone: str, check: NumberCheck | None) -> str:
    """How the gateway's check of ``phone`` (E.164) differs from ours; empty if it does not."""
    if check is None or not (check.valid or check.refused):
        return "not answered by the gateway"
    if check.refused:
        return "no number, the gateway says"
    if check.phone != phone:
        return "another number, as the gateway reads it"
    if check.prefix is not None and not phone.startswith(f"+{check.prefix}"):
        return "in another country, the gateway says"
    if check.kind and "mobile" not in check.kind.casefold():
        return f"“{_word(check.kind)}”, the gateway says, and no mobile"
    return ""


def _word(words: str) -> str:
    """A text of the gateway made safe to show: short, on one line, without digits."""
    shown = "".join(char if char.isprintable() else " " for char in words if not char.isdigit())
    return " ".join(shown.split())[:_LONGEST_WORD]


def answered(phones: Sequence[str], checks: Sequence[NumberCheck]) -> dict[str, NumberCheck]:
    """The check of each number (E.164); an answer on any other number is dropped.

    The order of the answers is not documented, so each is matched by its number.
    """
    numbers = set(phones)
    found: dict[str, NumberCheck] = {}
    for check in checks:
        about = check.request if check.request in numbers else check.phone
        if about in numbers:
            found.setdefault(about, check)
    return found


def service(group: int | None, name: str) -> str:
    """What the answer of a network means: in service, out of service, or undecided.

    Out of service means that nobody has the number. A phone that is off, a barred line and a
    network with a fault are undecided.
    """
    word = name.strip().upper().removeprefix("EC_")
    if word in _NOBODY:
        return OUT_OF_SERVICE
    if word == "NO_ERROR" or (not word and group == 0):
        return IN_SERVICE
    return UNDECIDED
