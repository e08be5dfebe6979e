"""Cells that look like phone numbers, where no name of a column says which do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dispatcher.errors import InvalidPhone
from dispatcher.recipients.legible import are_several
from dispatcher.recipients.phones import normalise

# signs of a mobile number, the surest first; matched against digits and plus signs only
_NUMBERS = (
    re.compile(r"(\+?33|0033)?0?[67]\d{8}"),
    re.compile(r"(\+|00)\d{8,15}|0\d{9}"),
    re.compile(r"\+*\d[\d+]{5,}"),
)
_has_nine_digits = re.compile(r"(?:\D*\d){9}").match  # fewer cannot be texted
#: one French landline and nothing else
_landline = re.compile(
    r"\s*(?:(?:\+|00)33[\s.-]*(?:\(0\))?|0)[\s.-]*[1-589](?:[\s.-]*\d){8}\s*"
).fullmatch
_word = re.compile(r"[^\W\d_]{2}").search


def number_rank(cell: str) -> int:
    """How much a cell looks like a phone number, from 0 (not at all) to 3 (a mobile)."""
    if sum(character.isalpha() for character in cell) > 1:  # one, for 6.12E+08
        return 0
    digits = "".join(character for character in cell if character.isdecimal() or character == "+")
    ranks = range(len(_NUMBERS), 0, -1)
    return next(
        (rank for rank, sign in zip(ranks, _NUMBERS, strict=True) if sign.fullmatch(digits)), 0
    )


def number_of(cell: str) -> str:
    """The number (E.164) that can be texted; empty if it is none."""
    try:
        return normalise(cell)
    except InvalidPhone:
        return ""


def number_columns(rows: Sequence[Sequence[str]]) -> list[int]:
    """Positions of the columns with phone numbers in the first rows of a file without a header.

    A column with more numbers of another kind, such as those of customers or companies, is none.
    """
    first = [number_rank(cell) for cell in rows[0]]
    found = []
    for at in range(len(first)):
        ranks = [number_rank(cells[at]) for cells in rows if at < len(cells)]
        if sum(rank > 1 for rank in ranks) > ranks.count(1):
            found.append(at)
    return found or [first.index(max(first))]


def are_people(cells: Sequence[str]) -> bool:
    """True for a row of nothing but numbers, several of which can be texted.

    It may be a line of people, of whom all but one would be lost.
    """
    # first what is quick: this is asked of each row
    numbers = [cell for cell in cells if _has_nine_digits(cell) and not _landline(cell)]
    if sum(map(len, numbers)) < 18 or _word(" ".join(cells)):
        return False
    written = [cell for cell in cells if cell.strip()]
    if len(written) < 2 or not all(map(number_rank, written)):
        return False
    return any(map(are_several, written)) or len({*map(number_of, written)} - {""}) > 1


def every_number(cells: Sequence[str], phones: Sequence[int], *, unsure: bool) -> tuple[str, ...]:
    """The cells of a row in its phone columns, and what can be texted in others if ``unsure``.

    That is where neither a name nor its place tells what a cell is.
    """
    found = [cells[at] for at in phones]
    if unsure:
        others = [cell for at, cell in enumerate(cells) if at not in phones]
        found += [cell for cell in others if number_of(cell) or are_several(cell)]
    return tuple(found)
