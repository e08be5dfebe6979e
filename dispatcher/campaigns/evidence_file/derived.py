"""Derives the sums of a file of evidence anew, and names the rows that contradict each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final

from dispatcher.campaigns.evidence_file.layout import (
    ATTEMPTS,
    BATCHES,
    CONSENTS,
    OPT_OUTS,
    RECIPIENTS,
    RECORD,
)
from dispatcher.campaigns.evidence_file.opened import Opened
from dispatcher.campaigns.evidence_file.ranges import positions, ranges
from dispatcher.campaigns.evidence_file.row_check import Once, named_in, wrong_amounts, wrong_causes
from dispatcher.campaigns.evidence_file.window_check import other_calendar, wrong_windows
from dispatcher.campaigns.record_chain import Entry, seal

#: verbs of the record that are incidents, and the one that is a correction
_INCIDENTS, _CORRECTION = ("texted twice", "texted after give up"), "correction"
#: states of messages that the gateway took
_TEXTED: Final = ("sent", "delivered", "undelivered")
#: more rows of one batch than there can be
_LARGEST_GROUP: Final = 5000

#: what a batch counts, and what it says of euros
_COUNTS, _COSTS = ("size", "segments", "attempts"), ("cost", "planned")

Row = Mapping[str, Any]


class Derived:
    """The sums, derived from the rows of all members; each is read once, side by side."""

    def __init__(self, campaign: Row, *, masked: bool) -> None:
        """``masked`` says that the middle of each number is hidden."""
        self._once = Once(masked=masked)
        self._others = named_in(campaign)
        self._commercial = campaign["commercial"]
        self._asks = campaign["consent"] is not None
        self._numbers: Counter[str] = Counter()
        self._states: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._cost = Decimal(0)

    @property
    def sums(self) -> dict[str, Any]:
        """The same sums as the manifest has."""
        names = [
            "recipients",
            "batches",
            "segments",
            "attempts",
            "entries",
            "incidents",
            "corrections",
        ]
        return {name: self._numbers[name] for name in names} | {
            "states": dict(self._states),
            "outcomes": dict(self._outcomes),
            "cost": f"{self._cost:.4f}",
        }

    def of_batches(self, opened: Opened, remark: Callable[[str], None]) -> Iterator[str]:
        """Compare each batch with its recipients, opt-outs, attempts and window."""
        names = (RECIPIENTS, OPT_OUTS, CONSENTS, ATTEMPTS)
        members = [_ByBatch(opened.lines(name)) for name in names]
        recipients, left_out, consents, attempts = members
        for expected, row in enumerate(opened.lines(BATCHES), start=1):
            batch = dict(row)
            number, states = batch["batch"], Counter(batch["states"])
            if number != expected:
                yield f"batch {expected} is missing, or out of order: {number} is in its place"
                return
            yield from wrong_amounts(f"batch {number}", batch, _COUNTS, _COSTS)
            self._numbers["batches"] += 1
            self._numbers["segments"] += batch["segments"]
            self._cost += Decimal(batch["cost"])
            people = recipients.of(number)
            found = Counter(one["state"] for one in people)
            self._numbers["recipients"] += len(people)
            self._states.update(found)
            size, gone, tries = batch["size"], found["opted_out"], batch["attempts"]
            lacks = f"batch {number}: {{}} has not each of its {{}} {{}} once".format
            if not _counts(people, "position", 0, size):
                yield lacks(RECIPIENTS, size, "recipients")
            if found != states:
                yield f"batch {number}: recipients are {dict(found)}, and it says {dict(states)}"
            yield from self._once.wrong(number, people)
            yield from wrong_causes(number, people, self._others)
            if len(left_out.of(number)) != gone:
                yield lacks(OPT_OUTS, gone, "opt-outs")
            made = [dict(one) for one in attempts.of(number)]
            self._numbers["attempts"] += len(made)
            self._outcomes.update(one["outcome"] or "unknown" for one in made)
            if not _counts(made, "attempt", 1, tries):
                yield lacks(ATTEMPTS, tries, "attempts")
            yield from self._consents(number, people, consents.of(number), remark)
            for attempt in made:
                where = f"batch {number}, attempt {attempt['attempt']}"
                yield from wrong_amounts(where, attempt, ("messages",), ("cost",))
            yield from _uncarried(number, min(size, _LARGEST_GROUP), people, made)
            yield from self._window(batch, made, remark)
        for name, one in zip(names, members, strict=True):
            if not one.is_over:
                yield f"{name} has rows of no batch, or they are out of order"

    def of_record(self, opened: Opened) -> Iterator[str]:
        """Verify the seal of each entry, and the chain where two stand side by side."""
        number, value = 0, ""
        for row in opened.lines(RECORD):
            self._numbers["entries"] += 1
            self._numbers["incidents"] += row["verb"] in _INCIDENTS
            self._numbers["corrections"] += row["verb"] == _CORRECTION
            if (sealed := row["seal"]) is None:
                continue
            values = {name: row[name] for name in Entry.__dataclass_fields__}
            entry = Entry(**values | {"at": datetime.fromisoformat(row["at"])})
            where = f"entry {row['id']} of the record ({row['verb']})"
            if seal(sealed["before"], entry) != sealed["hash"]:
                yield f"{where} is not the one that was sealed as number {sealed['number']}"
            follows = sealed["number"] == number + 1
            if sealed["number"] <= number or (follows and sealed["before"] != value):
                yield f"{where} does not continue the chain of seals"
            number, value = sealed["number"], sealed["hash"]

    def _consents(
        self, batch: int, people: list[Row], consents: list[Row], remark: Callable[[str], None]
    ) -> Iterator[str]:
        """Compare the consents of a batch with its recipients."""
        given = Counter(one["position"] for one in consents)
        texted = {one["position"] for one in people if one["state"] in _TEXTED}
        if given.total() > len(given) or given.keys() - {one["position"] for one in people}:
            yield f"batch {batch}: {CONSENTS} has a consent of nobody, or two of somebody"
        if self._asks and (left := texted - given.keys()):
            remark(f"batch {batch}: {len(left)} texted people have no consent here")

    def _window(
        self, batch: dict[str, Any], attempts: list[dict[str, Any]], remark: Callable[[str], None]
    ) -> Iterator[str]:
        rule = batch["window"]["rule"]
        if not self._commercial:
            if rule:
                yield f"batch {batch['batch']}: it has a window, and its campaign is not commercial"
            return
        wrong = list(wrong_windows(batch, attempts))
        if calendar := other_calendar(rule):
            remark(f"windows are recomputed by another calendar: the file says {calendar}")
        yield from wrong


def _counts(rows: Sequence[Row], name: str, start: int, count: int) -> bool:
    """Whether the rows are numbered from ``start`` on, and are so many."""
    return len(rows) == count and all(row[name] == n for n, row in enumerate(rows, start))


def _uncarried(
    batch: int, size: int, people: list[Row], attempts: list[dict[str, Any]]
) -> Iterator[str]:
    """Who was texted, and by no attempt that may have carried them."""
    carried: set[int] = set()
    for one in attempts:
        if not one["texts_nobody"]:
            covers = one["covers"]
            carried |= set(range(size) if covers is None else positions(covers, size))
    texted = {one["position"] for one in people if one["state"] in _TEXTED}
    if left := texted - carried:
        yield f"batch {batch}: no attempt carried the texted at {ranges(left)}"


class _ByBatch:
    """The rows of a member, batch by batch; they stand in the order of the batches."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._groups = groupby(rows, key=itemgetter("batch"))
        self._next = next(self._groups, None)

    @property
    def is_over(self) -> bool:
        """True if every row was taken."""
        return self._next is None

    def of(self, batch: object) -> list[Row]:
        """The rows of a batch; none if the next rows are of another one."""
        if self._next is None or self._next[0] != batch:
            return []
        # no batch has more; a file that claims so is wrong, and must not fill the memory
        rows = list(islice(self._next[1], _LARGEST_GROUP))
        self._next = next(self._groups, None)
        return rows
