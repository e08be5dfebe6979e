"""Texts that are joined from few parts, so that what holds for each part is asked once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat


class Rendered(list[str]):
    """``count`` texts: literals, and between two of them the values of a column.

    There is one literal more than there are columns, and a column has a value for each text.
    """

    def __init__(self, literals: Sequence[str], columns: Sequence[Sequence[str]], count: int):
        super().__init__(_joined(literals, columns, count))
        self._literals, self._columns = literals, columns
        #: true if no word and no tag can go over the edge of a value
        self.are_apart = all(literals[1:-1]) and not any(map(_is_open, _edges(literals)))

    @property
    def parts(self) -> str:
        """Each part once. While they ``are_apart``, a word or tag is in it if a text has it."""
        return " ".join([*self._literals, *map(" ".join, self._columns)])

    def spelled(self, spell: Callable[[Sequence[str]], list[str] | None]) -> list[str] | None:
        """The texts, each part as ``spell`` writes it; None if that is None for some."""
        literals, *columns = map(spell, (self._literals, *self._columns))
        known = [column for column in columns if column is not None]
        if literals is None or len(known) < len(columns):
            return None
        return list(_joined(literals, known, len(self)))


def said_in(texts: list[str]) -> str:
    """What has every word and every tag of the texts, and no other: their parts, if that is so."""
    if isinstance(texts, Rendered) and texts.are_apart:
        return texts.parts
    return " ".join(texts)


def _joined(literals: Sequence[str], columns: Sequence[Sequence[str]], count: int) -> Iterable[str]:
    parts: list[Iterable[str]] = [repeat(literals[0], count)]
    for column, literal in zip(columns, literals[1:], strict=True):
        parts += (column, repeat(literal))
    return map("".join, zip(*parts, strict=False))


def _edges(literals: Sequence[str]) -> list[str]:
    """The characters beside the values."""
    return [one[:1] for one in literals[1:]] + [one[-1:] for one in literals[:-1]]


def _is_open(edge: str) -> bool:
    return edge.isalnum() or edge == ":"
