"""What the gateway does to the characters of a text, what they cost, and what to write instead."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Final

from dispatcher.texts.segments import measure
from dispatcher.texts.spelling import as_sent, needs_unicode, wire_text
from dispatcher.texts.templates import without_fields

#: since when operators may block links of public shorteners (AF2M charter Business Messaging)
SHORTENERS_RULE: Final = date(2026, 3, 1)
_shortener: Final = re.compile(
    r"(?<![\w.-])(?:bit\.ly|buff\.ly|cutt\.ly|goo\.gl|is\.gd|lc\.cx|ow\.ly|rb\.gy|rebrand\.ly"
    r"|shorturl\.at|t\.ly|tiny\.cc|tinyurl\.com|urlz\.fr)(?![\w.-]*\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One character of a text that does not arrive as written, or that makes the text dearer."""

    character: str
    count: int
    #: what arrives in its place, "" for nothing; None if it stays and needs Unicode
    becomes: str | None
    message: str


def link_warnings(text: str) -> list[str]:
    """A warning for each public link shortener that the text names, in its order."""
    return [
        f"operators may block links of {host} (charter of {SHORTENERS_RULE:%Y-%m-%d}):"
        " use your own domain"
        for host in dict.fromkeys(match[0].lower() for match in _shortener.finditer(text))
    ]


def findings_in(text: str) -> list[Finding]:
    """A finding for each character that changes or costs, in the order of the text.

    Skips fields, and blanks that become a plain space or a line break.
    """
    written = unicodedata.normalize("NFC", without_fields(text))
    arrival = {char: as_sent(wire_text(char)) for char in written}
    dear = {char for char in arrival if needs_unicode(char)}
    plain = "".join(char for char in written if char not in dear)
    much, less = (measure(as_sent(wire_text(each))).segments for each in (written, plain))
    findings = []
    for char, count in Counter(written).items():
        shown = char if char.isprintable() and char != "\ufe0f" else f"U+{ord(char):04X}"
        becomes = None if char in dear else arrival[char]
        if becomes is None:
            message = f"{shown} needs Unicode; segments with its like: {much}, without: {less}."
        elif becomes == char or char.isspace():
            continue
        elif not becomes:
            message = f"{shown} is deleted; write it another way if a link or a code needs it."
        else:
            better = "; write “c” if that reads better" if char == "ç" else ""
            message = f"{shown} becomes “{becomes}”{better}."
        findings.append(Finding(char, count, becomes, message))
    return findings
