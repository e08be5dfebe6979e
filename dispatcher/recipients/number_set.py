"""The numbers of a list that have come already."""

from __future__ import annotations

import mmap

#: French mobiles are +33 6… and +33 7…: a bit for each of them
_FIRST, _COUNT = 33_600_000_000, 200_000_000


class NumberSet:
    """A set of numbers whose memory does not grow with the list: 25 MB, of which what is used.

    Numbers of other countries and territories are few, and kept one by one.
    """

    def __init__(self) -> None:
        # anonymous memory costs nothing until a page of it is written to
        self._bits = mmap.mmap(-1, _COUNT // 8)
        self._others: set[int] = set()

    def add(self, number: int) -> bool:
        """Remember a number (E.164, as digits); False when it has come already."""
        place = number - _FIRST
        if 0 <= place < _COUNT:
            at, bit = place >> 3, 1 << (place & 7)
            byte = self._bits[at]
            if byte & bit:
                return False
            self._bits[at] = byte | bit
            return True
        if number in self._others:
            return False
        self._others.add(number)
        return True

    def discard(self, number: int) -> None:
        """Forget a number: it may come again."""
        place = number - _FIRST
        if 0 <= place < _COUNT:
            self._bits[place >> 3] &= ~(1 << (place & 7)) & 0xFF
        else:
            self._others.discard(number)
