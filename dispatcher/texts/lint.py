"""What the gateway does to the characters of a text, what they cost, and what to write instead."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Final

from dispatcher.texts.arrival import arrival
from dispatcher.texts.likely_fields import likely_fields
from dispatcher.texts.marks import pieces, without_marks
from dispatcher.texts.spelling import as_sent, needs_unicode, resolved, wire_text
from dispatcher.texts.templates import without_fields

#: since when operators may block links of public shorteners (AF2M charter Business Messaging)
SHORTENERS_RULE: Final = date(2026, 3, 1)
_shortener: Final = re.compile(
    r"(?<![\w.-])(?:bit\.ly|buff\.ly|cutt\.ly|goo\.gl|is\.gd|lc\.cx|ow\.ly|rb\.gy|rebrand\.ly"
    r"|shorturl\.at|t\.ly|tiny\.cc|tinyurl\.com|urlz\.fr)(?![\w.-]*\w)",
    re.IGNORECASE,
)
#: how many characters a sentence shows
_SHOWN: Final = 5


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


def text_warnings(text: str) -> list[str]:
    """What a person should know of a text: its price, links, what looks like a field or a break."""
    written = unicodedata.normalize("NFC", without_fields(without_marks(text)))
    warnings = [
        f"“{each}” is sent as it is written: did you mean {{{{ {name} }}}}?"
        for each, name in likely_fields(written).items()
    ]
    if dear := [each for each in dict.fromkeys(pieces(written)) if needs_unicode(each)]:
        shown = ", ".join(f"“{each}”" for each in dear[:_SHOWN])
        more = " and others" if len(dear) > _SHOWN else ""
        warnings.append(
            f"the text needs Unicode for {shown}{more}: a segment has 70 characters, not 160"
        )
    if "\\n" in written:
        warnings.append("“\\n” arrives as “n”: write a line break itself")
    return warnings + link_warnings(text)


def findings_in(text: str) -> list[Finding]:
    """A finding for each character that changes or costs, in the order of the text.

    Skips fields, and blanks that become a plain space or a line break.
    """
    whole = unicodedata.normalize("NFC", without_fields(text))
    written = without_marks(whole)
    parts = list(pieces(written))
    dear = set(filter(needs_unicode, parts))
    # the gateway's table is for GSM-7 only
    arrival_of = {
        each: resolved(wire_text(each)) if dear else as_sent(wire_text(each)) for each in parts
    }
    much, less = (
        arrival(each).measure.segments
        for each in (written, "".join(each for each in parts if each not in dear))
    )
    unseen = Counter(whole)
    unseen.subtract(written)
    findings = [
        Finding(char, count, "", f"U+{ord(char):04X} is left out: nobody sees it.")
        for char, count in unseen.items()
        if count > 0
    ]
    for each, count in Counter(parts).items():
        becomes = None if each in dear else arrival_of[each]
        if becomes is None:
            shown = each if each.isprintable() or len(each) > 1 else f"U+{ord(each):04X}"
            segments = "segment" if much == 1 else "segments"
            message = (
                f"{shown} needs Unicode: {much} {segments} with such characters,"
                f" {less or 1} without."
            )
        elif becomes == each or each.isspace():
            continue
        elif not becomes:
            message = f"{each} is deleted; write it another way if a link or a code needs it."
        else:
            better = "; write “c” if that reads better" if each == "ç" else ""
            message = f"{each} becomes “{becomes}”{better}."
        findings.append(Finding(each, count, becomes, message))
    return findings
