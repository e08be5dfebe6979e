"""How many parts a personal text is billed as, without making the text.

Most values of a list are plain: letters, digits, spaces. What a template weighs with such values
is its own weight and theirs. Whatever is not plain is left to the long way round: the text is
made, respelled and measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dispatcher.texts.segments import GSM_BASIC, GSM_EXTENDED, measure
from dispatcher.texts.spelling import as_sent, wire_text
from dispatcher.texts.templates import Template

#: weights remembered: first names come again and again, codes never do
_MOST = 50_000
#: characters that arrive as they are, in one unit, whatever stands beside them
_PLAIN = "".join(
    char
    for char in sorted(GSM_BASIC - {":"})
    if char.isprintable() and as_sent(wire_text(char)) == char
)
_plain = re.compile(f"[{re.escape(_PLAIN)}]*").fullmatch
#: with these at its edge, a text may make a tag together with a value
_edgy = re.compile("[:\n€]").search
_EDGE = 5


class Weigher:
    """Weighs the texts of one template, each with the ``tail`` that is added to all of them."""

    def __init__(self, template: Template, tail: str) -> None:
        literals = template.literals
        static = as_sent("".join(map(wire_text, literals))) + tail
        self._slots = template.slots
        self._alone = _fits_alone(literals) and measure(static).encoding == "GSM-7"
        self._length = len(static)
        self._pairs = sum(char in GSM_EXTENDED for char in static)
        self._known: dict[str, int] = {}

    def weigh(self, fields: Mapping[str, str]) -> tuple[int, int] | None:
        """(parts, characters with the tail), or None where the text itself has to be looked at."""
        if not self._alone:
            return None
        length = self._length
        known = self._known
        for name, default in self._slots:
            value = fields.get(name, "")
            units = known.get(value)
            if units is None:
                units = self._units(value)
            if units == 0 and default is not None:
                units = self._units(default)
            if units <= 0:
                return None
            length += units
        units = length + self._pairs
        if units <= 160:
            return 1, length
        # neither half of a pair may stand alone: where one stands is left to measure()
        return None if self._pairs else (-(-units // 153), length)

    def _units(self, value: str) -> int:
        """The units of a plain value; -1 for any other."""
        units = len(value.strip()) if _plain(value) else -1
        if len(self._known) < _MOST:
            self._known[value] = units
        return units


def _fits_alone(literals: tuple[str, ...]) -> bool:
    """Whether what stands between the fields is spelled the same whatever the values are."""
    edges = [literal[-_EDGE:] for literal in literals[:-1]]
    edges += [literal[:_EDGE] for literal in literals[1:]]
    visible = any(as_sent(wire_text(literal)).strip() for literal in literals)
    return visible and not any(_edgy(edge) for edge in edges)
