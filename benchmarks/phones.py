"""``phones.normalise`` against ``phonenumbers`` alone, on rows as French files spell them.

``python -m benchmarks.phones [ROWS]``. Both read the same rows in turns, so that what else the
machine does slows down both; the medians of the rounds are compared. ``phonenumbers`` alone is
what a program without the fast path does: parse for France, ask whether the number is valid
and a mobile, and write it as E.164.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from dispatcher.errors import InvalidPhone
from dispatcher.recipients.phones import normalise

ROWS: Final = 1_000_000
ROUNDS: Final = 3
SEED: Final = 2027
#: the least speed-up of the fast path
LEAST: Final = 10

#: how often each spelling occurs in a thousand rows; "n" is the number without its zero
_SPELLINGS: Final[tuple[tuple[int, Callable[[str], str]], ...]] = (
    (330, lambda n: f"0{n}"),
    (250, lambda n: f"0{_pairs(n, ' ')}"),
    (110, lambda n: f"+33{n}"),
    (80, lambda n: f"0{_pairs(n, '.')}"),
    (50, lambda n: f"+33 {_pairs(n, ' ')}"),
    (40, lambda n: f"0{_pairs(n, '-')}"),
    (40, lambda n: n),
    (20, lambda n: f"0033{n}"),
    (20, lambda n: f"33{n}"),
    (15, lambda n: f"0{_pairs(n, chr(0xA0))}"),
    # and those that only the long way reads
    (10, lambda n: f"+33 (0){_pairs(n, ' ')}"),
    (10, lambda n: f" 0{_pairs(n, ' ')} "),
    (5, lambda n: f"'0{n}"),
    (5, lambda n: f"0{n[:3]} {n[3:6]} {n[6:]}"),
)
#: and these are no metropolitan mobile: the share of each, in a thousand rows, is one
_OTHERS: Final[tuple[Callable[[str], str], ...]] = (
    lambda _: "à rappeler",
    lambda _: "3639",
    lambda n: f"01 99 00 {n[5:7]} {n[7:]}",
    lambda n: f"+32 47{n[2]} {n[3:5]} {n[5:7]} {n[7:]}",
    lambda n: f"0692{n[3:]}",
)
#: the first digits of most mobiles in France
_BEGINNINGS: Final = ("60", "61", "62", "64", "65", "66", "67", "68", "75", "76", "77", "78")


def _pairs(nine: str, between: str) -> str:
    """Nine digits as they are read aloud: one, then pairs."""
    return between.join([nine[0], *(nine[at : at + 2] for at in range(1, 9, 2))])


def rows_of(count: int, seed: int = SEED) -> list[str]:
    """So many rows of a French file; the same seed gives the same rows.

    The numbers are drawn from the ranges that are in use, which is what costs time to tell:
    they exist for the length of the program and go nowhere.
    """
    chance = random.Random(seed)
    spellings = [spell for _, spell in _SPELLINGS] + [*_OTHERS]
    weights = [weight for weight, _ in _SPELLINGS] + [1] * len(_OTHERS)
    return [
        spell(f"{chance.choice(_BEGINNINGS)}{chance.randrange(10**7):07d}")
        for spell in chance.choices(spellings, weights, k=count)
    ]


def ours(rows: Sequence[str]) -> int:
    """How many of the rows can be texted, by ``phones.normalise``."""
    kept = 0
    for row in rows:
        try:
            normalise(row)
        except InvalidPhone:
            continue
        kept += 1
    return kept


def theirs(rows: Sequence[str]) -> int:
    """How many of the rows can be texted, by ``phonenumbers`` alone."""
    kept = 0
    mobiles = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
    for row in rows:
        try:
            number = phonenumbers.parse(row, "FR")
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) in mobiles:
            phonenumbers.format_number(number, PhoneNumberFormat.E164)
            kept += 1
    return kept


def measure(rows: Sequence[str], rounds: int = ROUNDS) -> tuple[float, float]:
    """Seconds that ours and theirs take for the rows: the medians of interleaved rounds."""
    taken: dict[Callable[[Sequence[str]], int], list[float]] = {ours: [], theirs: []}
    for _ in range(rounds):
        for reader, times in taken.items():
            begun = time.perf_counter()
            reader(rows)
            times.append(time.perf_counter() - begun)
    mine, other = (statistics.median(times) for times in taken.values())
    return mine, other


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 1 when the fast path is not as fast as promised."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.phones", description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(arguments)
    rows = rows_of(options.rows)
    say = sys.stdout.write
    say(
        f"{len(rows):,} rows of mixed French spellings, {options.rounds} rounds in turns, medians\n"
    )
    mine, other = measure(rows, options.rounds)
    for name, seconds, kept in (
        ("phones.normalise", mine, ours(rows)),
        ("phonenumbers alone", other, theirs(rows)),
    ):
        each = 1e6 * seconds / len(rows)
        say(f"{name:<20}{seconds:>9.2f} s {each:>8.2f} µs a row, {kept:,} kept\n")
    ratio = other / mine
    say(f"{ratio:.1f} times as fast; promised: {LEAST}\n")
    return 0 if ratio >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
