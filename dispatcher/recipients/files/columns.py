"""The columns of a file: its header, and which hold numbers, territories and fields.

Every rule serves one promise: a row that holds a person is never taken for a header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

from dispatcher.errors import InvalidFile
from dispatcher.recipients.column_names import (
    every_phone,
    fold,
    key_column,
    last_contact_column,
    phone_columns,
    phones_of,
    territory_column,
)
from dispatcher.recipients.files.number_cells import number_columns, number_of, number_rank

_MOST_LISTED = 30
# an amount on both sides of its comma; a telephone number is longer
_whole_part = re.compile(r"[-+]?\d{1,3}(?:[ .\xa0\u202f]?\d{3})?").fullmatch
_decimals = re.compile(r"\d{1,2}(?:\s?(?:€|%|EUR|euros?))?", re.IGNORECASE).fullmatch


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one file; positions count from 0."""

    names: tuple[str, ...]
    #: where the number is: of several, the first mobile of each row counts
    phones: tuple[int, ...]
    territory: int | None
    #: the first row is a person: the columns are named "1", "2"…
    headless: bool
    #: the caller's own key of each person
    key: int | None = None
    #: the date of the last contact with each person
    last_contact: int | None = None
    #: the numbers were found by their look: neither a header nor the caller names their columns
    by_look: bool = False

    @property
    def phone(self) -> int:
        """The column where the number is, or the first of several."""
        return self.phones[0]

    def kept(self, keep: Collection[str]) -> dict[str, int]:
        """Positions of the fields in ``keep``. Raises InvalidFile if the file lacks one."""
        try:
            return {name: _named(name, self.names) for name in keep}
        except InvalidFile as error:
            if self.headless:
                raise InvalidFile(
                    f"{error}: its first row holds a number and is taken for a person; if lines"
                    " stand above the header, skip them (--skip-lines)"
                ) from None
            raise


def fields_of(
    found: Columns, keep: Collection[str] | None
) -> Callable[[list[str]], dict[str, str]]:
    """What makes the fields of a row of its cells. Raises InvalidFile as ``Columns.kept``."""
    if keep is None:
        names = found.names
        # passing strict=False would take half as long as the dict itself
        return lambda cells: dict(zip(names, cells))  # noqa: B905
    kept = found.kept(keep)
    if not kept:
        return lambda _: {}
    if len(kept) == 1:
        ((name, at),) = kept.items()
        return lambda cells: {name: cells[at]}
    pick = itemgetter(*kept.values())
    return lambda cells: dict(zip(kept, pick(cells), strict=False))


def columns_of(
    rows: Sequence[Sequence[str]],
    column: str | None,
    territory: str | None,
    key: str | None = None,
    last_contact: str | None = None,
    *,
    every: bool = False,
) -> Columns:
    """Read the first rows of a file, from its header on.

    The other arguments are names of columns or positions from 1. ``every`` takes all columns that
    may hold numbers, without a question. Raises InvalidFile if a name is unknown or ambiguous.
    """
    first = rows[0]
    headless = is_person(first, column)
    positions = [str(position) for position in range(1, len(first) + 1)]
    if headless:
        names = tuple(positions)
    else:
        names = tuple(
            cell.strip() or at for cell, at in zip(first, positions, strict=True)
        )  # an unnamed column goes by its position
    if column is not None:
        phones = [_named(column, names)]
    else:
        phones = number_columns(rows) if headless else _phones(names, every=every)

    def at(name: str | None, found: Callable[[Sequence[str]], int | None]) -> int | None:
        if name is not None:
            return _named(name, names)
        return None if headless else found(names)

    return Columns(
        names=names,
        phones=tuple(phones),
        headless=headless,
        by_look=headless and column is None,
        territory=at(territory, territory_column),
        key=at(key, key_column),
        last_contact=at(last_contact, last_contact_column),
    )


def header_at(rows: Sequence[Sequence[str]], column: str | None) -> int:
    """Which of the first rows is the header; 0 unless titles stand above one.

    A title has fewer cells than the header below it, or the header stands over numbers. A row
    that holds a person ends the search. A number that stands alone above a header is a title
    too, unless it can be texted.
    """
    widest = 0
    alone = False
    for at, cells in enumerate(rows):
        width = sum(map(bool, map(str.strip, cells)))
        if any(number_rank(cell) > 1 for cell in cells):
            if at or width > 1 or number_of(max(cells, key=number_rank)):
                break
            alone = True
            continue
        named = phones_of(cells)[0] or (_find(column, cells) if column is not None else [])
        below = rows[at + 1] if at + 1 < len(rows) else ()
        over_numbers = any(number_rank(below[one]) > 1 for one in named if one < len(below))
        if alone and (not named or width == 1):
            break
        if named and (width > widest or width == 1 or over_numbers):
            return at
        widest = max(widest, width)
    return 0


def has_torn_number(cells: Sequence[str]) -> bool:
    """True if a comma may have torn a number into two cells: "12,50 €", "1 234,5"."""
    return any(
        _whole_part(one.strip()) and _decimals(other.strip()) for one, other in pairwise(cells)
    )


def is_person(first: Sequence[str], column: str | None) -> bool:
    """True if the first row of a file holds a person: the file has no header."""
    rank = max(map(number_rank, first))
    if rank > 1:
        return True  # even with another cell "mobile"
    named = phone_columns(first) or (column is not None and _find(column, first))
    return rank == 1 and not named


def _phones(names: tuple[str, ...], *, every: bool) -> list[int]:
    found, clear = (every_phone(names), True) if every else phones_of(names)
    if clear and found:
        return found
    if not found:
        raise InvalidFile(
            f"no column name says that it holds phone numbers; name one as column: {_listed(names)}"
            "; if lines stand above the header, skip them (--skip-lines)"
        )
    if len({names[at] for at in found}) == 1:
        positions = " or ".join(str(at + 1) for at in found)
        raise InvalidFile(
            f"the column {_shown(names[found[0]], found[0])} is twice in the header; name one as"
            f" column by its position, {positions}"
        )
    several = ", ".join(_shown(names[at], at) for at in found)
    raise InvalidFile(f"several columns may hold the mobile number; name one as column: {several}")


def _named(name: str, names: Sequence[str]) -> int:
    found = _find(name, names)
    if len(found) > 1:
        if len({names[at] for at in found}) == 1:
            positions = " or ".join(str(at + 1) for at in found)
            raise InvalidFile(
                f"the column {name!r} is there twice; name it by its position, {positions}"
            )
        several = _listed([names[at] for at in found])
        raise InvalidFile(f"the column {name!r} may be any of {several}")
    if found:
        return found[0]
    if name.strip().isdecimal() and 1 <= int(name) <= len(names):
        return int(name) - 1
    raise InvalidFile(f"no column {name!r}; the file has {_listed(names)}")


def _find(name: str, names: Sequence[str]) -> list[int]:
    exact = [at for at, known in enumerate(names) if known.strip() == name.strip()]
    alike = fold(name)
    return exact or [at for at, known in enumerate(names) if alike and fold(known) == alike]


def _listed(names: Sequence[str]) -> str:
    shown = [_shown(name, at) for at, name in enumerate(names[:_MOST_LISTED])]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _shown(name: str, at: int) -> str:
    # a message must not repeat a row of people that was taken for a header
    numbered = sum(character.isdecimal() for character in name) >= 4
    return f"(column {at + 1})" if numbered else repr(name)
