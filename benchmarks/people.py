"""The recipients and texts of the benchmarks: made up at run time, the same in every process.

ARCEP's block for fiction has ten thousand numbers, a benchmark needs a million. So the numbers
are syntactically valid mobiles; none of them is ever written to a file that stays, and nothing
here talks to anything but the gateway of the benchmarks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

#: the key that the gateway of the benchmarks accepts
KEY = "0" * 40
SENDER = "MaBoutique"
#: 122 characters with a first name of six
TEXT = (
    "Bonjour {{ prenom }}, nos soldes commencent demain dans tous nos magasins : profitez-en"
    " dès 9 h avec -30 % sur vos achats."
)
BATCH = 500

_FIRST_NAMES = (
    *("Camille", "Lucas", "Inès", "Hugo", "Manon", "Noé", "Zoé", "Adèle", "Rayan", "Lina"),
    *("Jules", "Sarah", "Tom", "Anaïs", "Yanis", "Élise", "Paul", "Chloé", "Malik", "Rose"),
)
# 061, 062, 064 to 068 and 060 are mobiles throughout
_SECOND_DIGITS = "01245678"
_BLOCK = 10**7
_NUMBERS = len(_SECOND_DIGITS) * _BLOCK
#: without a common divisor with _NUMBERS, so that no two people share a number
_STEP = 48_271

Row = tuple[str, str]


def phone(person: int) -> str:
    """The number (E.164) of a person; neighbours are far apart, as in a real list."""
    index = person * _STEP % _NUMBERS
    return f"+336{_SECOND_DIGITS[index // _BLOCK]}{index % _BLOCK:07d}"


def first_name(person: int) -> str:
    """The first name of a person."""
    return _FIRST_NAMES[person % len(_FIRST_NAMES)]


def rows(count: int, start: int = 0) -> Iterator[Row]:
    """(number, first name) of ``count`` people from ``start`` on."""
    return ((phone(person), first_name(person)) for person in range(start, start + count))


def chunks(count: int, start: int = 0) -> Iterator[list[Row]]:
    """The same people, 500 at a time."""
    for begin in range(start, start + count, BATCH):
        yield list(rows(min(BATCH, start + count - begin), begin))


def body(people: Sequence[Sequence[str]], tag: str) -> bytes:
    """The body of a bulk send to (number, first name) pairs, with all that ours would have."""
    lines = [
        {"phoneNumber": number, "message": TEXT.replace("{{ prenom }}", name)}
        for number, name in people
    ]
    order = {"apiKey": KEY, "tag": tag, "SMSList": lines, "sender": SENDER, "isStopSms": 1}
    return json.dumps(order, separators=(",", ":")).encode()
