"""What the values of a list do to the texts that they are put into: a plan warns of it. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.entities import html5
from typing import Final

from dispatcher.texts import Arrival, arrival, as_sent, needs_unicode, wire_text
from dispatcher.texts.marks import pieces, without_marks

#: what the gateway replaces or deletes in GSM-7, so that a link or a code breaks
_BREAKING: Final = frozenset("^~|\\¨§[{]}°µ")
#: how many characters a sentence shows
_SHOWN: Final = 5
#: how much of a spoilt value a sentence shows
_LONGEST: Final = 60
# a file split at semicolons has taken that of the last cell
_entity = re.compile(r"&(?:#\d{2,6}|#x[0-9a-f]{2,5}|([a-z]{2,8}\d?))(?:;|$)", re.I).finditer

# accents and quotes in UTF-8 that a program has read as cp1252, and what it could not read
_garbled = re.compile(
    f"Ã[{re.escape(bytes(range(0x80, 0xC0)).decode('cp1252', 'ignore'))}]|â€|\ufffd"
).search


@dataclass(frozen=True, slots=True)
class ValueFinding:
    """What the values of one recipient do to the text; its repr does not show them."""

    #: what needs Unicode, and the segments with it and without
    dear: tuple[str, ...] = field(default=(), repr=False)
    segments: int = 0
    without: int = 0
    #: a value that loses an accent, and how it arrives
    bare: tuple[str, str] | None = field(default=None, repr=False)
    #: characters that arrive as others or not at all, by field
    altered: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    #: what is wrong with a value, and the value
    spoilt: tuple[str, str] | None = field(default=None, repr=False)


def finding_of(
    values: Mapping[str, str], text: str, arrives: Arrival, budget: int
) -> ValueFinding | None:
    """What ``values`` do to the ``text`` of one recipient; None if it is not worth a word.

    ``budget`` is the length of the STOP mention.
    """
    if arrives.unicode:
        apart = list(pieces(unicodedata.normalize("NFC", text)))
        dear = dict.fromkeys(filter(needs_unicode, apart))
        rest = arrival("".join(each for each in apart if each not in dear), budget=budget)
        return ValueFinding(tuple(dear), arrives.measure.segments, rest.measure.segments or 1)
    bare: tuple[str, str] | None = None
    altered = []
    for name, value in values.items():
        written = unicodedata.normalize("NFC", without_marks(value)).strip()
        if breaking := "".join(dict.fromkeys(char for char in written if char in _BREAKING)):
            altered.append((name, breaking))
        elif bare is None and any(map(_loses_accent, written)):
            bare = (written, as_sent(wire_text(written)))
    return ValueFinding(bare=bare, altered=tuple(altered)) if bare or altered else None


def spoilt_in(values: Iterable[str]) -> tuple[str, str] | None:
    """The first value with entities of HTML, such as ``&amp;``, or with garbled letters."""
    for value in values:
        if "&" in value and _has_entity(value):
            return "entities of HTML", value
        if not value.isascii() and _garbled(value):
            return "garbled letters", value
    return None


def _has_entity(value: str) -> bool:
    found = ((match[0], match[1]) for match in _entity(value.strip()))
    return any(name is None or whole[1:] in html5 for whole, name in found)


def _loses_accent(char: str) -> bool:
    return not char.isascii() and char.isalpha() and as_sent(wire_text(char)) != char


class ValueFindings:
    """The findings of a whole list: how many recipients, an example, the first line."""

    def __init__(self) -> None:
        self._dear: Counter[str] = Counter()
        self._dearer = self._segments = self._without = 0
        self._bare = 0
        self._example = ("", "")
        self._spoilt: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._altered: Counter[str] = Counter()
        self._characters: dict[str, dict[str, None]] = {}
        self._lines: dict[str, int | None] = {}

    def add(self, finding: ValueFinding, line: int | None) -> None:
        """Count the finding about one recipient, who stands in this line."""
        if finding.dear:
            self._lines.setdefault("dear", line)
            self._dear.update(finding.dear)
            self._dearer += 1
            self._segments += finding.segments
            self._without += finding.without
        if finding.bare:
            self._lines.setdefault("bare", line)
            self._example = self._example if self._bare else finding.bare
            self._bare += 1
        if finding.spoilt:
            what, value = finding.spoilt
            self._lines.setdefault(what, line)
            self._examples.setdefault(what, value.strip())
            self._spoilt[what] += 1
        for name, characters in finding.altered:
            self._lines.setdefault(f"altered {name}", line)
            self._altered[name] += 1
            self._characters.setdefault(name, {}).update(dict.fromkeys(characters))

    def sentences(self, recipients: int, *, private: bool = True) -> Iterator[str]:
        """Sentences about so many ``recipients``; without values unless ``private``."""
        if self._dear:
            shown = ", ".join(f"“{each}”" for each, _ in self._dear.most_common(_SHOWN))
            more = " and others" if len(self._dear) > _SHOWN else ""
            why = f" for {shown}{more}" if private else ""
            need = "needs" if self._dearer == 1 else "need"
            yield (
                f"{self._dearer:,} of {recipients:,} {need} Unicode{why}: {self._segments:,}"
                f" {'segment' if self._segments == 1 else 'segments'} instead of"
                f" {self._without:,}{self._where('dear', self._dearer)}"
            )
        if self._bare:
            written, arrives = self._example
            example = f": “{written}” arrives as “{arrives}”" if private else ""
            lose = "loses an accent" if self._bare == 1 else "lose an accent"
            yield (
                f"{self._bare:,} of {recipients:,} {lose}{example}{self._where('bare', self._bare)}"
            )
        for what, count in self._spoilt.items():
            hold = "holds" if count == 1 else "hold"
            value = self._examples[what]
            value = value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…"
            example = f": “{value}”" if private else ""
            yield (
                f"{count:,} of {recipients:,} {hold} {what}, which are texted as they"
                f" stand{example}{self._where(what, count)}"
            )
        for name, count in self._altered.most_common():
            characters = " ".join(self._characters[name])
            yield (
                f"{characters} in “{name}” arrive as other characters or not at all:"
                f" {count:,} of {recipients:,}{self._where(f'altered {name}', count)}"
            )

    def _where(self, what: str, count: int) -> str:
        line = self._lines[what]
        return "" if line is None else f" ({'first in ' if count > 1 else ''}line {line})"
