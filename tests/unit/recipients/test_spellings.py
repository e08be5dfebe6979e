"""Numbers in texts: every spelling that the parser of numbers takes is found and replaced whole."""

from __future__ import annotations

from itertools import product

import pytest

from dispatcher.errors import InvalidPhone
from dispatcher.recipients.phones import normalise
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.recipients.spellings import places

PSEUDONYMS = Pseudonyms("a key")
PHONE, NATIONAL = "+33639980001", "639980001"
GROUPS = ((1, 2, 2, 2, 2), (3, 2, 2, 2), (3, 3, 3), (2, 2, 2, 2, 1), (9,), (1,) * 9)
SIGNS = (" ", ".", "-", "/", "_", "  ", " - ", "\t", "\xa0", "\u202f", "\u2009", "\u2011", "\u2212")
PREFIXES = ("0", "(0)", "", "+33", "+33 (0)", "(+33) ", "00 33 0", "0033", "33 ", "0 ", "+33 0 ")
SCRIPTS = ("0123456789", "".join(map(chr, range(0xFF10, 0xFF1A))))
ARABIC = "".join(map(chr, range(0x660, 0x66A)))
PLACES = ("{}", "tel {} merci", '{{"nom":"voir {}"}}', "le 12/05/2026 au {}.", "3 {}", "({}, {})")


def grouped(groups: tuple[int, ...], sign: str) -> str:
    digits = iter(NATIONAL)
    return sign.join("".join(next(digits) for _ in range(size)) for size in groups)


def spellings() -> list[str]:
    found = []
    for groups, sign, prefix, script in product(GROUPS, SIGNS, PREFIXES, (*SCRIPTS, ARABIC)):
        spelling = (prefix + grouped(groups, sign)).translate(str.maketrans(SCRIPTS[0], script))
        try:
            found += [spelling] if normalise(spelling) == PHONE else []
        except InvalidPhone:
            continue
    return found


@pytest.mark.parametrize("place", PLACES)
def test_every_spelling_is_replaced_whole(place: str) -> None:
    pseudonym = PSEUDONYMS.newest_of(PHONE)
    every = spellings()
    assert len(every) > 2000
    left = [
        spelling
        for spelling in every
        if PSEUDONYMS.written(place.format(spelling, "x"), {pseudonym})
        != place.format(pseudonym, "x")
    ]
    assert left == []


@pytest.mark.parametrize(
    "text",
    ["06 39 98 00 02", "1639980001", "6399800012", "FR76 3000 6399 8000 12", "639 980 002 et 1"],
)
def test_another_number_stays(text: str) -> None:
    assert PSEUDONYMS.written(text, {PSEUDONYMS.newest_of(PHONE)}) == text


@pytest.mark.parametrize(
    ("phone", "spelling"),
    [
        ("+4915123456789", "+49 (0)151 23456789"),
        ("+68987123456", "689 87 12 34 56"),
        ("+508551234", "0508 55 12 34"),
        ("+262692123456", "0692 12 34 56"),
    ],
)
def test_number_of_another_place_is_replaced(phone: str, spelling: str) -> None:
    pseudonym = PSEUDONYMS.newest_of(phone)
    assert PSEUDONYMS.written(f"voir {spelling}!", {pseudonym}) == f"voir {pseudonym}!"


def test_long_groups_of_digits_are_searched_piece_by_piece() -> None:
    """The time grows with the length: it grew with its cube, and this took an hour."""
    assert sum(1 for _ in places(f"{'1' * 10_000} {'1' * 10_000}")) <= 3
