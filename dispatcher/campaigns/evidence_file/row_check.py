"""Checks what one row of evidence says for itself: counts, amounts, and who it is about.

A sum alone proves little: a count below zero makes up for one that is too large elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from dispatcher.campaigns.evidence_file.layout import RECIPIENTS
from dispatcher.campaigns.evidence_file.ranges import ranges
from dispatcher.masking import PSEUDONYM
from dispatcher.recipients.number_set import NumberSet

#: euros as evidence has them
_EUROS: Final = re.compile(r"[0-9]+\.[0-9]{4}")
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{1,14}")
_PSEUDONYM: Final = re.compile(rf"{PSEUDONYM}[a-p]{{32}}")
_HEXADECIMAL: Final = str.maketrans("abcdefghijklmnop", "0123456789abcdef")
#: no number in E.164 is as large
_ABOVE_NUMBERS: Final = 1 << 128


def wrong_amounts(
    where: str, row: Mapping[str, Any], counts: Iterable[str], costs: Iterable[str] = ()
) -> Iterator[str]:
    """The counts of a row that are no whole number from zero on, and the costs that are no euros.

    A cost may be missing, or null.
    """
    for name in counts:
        value = row[name]
        if type(value) is not int or value < 0:
            yield f"{where}: its {name} cannot be {value!r}"
    for name in costs:
        value = row.get(name)
        if value is not None and not (isinstance(value, str) and _EUROS.fullmatch(value)):
            yield f"{where}: its {name} cannot be {value!r}"


def named_in(campaign: Mapping[str, Any]) -> set[str]:
    """The references of the other campaigns that a campaign names."""
    only = (name.rpartition(":")[0] for name in campaign.get("only_campaign", ()))
    return {*campaign.get("except_campaign", ()), *only}


def wrong_causes(
    batch: object, people: Sequence[Mapping[str, Any]], named: Collection[str]
) -> Iterator[str]:
    """Who of a batch is left out because of a campaign that its own one does not name."""
    wrong = [
        position
        for position, one in enumerate(people)
        if (one["state"] == "left_out" or "because_of" in one)
        and (one["state"] != "left_out" or one.get("because_of") not in named)
    ]
    if wrong:
        yield f"batch {batch}: nothing says because of which campaign {ranges(wrong)} are left out"


class Once:
    """Each number and each pseudonym stands in a file once: a list's duplicates are not stored."""

    def __init__(self, *, masked: bool) -> None:
        """``masked`` numbers may be alike."""
        self._masked = masked
        self._found = NumberSet()

    def wrong(self, batch: object, people: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """What is wrong with the recipients of a batch; numbers are not in it."""
        again, strange = set(), set()
        for position, one in enumerate(people):
            value = one["recipient"]
            if _NUMBER.fullmatch(value):
                new = self._found.add(int(value[1:]))
            elif _PSEUDONYM.fullmatch(value):
                letters = value.removeprefix(PSEUDONYM).translate(_HEXADECIMAL)
                new = self._found.add(_ABOVE_NUMBERS | int(letters, 16))
            else:
                new = True
                if not self._masked:
                    strange.add(position)
            if not new:
                again.add(position)
        if again:
            at = ranges(again)
            yield f"batch {batch}: the number or pseudonym at {at} is in {RECIPIENTS} twice"
        if strange:
            yield f"batch {batch}: at {ranges(strange)} there is neither a number nor a pseudonym"
