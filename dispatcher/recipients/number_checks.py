"""What the gateway and the networks say of numbers, and what follows from it. Pure.

Our own judgement of a number is ARCEP's numbering plan, or ``phonenumbers`` for other countries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

#: why a row is left out that our own judgement would text
INVALID_THERE: Final = "invalid_at_gateway"
OUT_OF_SERVICE: Final = "out_of_service"
#: what a check of a network came to
IN_SERVICE, UNDECIDED = "in_service", "undecided"
#: the networks' words for a number that nobody has. A phone that is off or barred has another
_NOBODY: Final = frozenset({"UNKNOWN_SUBSCRIBER", "UNIDENTIFIED_SUBSCRIBER"})
#: codes with which an order of checks is refused whole, by the gateway's pages: nothing is paid
REFUSALS: Final = frozenset({1, 2, 3, 9, 10, 11, 13, 14, 19, 20, 30, 40, 50, 55, 90, 96})
#: so many lines are named, the others counted
_LINES_SHOWN: Final = 10
#: so many countries with kinds are told apart, of so many characters: words of somebody else
_FORMS, _LONGEST_WORD = 30, 40


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """What ``/lookup`` says of one number. ``request`` is the number as the gateway read it."""

    request: str = field(repr=False)
    valid: bool
    phone: str | None = field(default=None, repr=False)
    #: the country's name, often left empty
    country: str = ""
    prefix: int | None = None
    #: "Mobile" and others, as the gateway writes them
    kind: str = ""
    network: str = ""
    #: the gateway says that it is no number: an answer that cannot be read says neither
    refused: bool = False


@dataclass(frozen=True, slots=True)
class HlrOrder:
    """A paid check that was taken; its results are posted to the address that was given."""

    id: str
    numbers: int
    cost: Decimal
    currency: str = ""


class RowNumbers:
    """How many rows something is said of, and on which lines they stand."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[int] = []

    def add(self, row: int | None) -> None:
        """One more; ``row`` is its line, if that is known."""
        self.count += 1
        if row is not None and len(self._first) < _LINES_SHOWN:
            self._first.append(row)

    @property
    def first(self) -> tuple[int, ...]:
        """The first lines."""
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
    """Rows of which the gateway says something else than we do."""

    says: str
    count: int
    lines: tuple[int, ...]
    where: str
    #: whether they are left out for it
    rejected: bool

    def __str__(self) -> str:
        end = "left out" if self.rejected else "kept"
        return f"{self.count:,} × {self.says}, {end}" + (f": {self.where}" if self.where else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """What the gateway says of a list, none of it by number."""

    #: numbers that it was asked about, and those that it was not, because it ``failed``
    asked: int
    unasked: int
    failed: str
    #: how many numbers there are of each country and kind, in its own words
    forms: Mapping[str, int]
    differences: Sequence[Difference]

    def sentences(self) -> list[str]:
        """The same for people."""
        said = [f"{count:,} × {form}" for form, count in self.forms.items()]
        said += map(str, self.differences)
        if self.unasked:
            said.append(f"{self.unasked:,} were not looked up: {self.failed}")
        return said

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
    """Counts what the gateway says, number by number."""

    def __init__(self) -> None:
        self.asked = self.unasked = 0
        self.failed = ""
        self._forms: Counter[str] = Counter()
        self._differences: dict[tuple[str, bool], RowNumbers] = {}

    def add(self, says: str, row: int | None, *, rejected: bool) -> None:
        """The gateway says something else than we do of the number on a line."""
        if len(self._differences) >= _FORMS and (says, rejected) not in self._differences:
            says = "something else, the gateway says"
        self._differences.setdefault((says, rejected), RowNumbers()).add(row)

    def known(self, check: NumberCheck) -> None:
        """The gateway knows a number."""
        country = _word(check.country) or (f"+{check.prefix}" if check.prefix else "")
        form = f"{country or 'unknown country'}, {_word(check.kind) or 'unknown kind'}"
        self._forms[form if form in self._forms or len(self._forms) < _FORMS else "others"] += 1

    def total(self) -> Lookups:
        """All that was counted, the most frequent first."""
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
    """What the gateway says of ``phone`` (E.164) that we do not; empty when it agrees."""
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
    """Words of the gateway as they may be shown: short, on one line, and nobody's number."""
    shown = "".join(char if char.isprintable() else " " for char in words if not char.isdigit())
    return " ".join(shown.split())[:_LONGEST_WORD]


def answered(phones: Sequence[str], checks: Sequence[NumberCheck]) -> dict[str, NumberCheck]:
    """Each number (E.164) with what is said of it; an answer about none of them is let go.

    The order of the answers is not documented: only the number tells which is which.
    """
    wanted = set(phones)
    found: dict[str, NumberCheck] = {}
    for check in checks:
        about = check.request if check.request in wanted else check.phone
        if about in wanted:
            found.setdefault(about, check)
    return found


def service(group: int | None, name: str) -> str:
    """What the network's answer says of a number: in service, out of service, or neither.

    Only a name that says that nobody has the number takes it out of service. Those of a phone
    that is off, of a barred line and of a network in trouble decide nothing.
    """
    word = name.strip().upper().removeprefix("EC_")
    if word in _NOBODY:
        return OUT_OF_SERVICE
    if word == "NO_ERROR" or (not word and group == 0):
        return IN_SERVICE
    return UNDECIDED
