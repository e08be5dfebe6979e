"""The sheet of a workbook that is the list, chosen as a person would, and its rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

from dispatcher.errors import InvalidFile
from dispatcher.recipients.column_names import fold, phones_of
from dispatcher.recipients.files.bounds import MOST_COLUMNS, MOST_ROWS
from dispatcher.recipients.files.columns import header_at
from dispatcher.recipients.files.number_cells import number_rank

#: rows that are looked at to tell whether a sheet is a list
_SAMPLE = 50


class Row(NamedTuple):
    """A row of a sheet: its number, its cells as shown, and whether it is hidden."""

    number: int
    cells: list[str]
    hidden: bool


class Sheet(Protocol):
    """One sheet of a workbook of any format."""

    name: str
    hidden: bool

    def rows(self) -> Iterator[Row]:
        """Its rows, from the first, those without cells left out. Raises InvalidFile."""
        ...


class SheetRows:
    """Iterates over the rows of a sheet; ``line_num`` and ``hidden`` are of the last row.

    The first ``skip`` rows are blank.
    """

    def __init__(self, sheet: Sheet, skip: int) -> None:
        self._rows = sheet.rows()
        self._skip = skip
        self.line_num = 0
        self.hidden = False

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        self.line_num, cells, self.hidden = next(self._rows)
        return [] if self.line_num <= self._skip else cells


def check_row(number: int, columns: int) -> None:
    """Raise InvalidFile if a sheet has too many rows or columns."""
    if number > MOST_ROWS:
        raise InvalidFile(f"the sheet has over {MOST_ROWS:,} rows; split it")
    if columns > MOST_COLUMNS:
        raise InvalidFile(f"row {number} has over {MOST_COLUMNS:,} columns")


def choose(
    sheets: Sequence[Sheet], wanted: str | None, *, column: str | None, skip: int
) -> tuple[Sheet, str]:
    """The sheet that is the list, and a sentence that names it and those left out.

    A hidden sheet is read only if it is ``wanted``. Raises InvalidFile where a person would ask.
    """
    if not sheets:
        raise InvalidFile("the workbook has no sheet of cells")
    found = _named(sheets, wanted) if wanted is not None else _likeliest(sheets, column, skip)
    others = [
        f"{one.name!r}{' (hidden)' if one.hidden else ''}" for one in sheets if one is not found
    ]
    left_out = f"; left out: {', '.join(others)}" if others else ""
    return found, f"sheet {found.name!r} is read{left_out}"


def _named(sheets: Sequence[Sheet], wanted: str) -> Sheet:
    exact = [one for one in sheets if one.name == wanted]
    alike = [one for one in sheets if fold(one.name) == fold(wanted)]
    if exact or len(alike) == 1:
        return (exact or alike)[0]
    raise InvalidFile(f"no sheet {wanted!r}; the workbook has {_listed(sheets)}")


def _likeliest(sheets: Sequence[Sheet], column: str | None, skip: int) -> Sheet:
    visible = [one for one in sheets if not one.hidden]
    if len(sheets) == len(visible) == 1:
        return sheets[0]
    ranks = [_rank(one, column, skip) for one in visible]
    best = max(ranks, default=0)
    if best:
        found = [one for one, rank in zip(visible, ranks, strict=True) if rank == best]
        if len(found) > 1:
            raise InvalidFile(f"which sheet is the list? {_listed(found)}: name one (--sheet)")
        return found[0]
    hidden = [one for one in sheets if one.hidden and _rank(one, column, skip)]
    if hidden:
        raise InvalidFile(
            f"only a hidden sheet holds numbers: {_listed(hidden)}; name it (--sheet) if it is the"
            " list"
        )
    return visible[0] if visible else sheets[0]


def _rank(sheet: Sheet, column: str | None, skip: int) -> int:
    """2 for a header above numbers, 1 for numbers alone, 0 for neither."""
    rows = [cells for cells in islice(SheetRows(sheet, skip), _SAMPLE) if any(cells)]
    if not rows:
        return 0
    at = header_at(rows, column)
    headed = bool(phones_of(rows[at])[0]) or column in rows[at]
    if headed and any(number_rank(cell) for cells in rows[at + 1 :] for cell in cells):
        return 2
    return int(any(number_rank(cell) > 1 for cells in rows for cell in cells))


def _listed(sheets: Sequence[Sheet]) -> str:
    return ", ".join(repr(one.name) for one in sheets)
