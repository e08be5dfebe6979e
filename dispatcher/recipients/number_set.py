"""The set of the numbers that occurred in a list."""

from __future__ import annotations

import mmap

#: French mobile numbers are +33 6… and +33 7…: one bit for each of them
_FIRST, _COUNT = 33_600_000_000, 200_000_000


class NumberSet:
    """A set of numbers in at most 25 MB, however long the list.

    Numbers of other countries and territories are few: they are stored one by one.
    """

    def __init__(self) -> None:
        # the system allocates anonymous memory only when a page is written
        self._bits = mmap.mmap(-1, _COUNT // 8)
        self._others: set[int] = set()

    def __contains__(self, number: int) -> bool:
        place = number - _FIRST
        if 0 <= place < _COUNT:
            return bool(self._bits[place >> 3] & 1 << (place & 7))
        return number in self._others

    def add(self, number: int) -> bool:
        """Add a number (the digits of E.164); False if it is in the set already."""
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
        """Remove a number."""
        place = number - _FIRST
        if 0 <= place < _COUNT:
            self._bits[place >> 3] &= ~(1 << (place & 7)) & 0xFF
        else:
            self._others.discard(number)
