"""The encoding of a text that is no UTF-8, decided by which reading looks like French.

Each word with a letter beyond ASCII is read in every encoding that French programs write. A capital
after a small letter, a sign in the middle of a word, a letter that French lacks: each costs points.
The cheapest reading wins, if it is clearly cheaper than every other one.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass

#: what French programs write, the likeliest first: it wins where the readings are the same
CANDIDATES = {
    "cp1252": "Windows-1252",
    "iso8859-15": "ISO-8859-15",
    "cp850": "MS-DOS text, cp850",
    "mac-roman": "Mac OS Roman",
}
_WORDS = re.compile(rb"[A-Za-z0-9'\x80-\xff]*[\x80-\xff][A-Za-z0-9'\x80-\xff]*")
_MOST_WORDS = 5000
#: how much cheaper the best reading must be, in all; and its most points a word
_CLEARLY, _BAD = 0.5, 2.0
#: points for the letters of French; others cost one, and letters of no neighbour of French three
_FRENCH = (
    dict.fromkeys("é", 0.0)
    | dict.fromkeys("èçàêôîïëûùœ", 0.2)
    | dict.fromkeys("âüöä", 0.6)
    | dict.fromkeys("æÿ", 1.0)
)
_NEIGHBOURS = "áíóúñãõøåìòß"
#: points of a file in an encoding that fewer programs write
_RARE = {"cp850": 0.3, "mac-roman": 0.6}
_VOWELS = frozenset("aeiouyéè")
_AFTER_A_WORD = "’'™®»…°"
_BEFORE_A_WORD = "«“‘•–—§"
_ALONE = "€«»–—•…°£½¼¾²³\xa0"


@dataclass(frozen=True, slots=True)
class Doubt:
    """The word that makes an encoding unclear, and up to two ways to read it."""

    word: bytes
    readings: tuple[str, ...]


def decided(sample: bytes) -> str | Doubt:
    """The encoding of a text with letters beyond ASCII, if it is clear."""
    words = list(dict.fromkeys(_WORDS.findall(sample)))[:_MOST_WORDS]
    readings: dict[str, list[str]] = {}
    for encoding in CANDIDATES:
        with suppress(UnicodeDecodeError):
            read = [word.decode(encoding) for word in words]
            if read not in readings.values():
                readings[encoding] = read
    if not readings:
        return Doubt(words[0], ())
    costs = {encoding: [*map(_cost, read)] for encoding, read in readings.items()}
    points = {encoding: sum(each) + _RARE.get(encoding, 0) for encoding, each in costs.items()}
    best, *others = sorted(points, key=lambda encoding: points[encoding])
    clear = not others or points[others[0]] - points[best] >= _CLEARLY
    if clear and points[best] <= _BAD * len(words):
        return best
    worst = max(range(len(words)), key=lambda at: min(each[at] for each in costs.values()))
    return Doubt(words[worst], tuple(readings[name][worst] for name in (best, *others[:1])))


def _cost(word: str) -> float:
    padded = f" {word} "
    return sum(
        _letter(padded[at - 1], letter, padded[at + 1], word)
        if letter.isalpha() and letter not in "ªº"
        else _sign(padded[at - 1], letter, padded[at + 1])
        for at, letter in enumerate(padded)
        if letter > "\x7f"
    )


def _letter(before: str, letter: str, after: str, word: str) -> float:
    small = letter.lower()
    cost = _FRENCH.get(small, 1.0 if small in _NEIGHBOURS else 3.0)
    if letter.isupper():
        cost += 4 * before.islower() + 2 * (before.isupper() and after.islower())
    elif (before.isupper() and word[:2].isupper()) or (after.isupper() and len(word) > 1):
        cost += 4
    if before.isdigit() or after.isdigit():
        cost += 3
    if len(word) == 1 and letter not in "àÀôÔùyÉ":
        cost += 2
    return cost + _spelling(before.lower(), small, after.lower())


def _spelling(before: str, letter: str, after: str) -> float:
    """Points for what French does not spell so."""
    if not before.isalpha() and after in _VOWELS and letter != "œ":
        return 0.5
    vowels = (before in _VOWELS) + (after in _VOWELS)
    match letter:
        case "ë" | "ï" | "ü":
            return 0.0 if vowels == 1 else 0.8
        case "â" | "û":
            return 1.0 if before in ("aeiu" if letter == "û" else "aou") else 0.0
        case "ç":
            return 0.0 if after in "aouàâô " else 1.0
        case "œ":
            return 0.0 if after in "uidstn" else 0.6
        case "ù":
            return 1.0 if after.isalpha() else 0.0
        case _:
            return 0.0


def _sign(before: str, sign: str, after: str) -> float:
    if unicodedata.category(sign) == "Cc":
        return 6
    within = before.isalpha() and after.isalpha()
    if within:
        return {"’": 0.0, "·": 0.5, "\xa0": 1.0, "‘": 3.0}.get(sign, 4.0)
    if sign == "\xa0":
        return 0
    if before.isdigit() or after.isdigit():
        return 0 if sign in "€°%²³£–—½" else 3.0
    if before.isalpha():
        fits = sign in _AFTER_A_WORD or (sign == "º" and before in "nN")
        return (1.0 if sign == "…" and before.isupper() else 0.3) if fits else 4.0
    if after.isalpha():
        return 0.8 if sign in _BEFORE_A_WORD else 4.0
    return 0.1 if sign in _ALONE else 3.0
