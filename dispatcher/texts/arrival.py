"""One text to one person as it arrives: its spelling, encoding, STOP mention and segments.

Whoever plans, shows, caps, sends or checks a text asks here, so that what is planned is what is
billed. The encoding and the mention are those of a call: a text that shares a call with others is
billed as ``Call`` says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from dispatcher.errors import InvalidText
from dispatcher.texts.mention import has_stop
from dispatcher.texts.rendered import said_in
from dispatcher.texts.segments import MAX_SEGMENTS, Measure, measure
from dispatcher.texts.spelling import as_sent, resolved, wire_needs_unicode, wire_text

_forbidden = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]").search


class Arrival(NamedTuple):
    """A text that leaves in a call of its own kind."""

    #: as it stands in the request, and as the phone shows it, without the gateway's STOP mention
    wire: str
    text: str
    #: whether it needs Unicode, and whether it says itself how to opt out
    unicode: bool
    has_stop: bool
    #: with the gateway's mention, if it gets one: characters, and what is billed
    length: int
    measure: Measure


@dataclass(frozen=True, slots=True)
class Call:
    """The texts of one call: one encoding, and one answer to whether the mention is added."""

    #: as they stand in the request
    wires: list[str] = field(repr=False)
    unicode: bool
    stop: bool

    @classmethod
    def of(cls, wires: list[str], *, commercial: bool) -> Call:
        """The call of these texts; a ``commercial`` one has a mention in each text."""
        said = said_in(wires)
        # mostly nobody's text has a mention of its own, and a single look is enough
        unicode = wire_needs_unicode(said)
        # no other letter has one of these as its small letter, and bytes are quicker to search
        stops = b"stop" in said.encode(errors="surrogatepass").lower()
        own = stops and all(_says_stop(wire, unicode) for wire in set(wires))
        return cls(wires, unicode, commercial and not own)

    def segments(self, budget: int) -> list[int]:
        """What each text is billed as, with ``budget`` characters for an added mention."""
        tail = "x" * budget if self.stop else ""
        known = {
            wire: measure(_arriving(wire, self.unicode) + tail, unicode=self.unicode).segments
            for wire in set(self.wires)
        }
        return [known[wire] for wire in self.wires]


def arrival(text: str, *, budget: int = 0) -> Arrival:
    """A text as it arrives, whether it may be sent or not.

    ``budget`` is the length of the mention that the gateway adds to a text without one.
    """
    wire = wire_text(text)
    unicode = wire_needs_unicode(wire)
    arrives = _arriving(wire, unicode)
    own = _says_stop(wire, unicode)
    whole = arrives if own else arrives + "x" * budget
    return Arrival(wire, arrives, unicode, own, len(whole), measure(whole, unicode=unicode))


def checked(text: str, *, budget: int = 0, no_unicode: str = "") -> Arrival:
    """``arrival`` of a text that can be sent. Raises InvalidText for any other.

    ``no_unicode``, if any, says who cannot send Unicode.
    """
    if not text.strip():
        raise InvalidText("The text is empty.")
    if bad := _forbidden(text):
        kind = "half a character" if "\ud800" <= bad[0] <= "\udfff" else "a control character"
        raise InvalidText(f"Position {bad.start() + 1} holds {kind} (U+{ord(bad[0]):04X}).")
    arrives = arrival(text, budget=budget)
    if not arrives.text.strip():
        raise InvalidText("Nothing of the text would arrive: every character is deleted.")
    if no_unicode and arrives.unicode:
        raise InvalidText(f"the text has a character that needs Unicode, which {no_unicode}")
    segments = arrives.measure.segments
    if segments > MAX_SEGMENTS:
        alone = measure(arrives.text, unicode=arrives.unicode).segments
        if alone > MAX_SEGMENTS:
            raise InvalidText(f"The text takes {alone} segments; the most is {MAX_SEGMENTS}.")
        raise InvalidText(
            f"the text has {segments} segments with the STOP mention; the gateway takes at most"
            f" {MAX_SEGMENTS}"
        )
    return arrives


def _says_stop(wire: str, unicode: bool) -> bool:
    # what replaces a character may turn the number of a mention into a quantity
    return has_stop(wire) and has_stop(_arriving(wire, unicode))


def _arriving(wire: str, unicode: bool) -> str:
    # the gateway's table replaces what GSM-7 lacks: a text in Unicode arrives as it is
    return resolved(wire, "\r\n") if unicode else as_sent(wire)
