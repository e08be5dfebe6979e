"""One language: translates what the library says, and writes values in its form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Final

from dispatcher.language.catalogue import HOLE, NUMBERS, STAMPS, Catalogue
from dispatcher.language.forms import IN_ENGLISH, IN_FRENCH, Forms

#: between the parts of a sentence that is a list of sentences
_JOINS = ("; ", ", ")
#: holes that hold sentences of the library
_SENTENCES = frozenset(
    {
        *("why", "rest", "cure", "tail", "source", "reason", "cap"),
        *("batches", "messages", "before", "after"),
    }
)
#: the end of a list of names, and one of several reasons: "2 × landline (a landline gets no SMS)"
_end = re.compile(r"( and others| and \d[\d,]* more(?: reasons)?)$")
#: a number with its thousands set apart; nothing else is written so, but for what people typed
_grouped = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")
_TYPED = frozenset(
    {
        *("value", "values", "given", "name", "who", "where", "tag", "account", "campaign", "key"),
        *("reference", "file", "path", "sender", "text", "column", "field"),
    }
)
_reason = re.compile(r"([\d,]+) × (?:\w+ \((.+?)\)|(.+?))(?=, [\d,]+ × |$)")


class Language:
    """A language by its code ("fr"); ``forms`` writes numbers, instants and amounts of money."""

    def __init__(self, code: str, forms: Forms) -> None:
        self.code: Final = code
        self.forms: Final = forms
        self._said = lru_cache(maxsize=4096)(self._translate)

    @cached_property
    def _catalogue(self) -> Catalogue:
        return Catalogue(self.code)

    def say(self, sentence: str) -> str:
        """A sentence of the library in this language; as it is if no pattern fits.

        Parts that people have typed, such as the reason of a pause, stay as they were typed.
        """
        if (said := self._said(sentence)) is not None:
            return said
        first, join, rest = sentence.partition("; ")
        if not rest or not (self.knows(first) or self.knows(rest)):
            return sentence
        return self.say(first) + _SPACED.get(join, join) + self.say(rest)

    def knows(self, sentence: str) -> bool:
        """Whether the catalogue has this sentence, or all the sentences that it lists."""
        return self._said(sentence) is not None

    def after_place(self, sentence: str) -> str:
        """What a check found; the place that stands before it is a name, and stays."""
        if not self.knows(sentence):
            for place in re.finditer(": ", sentence):
                if self.knows(rest := sentence[place.end() :]):
                    return f"{sentence[: place.start()]} – {self.say(rest)}"
        return self.say(sentence)

    def text(self, sentence: str, **values: object) -> str:
        """A sentence of the catalogue with its holes filled; the values stay as they are."""
        return self._catalogue.sentences.get(sentence, sentence).format(**values)

    def exact(self, sentence: str) -> str:
        """A sentence without holes, as the catalogue has it; as it is if it has not."""
        return self._catalogue.sentences.get(sentence, sentence)

    def listed(self, line: str, **values: str) -> str:
        """A line that is little more than holes, which any sentence would look like."""
        return self.word("listed", line).format(**values)

    def word(self, context: str, word: str) -> str:
        """A word of a context: a state, a territory, a closed day, a kind of action."""
        return self._catalogue.words.get(context, {}).get(word) or word.replace("_", " ")

    def counts(self, states: Mapping[str, int]) -> str:
        """How many messages are in each state: "2 delivered, 1 in doubt"."""
        return ", ".join(
            f"{self.forms.number(count)} {self.word('message', state)}"
            for state, count in states.items()
            if count
        )

    def _translate(self, sentence: str) -> str | None:
        if not sentence or self.code == "en":
            return sentence
        for context in ("day", "place"):
            if found := self._catalogue.words.get(context, {}).get(sentence):
                return found
        if fits := self._catalogue.match(sentence):
            says, holes = fits
            return HOLE.sub(lambda hole: self._filled(hole[1], holes[hole[1]]), says)
        for join in _JOINS:
            parts = sentence.split(join)
            if len(parts) > 1 and all(said := [self._said(part) for part in parts]):
                return _SPACED.get(join, join).join(map(str, said))
        return None

    def _filled(self, name: str, value: str) -> str:
        words: Mapping[str, str] = self._catalogue.words.get(name, {})
        if value in words:
            return words[value]
        if name in NUMBERS or (name not in _TYPED and _grouped.fullmatch(value)):
            return self.forms.localised(value)
        if name == "time":
            hour, minute = value.split(":")
            return self.forms.clock(int(hour), int(minute))
        if name == "utc":
            return self.forms.instant(datetime.fromisoformat(value).replace(tzinfo=UTC))
        if name in STAMPS:
            return self.forms.stamp(datetime.fromisoformat(value.partition(" ")[2]))
        if name == "moment":
            return self.forms.said(value)
        if name in ("list", "rows", "rejections"):
            return self._listed(value)
        # the reason of a pause may be a sentence of the library, or what a person has typed
        return self.say(value) if name in _SENTENCES else value

    def _listed(self, value: str) -> str:
        """Reasons with their counts, or names that stay as they are; the end is translated."""
        names, end, _ = _end.split(value, maxsplit=1) if _end.search(value) else (value, "", "")
        names = re.sub(r"(?<=\d) and (?=\d)", self.text(" and "), names)
        said = _reason.sub(
            lambda found: (
                f"{self.forms.localised(found[1])} × {self._reason(found[2] or found[3])}"
            ),
            names,
        )
        return said + self.say(end)

    def _reason(self, reason: str) -> str:
        """One of several reasons, which stands there without its full stop."""
        whole = f"{reason}."
        if not self.knows(reason) and self.knows(whole):
            return self.say(whole).removesuffix(".")
        return self.say(reason)


#: the first of these that is set and not empty says the language of a command
_VARIABLES = ("DISPATCHER_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
_SPACED = {"; ": "\xa0; "}
ENGLISH: Final = Language("en", IN_ENGLISH)
FRENCH: Final = Language("fr", IN_FRENCH)
LANGUAGES: Final[Mapping[str, Language]] = {"fr": FRENCH, "en": ENGLISH}


def chosen(*codes: str) -> Language:
    """The language of the first code that is one of ours ("fr-CA", "fr_FR.UTF-8"); else English."""
    for code in codes:
        if found := LANGUAGES.get(re.split(r"[-_.@]", code, maxsplit=1)[0].lower()):
            return found
    return ENGLISH


def of_environment(values: Mapping[str, str]) -> Language:
    """The language that DISPATCHER_LANGUAGE names, else the locale, in the order of POSIX."""
    return chosen(next(filter(None, map(values.get, _VARIABLES)), ""))
