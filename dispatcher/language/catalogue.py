"""The sentences of one language: those of a gettext catalogue, found by what they look like."""

from __future__ import annotations

import gettext
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

#: where the catalogues are: ``fr/LC_MESSAGES/dispatcher.mo``
PLACES: Final = Path(__file__).parent / "locale"
DOMAIN: Final = "dispatcher"
#: between a context and a sentence, in a catalogue
_OF = "\x04"
HOLE = re.compile(r"\{(\w+)\}")
#: what may stand in a hole of that name; other holes take anything, and it stays as it is
NUMBERS: Final = frozenset({"count", "more", "of", "euros"})
#: the same for a day of the week, a day and an hour
STAMPS: Final = ("stamp", "paris")
_LOOKS: Mapping[str, str] = {
    **dict.fromkeys(NUMBERS, r"\d[\d,]*(?:\.\d+)?"),
    "time": r"\d\d:\d\d",
    "moment": r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day (?:\d+ \w+ \d{4} )?\d\d:\d\d",
    "variable": r"[\w\[\]']+",
    **dict.fromkeys(STAMPS, r"[A-Z][a-z]+day \d{4}-\d\d-\d\d \d\d:\d\d"),
    "utc": r"\d{4}-\d\d-\d\d \d\d:\d\d",
    # the end of a sentence that may have one
    "tail": ".*?",
}


class Pattern:
    """A sentence with holes, and its translation with the same holes."""

    def __init__(self, sentence: str, says: str, words: Mapping[str, Mapping[str, str]]) -> None:
        self.says: Final = says
        self._parts = HOLE.split(sentence)
        self._words = words
        fixed = self._parts[::2]
        #: how many characters are not holes
        self.weight: Final = sum(map(len, fixed))
        self._longest = max(fixed, key=len)

    def match(self, sentence: str) -> re.Match[str] | None:
        """What is in the holes, if the sentence looks like this one."""
        # most sentences look like no other: few patterns are ever compiled
        return self._looks.fullmatch(sentence) if self._longest in sentence else None

    @cached_property
    def _looks(self) -> re.Pattern[str]:
        looks = (
            f"(?P<{part}>{self._hole(part)})" if place % 2 else re.escape(part)
            for place, part in enumerate(self._parts)
        )
        return re.compile("".join(looks), re.DOTALL)

    def _hole(self, name: str) -> str:
        if name in self._words:
            return "|".join(sorted(map(re.escape, self._words[name]), key=len, reverse=True))
        return _LOOKS.get(name, ".+?")


class Catalogue:
    """What a gettext catalogue holds; empty for the language that the sentences are written in."""

    def __init__(self, code: str) -> None:
        found = gettext.translation(DOMAIN, PLACES, [code], fallback=True)
        entries: Mapping[str, str] = {
            key: value
            for key, value in vars(found).get("_catalog", {}).items()
            if isinstance(key, str) and key
        }
        #: by context, the words of that context
        self.words: dict[str, dict[str, str]] = {}
        #: sentences that belong to no context
        self.sentences: dict[str, str] = {}
        for key, value in entries.items():
            context, of, word = key.partition(_OF)
            (self.words.setdefault(context, {}) if of else self.sentences)[word or key] = value
        patterns = (
            Pattern(sentence, says, self.words)
            for sentence, says in self.sentences.items()
            if HOLE.search(sentence)
        )
        self._patterns = sorted(patterns, key=lambda one: -one.weight)

    def match(self, sentence: str) -> tuple[str, Mapping[str, str]] | None:
        """The translation that fits a sentence, with what is in its holes; None if none does."""
        if sentence in self.sentences:
            return self.sentences[sentence], {}
        for pattern in self._patterns:
            if found := pattern.match(sentence):
                return pattern.says, found.groupdict()
        return None
