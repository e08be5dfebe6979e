"""Consent: where a campaign's consents come from, and what the application's answer says. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from dispatcher.masking import masked

#: the source of consents that asks the application (``DISPATCHER_CONSENT``)
ASK: Final = "ask"
#: an answer that is older is not believed: it is a minute old at most when the first byte leaves
FRESH: Final = timedelta(seconds=55)
#: clocks and time zones differ: a consent may be dated so much later than now
_LATER = timedelta(days=1)
#: characters
_LONGEST = 200
#: of a value that may tell who somebody is
_SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Person:
    """A person whose consent is asked for: the number (E.164), and the caller's own key."""

    phone: str = field(repr=False)
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent: when it was given, where (a form, a shop), and to which version of its wording."""

    date: date
    source: str = ""
    wording: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application has answered for the people of a batch, by position."""

    consents: Mapping[int, Consent] = field(default_factory=dict, repr=False)
    withdrawn: frozenset[int] = frozenset()
    #: why nobody of the batch may be texted yet; empty if everybody is answered for
    problem: str = ""


def read(answer: object, people: Mapping[int, Person], now: datetime) -> Answer:
    """What ``answer`` says: a mapping from each person to a Consent, or None for no consent.

    A person who is missing in it, or whose value is neither, is not answered for. Raises what the
    objects of the application raise.
    """
    if not isinstance(answer, Mapping):
        return Answer(problem=_none(f"it returned no mapping, but a {type(answer).__name__}"))
    given, consents = dict(answer), dict[int, Consent]()
    withdrawn: set[int] = set()
    for position, person in people.items():
        found = given.get(person, answer)
        if found is None:
            withdrawn.add(position)
        elif isinstance(found, Consent) and (consent := usable(found, now)):
            consents[position] = consent
    answered = len(consents) + len(withdrawn)
    problem = ""
    if answered < len(people):
        problem = _none(f"it answered for {answered} of {len(people)} people")
    return Answer(consents, frozenset(withdrawn), problem)


def failed(what: str) -> Answer:
    """The answer of an application that gave none; ``what`` it did, as a sentence goes on."""
    return Answer(problem=_none(what))


def _none(what: str) -> str:
    return f"the application gave no consents (DISPATCHER_CONSENT): {what}"


def usable(consent: Consent, now: datetime) -> Consent | None:
    """The consent as it is stored; None if it cannot be: no date, a future one, or no text."""
    at, source, wording = consent.date, consent.source, consent.wording
    given: tuple[object, ...] = (at, source, wording)  # the application may have given anything
    if not all(map(isinstance, given, (date, str, str))):
        return None
    if isinstance(at, datetime):
        try:
            at = datetime.fromisoformat(at.isoformat())  # pandas has an instant that is none
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return None
        later = at > now + _LATER
    else:
        at = date(at.year, at.month, at.day)  # and no object of the application's own
        later = at > (now + _LATER).date()
    return None if later else Consent(at, _stored(source), _stored(wording))


def written(size: int, consents: Mapping[int, Consent], before: str | None = None) -> str:
    """The document of a batch: a JSON array by position; ``consents`` take the place of others."""
    rows = ["null"] * size if before is None else list(map(_json, json.loads(before)))
    for position, consent in consents.items():
        rows[position] = row_of(consent)
    return document(rows)


def row_of(consent: Consent) -> str:
    """What the document of a batch has of one consent."""
    return _json([consent.date.isoformat(), consent.source, consent.wording])


def document(rows: Iterable[str]) -> str:
    """The document of a batch from what ``row_of`` has made, in order of positions."""
    return f"[{','.join(rows)}]"


def parsed(document: str) -> dict[int, Consent]:
    """Position -> consent, of a document that ``written`` made."""
    return {
        position: Consent(_instant(row[0]), *row[1:])
        for position, row in enumerate(json.loads(document))
        if row is not None
    }


def words(document: str) -> set[str]:
    """All sources and wordings in a document, each once."""
    return {text for row in json.loads(document) if row is not None for text in row[1:] if text}


def erased(
    document: str,
    written: Callable[[str], str],
    theirs: Mapping[int, tuple[str, Collection[str]]],
) -> str:
    """The document with every source and wording as ``written`` makes it.

    ``theirs`` is position -> the pseudonym of an erased person, and what the row had of her: in her
    own source and wording the pseudonym takes its place. Those that are the same for somebody else
    in the batch stay: they name a form or a shop.
    """
    rows = json.loads(document)
    count = Counter(text for row in rows if row is not None for text in row[1:])
    for position, row in enumerate(rows):
        for place in (1, 2) if row is not None else ():
            text = row[place]
            row[place] = written(text) if text else text
            if text and position in theirs and count[text] == 1:
                row[place] = _without(row[place], *theirs[position])
    return _json(rows)


def _without(text: str, pseudonym: str, known: Collection[str]) -> str:
    """The text with a pseudonym in place of each whole word, or words, of what is ``known``."""
    telling = (re.escape(it) for it in sorted(known, key=len, reverse=True) if len(it) >= _SHORTEST)
    pattern = "|".join(telling)
    if not pattern:
        return text
    return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", pseudonym, text, flags=re.IGNORECASE)


@lru_cache(maxsize=1024)
def _stored(text: str) -> str:
    """A source or a wording without numbers, and without what UTF-8 cannot write."""
    return masked(text[:_LONGEST].encode("utf-8", "replace").decode())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _instant(text: str) -> date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
