"""How many segments a personal text is billed as, without rendering it.

Most values of a list are plain: letters, digits, spaces. With them, the length of the text is
that of the template plus that of the values. With any other value there is no estimate: the
caller renders, spells and measures the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product

from dispatcher.texts.mention import has_stop
from dispatcher.texts.segments import GSM_BASIC, GSM_EXTENDED, measure
from dispatcher.texts.spelling import as_sent, wire_text
from dispatcher.texts.templates import Template

#: lengths that are remembered: first names repeat, codes do not
_MOST = 50_000
#: characters that arrive unchanged, as one unit, next to any other
_PLAIN = "".join(
    char
    for char in sorted(GSM_BASIC - {":"})
    if char.isprintable() and as_sent(wire_text(char)) == char
)
_plain = re.compile(f"[{re.escape(_PLAIN)}]*").fullmatch
# the word of a STOP mention, and the parts of it that a value may add to a neighbour
_stop = re.compile("stop", re.IGNORECASE).search
_part_of_stop = re.compile(
    r"stop|(?<![^\W_])s(?:to?)?$|^(?:t?o)?p(?![^\W\d_])|^(?:to?|o)$", re.IGNORECASE
).search
_begun = re.compile(r"(?<![^\W_])s(?:to?)?$", re.IGNORECASE).search
_ended = re.compile(r"(?:t?o)?p(?![^\W\d_])", re.IGNORECASE).match
#: what a value may put before or after a mention so that it is none
_BEFORE, _AFTER = ("", "x", "non ", "le "), ("", "x", "0", " 000", "€", " articles", " Levroux")
#: one of these at the edge of a literal may form a tag together with a value
_edgy = re.compile("[:\n€]").search
_EDGE = 5


class Estimator:
    """Estimates the texts of one template.

    ``has_stop`` says whether they have a STOP mention of their own; ``budget`` is the length of
    the mention that others get.
    """

    def __init__(self, template: Template, budget: int) -> None:
        literals = [wire_text(literal) for literal in template.literals]
        self.has_stop = _has_stop(literals)
        static = as_sent("".join(literals)) + ("" if self.has_stop else "x" * budget)
        self._slots = template.slots
        self._alone = (
            _fits_alone(template.literals)
            and measure(static).encoding == "GSM-7"
            and (self.has_stop or not any(map(_stop, literals)))
        )
        joins = "" in literals[1:-1] or any(map(_begun, literals)) or any(map(_ended, literals))
        self._stop = _part_of_stop if joins else _stop
        self._length = len(static)
        self._pairs = sum(char in GSM_EXTENDED for char in static)
        self._known: dict[str, int] = {}

    def estimate(self, fields: Mapping[str, str]) -> tuple[int, int] | None:
        """(segments, characters with the tail), or None if the text must be rendered."""
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
        # measure() cuts between segments without splitting a pair of units
        return None if self._pairs else (-(-units // 153), length)

    def _units(self, value: str) -> int:
        """The units of a plain value; -1 for another."""
        units = len(value.strip()) if _plain(value) and not self._stop(value) else -1
        if len(self._known) < _MOST:
            self._known[value] = units
        return units


def _fits_alone(literals: tuple[str, ...]) -> bool:
    """True if the literals between the fields are spelled the same with any values."""
    edges = [literal[-_EDGE:] for literal in literals[:-1]]
    edges += [literal[:_EDGE] for literal in literals[1:]]
    visible = any(as_sent(wire_text(literal)).strip() for literal in literals)
    return visible and not any(_edgy(edge) for edge in edges)


def _has_stop(literals: list[str]) -> bool:
    """True if every text of the template has a mention, whatever the values."""
    if not any(map(_stop, literals)):
        return False
    last = len(literals) - 1
    return any(
        all(
            has_stop(text := before + literal + after) and has_stop(as_sent(text))
            for before, after in product(_BEFORE if at else ("",), _AFTER if at < last else ("",))
        )
        for at, literal in enumerate(literals)
    )
