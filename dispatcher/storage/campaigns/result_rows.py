"""What became of each recipient of a campaign, read as a stream within one transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatcher.campaigns.evidence import read
from dispatcher.campaigns.personal_texts import PersonalTexts
from dispatcher.campaigns.results import IN_DOUBT, Result, shares
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.errors import DispatcherError, InvalidText
from dispatcher.gateway.reasons import reason_of
from dispatcher.storage.batches import left_out
from dispatcher.storage.campaigns.parts import parts_of
from dispatcher.storage.tables import ATTEMPT, CAMPAIGN, RECIPIENT, REPORT

#: messages that have left, or may have
_LEFT = frozenset(
    state.letter
    for state in (
        MessageState.SENT,
        MessageState.DELIVERED,
        MessageState.UNDELIVERED,
        MessageState.UNREPORTED,
    )
)
_PENDING = MessageState.PENDING.letter


class ResultRows:
    """The recipients of one campaign in ``states``; the counters are of all its recipients."""

    def __init__(
        self, session: Session, campaign_id: int, states: AbstractSet[str], stop_budget: int
    ) -> None:
        """``stop_budget`` is the length of the mention that a commercial text gets."""
        self._session = session
        self._campaign_id = campaign_id
        self._states = states
        self._texts = _texts(session, campaign_id, stop_budget)
        self.messages: Counter[str] = Counter()
        self.cost = Decimal(0)

    def __iter__(self) -> Iterator[Result]:
        """Raises DispatcherError if a recipient's row is missing."""
        for part in parts_of(self._session, self._campaign_id):
            named = {batch.id: _names(batch) for batch in part}
            for batch in part:
                self.messages.update(named[batch.id])
            # a batch of which nothing is asked for is counted, and its recipients are not read
            wanted = [batch for batch in part if not self._states.isdisjoint(named[batch.id])]
            ids = [batch.id for batch in wanted]
            people, attempts, times = self._people(ids), self._attempts(ids), self._reports(ids)
            because_of = left_out.named(self._session, wanted)
            for batch in part:
                if batch.id not in people:
                    self.cost += batch.cost
                    continue
                of_it = people[batch.id], attempts[batch.id], times[batch.id]
                reasons = because_of.get(batch.id, {})
                for result in self._results(batch, named[batch.id], *of_it, reasons):
                    self.cost += result.cost
                    if result.state in self._states:
                        yield result

    def _results(
        self,
        batch: Any,
        names: list[str],
        people: list[Any],
        covers: list[str | None],
        times: list[datetime | None],
        because_of: Mapping[int, str],
    ) -> Iterator[Result]:
        if [one.position for one in people] != list(range(batch.size)):
            raise DispatcherError(
                f"batch {batch.id} has {len(people)} rows of recipients where {batch.size} were"
                " stored: somebody has deleted some"
            )
        codes: dict[str, int] = json.loads(batch.codes)
        left = [letter in _LEFT for letter in batch.states]
        held = batch.state == BatchState.HANDED_OVER
        charged = [has or (held and batch.states[n] == _PENDING) for n, has in enumerate(left)]
        counted = [self._segments(one.fields) if charged[one.position] else 0 for one in people]
        costs = shares(batch.cost, charged, counted)
        carried = _carried(batch.size, covers)
        for _, position, phone, key, _, row in people:
            name = names[position]
            yield Result(
                batch=batch.number,
                position=position,
                row=row,
                phone=phone,
                key=key,
                state=name,
                reason=reason_of(
                    *(name, batch.state, batch.why, codes.get(str(position))),
                    because_of.get(position, ""),
                ),
                sent_at=batch.sent_at if left[position] else None,
                reported_at=times[position] if times else None,
                attempts=carried[position],
                segments=counted[position],
                cost=costs[position],
            )

    def _segments(self, fields: str | None) -> int | None:
        """The segments of a text with these fields; None if the text or they were deleted."""
        if self._texts is None or (fields is None and self._texts.has_fields):
            return None
        try:
            return self._texts.of(orjson.loads(fields) if fields else {})[1]
        except InvalidText:  # a setting has changed since
            return None

    def _people(self, ids: list[int]) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {batch_id: [] for batch_id in ids}
        names = ("batch_id", "position", "phone", "key", "fields", "list_row")
        for row in self._session.execute(
            select(*(RECIPIENT.c[name] for name in names))
            .where(RECIPIENT.c.batch_id.in_(ids))
            .order_by(RECIPIENT.c.batch_id, RECIPIENT.c.position)
        ):
            found[row.batch_id].append(row)
        return found

    def _attempts(self, ids: list[int]) -> dict[int, list[str | None]]:
        """By batch, whom each of its attempts carried (``evidence.written``)."""
        found: dict[int, list[str | None]] = {batch_id: [] for batch_id in ids}
        for batch_id, covers in self._session.execute(
            select(ATTEMPT.c.batch_id, ATTEMPT.c.covers).where(ATTEMPT.c.batch_id.in_(ids))
        ):
            found[batch_id].append(covers)
        return found

    def _reports(self, ids: list[int]) -> dict[int, list[datetime | None]]:
        """By batch, when the last report of each position came; empty for a batch without any."""
        found: dict[int, list[datetime | None]] = {batch_id: [] for batch_id in ids}
        for batch_id, at, letters in self._session.execute(
            select(REPORT.c.batch_id, REPORT.c.at, REPORT.c.states)
            .where(REPORT.c.batch_id.in_(ids))
            .order_by(REPORT.c.id)
        ):
            times = found[batch_id] or [None] * len(letters)
            found[batch_id] = [
                was if letter == "-" else at for was, letter in zip(times, letters, strict=True)
            ]
        return found


def _texts(session: Session, campaign_id: int, stop_budget: int) -> PersonalTexts | None:
    text, commercial, survey = session.execute(
        select(CAMPAIGN.c.text, CAMPAIGN.c.commercial, CAMPAIGN.c.survey).where(
            CAMPAIGN.c.id == campaign_id
        )
    ).one()
    if survey is not None:
        return None
    try:
        return PersonalTexts(text, stop_budget if commercial else 0, "", known=True)
    except InvalidText:  # deleted
        return None


def _names(batch: Any) -> list[str]:
    """The state of each position, as progress counts it."""
    pending = IN_DOUBT if batch.state == BatchState.IN_DOUBT else MessageState.PENDING.value
    return [
        pending if letter == _PENDING else MessageState.of(letter).value for letter in batch.states
    ]


def _carried(size: int, covers: list[str | None]) -> list[int]:
    """How many of the attempts carried each position."""
    found = [sum(document is None for document in covers)] * size
    for document in covers:
        if document is not None:
            for position in read(document)[0]:
                found[position] += 1
    return found
