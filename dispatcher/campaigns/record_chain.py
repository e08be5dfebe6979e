"""The chain of the record of actions: each seal covers an entry and the seal before it. Pure.

Whoever changes or removes an entry, and not every seal behind it, is found out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

#: what the first seal has before it
START: Final = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is on record of one action: when (UTC), who, from where, what, to what, and why."""

    id: int
    at: datetime
    actor: str
    origin: str
    verb: str
    reason: str
    campaign_id: int | None
    batch_id: int | None


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal: its number from 1 on, the id of its entry, and the hash."""

    number: int
    entry_id: int
    value: str

    def __str__(self) -> str:
        """The seal as one word, to be written down."""
        return f"{self.number}:{self.entry_id}:{self.value}"

    @classmethod
    def of(cls, word: str) -> Seal:
        """The seal that a word stands for. Raises ValueError."""
        number, entry, value = word.split(":")
        return cls(int(number), int(entry), value)


def seal(before: str, entry: Entry) -> str:
    """The SHA-256 of an entry and the seal ``before`` it, in hexadecimal digits."""
    facts = [
        before,
        entry.id,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        *(entry.actor, entry.origin, entry.verb, entry.reason),
        *(entry.campaign_id, entry.batch_id),
    ]
    return hashlib.sha256(json.dumps(facts, ensure_ascii=True).encode()).hexdigest()


def chained(entries: Iterable[Entry], last: Seal | None) -> Iterator[Seal]:
    """The seals of entries that follow the ``last`` seal."""
    number, value = (last.number, last.value) if last else (0, START)
    for entry in entries:
        number, value = number + 1, seal(value, entry)
        yield Seal(number, entry.id, value)


def broken(
    sealed: Iterable[tuple[Seal, Entry | None]], head: Seal | None, known: Seal | None = None
) -> Iterator[str]:
    """What is wrong with a record: one sentence for each entry that was altered or is missing.

    ``sealed`` has each seal, in order, with its entry if there is one. ``head`` was the last seal
    before they were read, and ``known`` was written down elsewhere: both must be among them.
    """
    missed, ends = known, head is None
    number, value = 0, START
    for one, entry in sealed:
        if one.number != number + 1:
            yield f"the seals {number + 1} to {one.number - 1} are missing"
        elif entry is None:
            yield f"entry {one.entry_id} is missing: it was sealed as number {one.number}"
        elif seal(value, entry) != one.value:
            yield (
                f"entry {one.entry_id} ({entry.verb}, by {entry.actor}) or its seal was altered"
                f" after it was sealed as number {one.number}"
            )
        number, value = one.number, one.value
        missed = None if one == known else missed
        ends = ends or one == head
    if missed is not None:
        yield f"the record does not hold seal {missed.number} as it was written down"
    if head is not None and number < head.number:
        yield f"the end is missing: the last seal was number {head.number}, and is {number} now"
    elif not ends:
        yield f"the seal {head.number if head else 0} is not the one that was added as the last"
