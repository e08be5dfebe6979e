"""Positions of a batch as a short text: "0,2-499"."""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby


def ranges(positions: Collection[int]) -> str:
    """The text of some positions; empty for none."""
    parts = []
    for _, run in groupby(enumerate(sorted(positions)), key=lambda pair: pair[1] - pair[0]):
        first, *rest = (position for _, position in run)
        parts.append(f"{first}-{rest[-1]}" if rest else str(first))
    return ",".join(parts)


def positions(text: str, size: int) -> set[int]:
    """The positions of a batch of that size. Raises ValueError for any other text."""
    found: set[int] = set()
    parts = text.split(",") if text else []
    if len(parts) > size:
        raise ValueError(f"there are more ranges than the {size} positions")
    for part in parts:
        first, _, last = part.partition("-")
        begin, end = int(first), int(last or first)
        if not 0 <= begin <= end < size:
            raise ValueError(f"{part!r} is no range of {size} positions")
        found.update(range(begin, end + 1))
    return found
