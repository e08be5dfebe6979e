"""What a file of evidence holds of one campaign, read as a stream within one transaction.

Numbers are as they are stored: whoever was erased is a pseudonym, and ``masks`` hides the others.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatcher.campaigns.evidence import UNSENT, read
from dispatcher.campaigns.evidence_file.ranges import ranges
from dispatcher.campaigns.record_chain import Entry
from dispatcher.campaigns.states import MessageState
from dispatcher.storage.batches import left_out
from dispatcher.storage.batches.recipients import phones_of
from dispatcher.storage.campaigns.parts import batches_of, parts_of
from dispatcher.storage.tables import ACTION, ATTEMPT, OPT_OUT, RECIPIENT, SEAL, BatchConsent

#: one line of JSON
Row = dict[str, Any]
#: hides what must not be shown of a number, or of the numbers in a text
Mask = Callable[[str], str]

_ENTRY: Final = tuple(ACTION.c[name] for name in Entry.__dataclass_fields__)


class EvidenceRows:
    """The rows of one campaign; each method reads its own anew."""

    def __init__(self, session: Session, campaign_id: int, *, number: Mask, words: Mask) -> None:
        """``number`` is applied to each number, ``words`` to what may hold one."""
        self._session = session
        self._campaign_id = campaign_id
        self._number, self._words = number, words

    def batches(self) -> Iterator[Row]:
        """Every batch: its counts, its window, what the gateway answered."""
        for batch in batches_of(self._session, self._campaign_id):
            yield {
                "batch": batch.number,
                "id": batch.id,
                "size": batch.size,
                "state": batch.state,
                "states": {
                    state.value: count
                    for state in MessageState
                    if (count := getattr(batch, state.value))
                },
                "segments": batch.segments,
                "cost": euros(batch.cost),
                "planned": euros(batch.planned),
                "attempts": batch.attempt,
                "sent_at": iso(batch.sent_at),
                "message_id": batch.message_id,
                "window": {
                    "territory": batch.territory,
                    # the gateway holds it until an hour of its own, whatever waits here
                    "opens": iso(batch.leaves_at or batch.window_until),
                    "why": batch.window_why,
                    "rule": batch.rule,
                },
                "waits": self._words(batch.why),
            }

    def recipients(self) -> Iterator[Row]:
        """Every recipient: state of the message, the caller's own key, the code of a refusal."""
        for batches in parts_of(self._session, self._campaign_id):
            phones = phones_of(self._session, [batch.id for batch in batches])
            keys = self._keys([batch.id for batch in batches])
            because_of = left_out.named(self._session, batches)
            for batch in batches:
                codes: dict[str, int] = json.loads(batch.codes)
                for position, phone in sorted(phones[batch.id].items()):
                    row: Row = {
                        "batch": batch.number,
                        "position": position,
                        "recipient": self._number(phone),
                        "state": MessageState.of(batch.states[position]).value,
                    }
                    if (key := keys.get((batch.id, position))) is not None:
                        row["key"] = self._words(key)
                    if (code := codes.get(str(position))) is not None:
                        row["code"] = code
                    if (cause := because_of.get(batch.id, {}).get(position)) is not None:
                        row["because_of"] = self._words(cause)
                    yield row

    def opt_outs(self) -> Iterator[Row]:
        """Who was left out because of an opt-out, and since when and from where it is listed."""
        letter = MessageState.OPTED_OUT.letter
        for batches in parts_of(self._session, self._campaign_id):
            concerned = [batch for batch in batches if batch.opted_out]
            listed = self._listed([batch.id for batch in concerned])
            for batch in concerned:
                for position, found in enumerate(batch.states):
                    if found == letter:
                        source, since = listed.get((batch.id, position), ("", None))
                        yield {
                            "batch": batch.number,
                            "position": position,
                            "source": self._words(source),
                            "since": iso(since),
                        }

    def consents(self) -> Iterator[Row]:
        """The consent that each message rested on: when, from where, to which wording."""
        gone = MessageState.WITHDRAWN.letter
        for batches in parts_of(self._session, self._campaign_id):
            rows = self._session.execute(
                select(BatchConsent.batch_id, BatchConsent.consents).where(
                    BatchConsent.batch_id.in_([batch.id for batch in batches])
                )
            )
            documents: dict[int, str] = {row[0]: row[1] for row in rows}
            for batch in batches:
                for position, consent in enumerate(json.loads(documents.get(batch.id, "[]"))):
                    # whoever has withdrawn since an earlier attempt, which texted nobody
                    if consent is None or batch.states[position] == gone:
                        continue
                    at, source, wording = consent
                    row = {"batch": batch.number, "position": position, "at": at}
                    yield row | {"source": self._words(source), "wording": self._words(wording)}

    def attempts(self) -> Iterator[Row]:
        """Every attempt to send a batch, with its tag and what the gateway answered."""
        for batches in parts_of(self._session, self._campaign_id):
            rows = self._session.execute(
                select(ATTEMPT)
                .where(ATTEMPT.c.batch_id.in_([batch.id for batch in batches]))
                .order_by(ATTEMPT.c.batch_id, ATTEMPT.c.number)
            )
            by_batch: dict[int, list[Any]] = defaultdict(list)
            for row in rows:
                by_batch[row.batch_id].append(row)
            for batch in batches:
                for one in by_batch[batch.id]:
                    yield self._attempt(batch, one)

    def record(self) -> Iterator[Row]:
        """What is on record of the campaign, with the seals by which each entry is verified."""
        before = SEAL.alias("before")
        rows = self._session.execute(
            select(*_ENTRY, SEAL.c.number, SEAL.c.hash, before.c.hash.label("previous"))
            .outerjoin_from(ACTION, SEAL, SEAL.c.action_id == ACTION.c.id)
            .outerjoin(before, before.c.number == SEAL.c.number - 1)
            .where(ACTION.c.campaign_id == self._campaign_id)
            .order_by(ACTION.c.id),
            execution_options={"yield_per": 1000},
        )
        for row in rows:
            entry = {name: getattr(row, name) for name in Entry.__dataclass_fields__}
            seal = {"number": row.number, "before": row.previous or "", "hash": row.hash}
            yield entry | {"at": iso(row.at), "seal": seal if row.hash else None}

    def _attempt(self, batch: Any, one: Any) -> Row:
        return {
            "batch": batch.number,
            "attempt": one.number,
            "tag": one.tag,
            "worker": one.worker,
            "armed_at": iso(one.armed_at),
            "leaves_at": iso(one.leaves_at),
            "ended_at": iso(one.ended_at),
            "outcome": one.outcome,
            "texts_nobody": one.outcome in UNSENT,
            "detail": self._words(one.detail or ""),
            "messages": one.messages,
            "cost": euros(one.cost),
            "covers": one.covers and ranges(read(one.covers)[0]),
            "shown": one.shown and ranges(read(one.shown)[0]),
        }

    def _keys(self, ids: Sequence[int]) -> dict[tuple[int, int], str]:
        """Batch id and position -> the caller's own key, of those who have one."""
        columns = (RECIPIENT.c.batch_id, RECIPIENT.c.position, RECIPIENT.c.key)
        rows = self._session.execute(
            select(*columns).where(RECIPIENT.c.batch_id.in_(ids), RECIPIENT.c.key.is_not(None))
        )
        return {(row[0], row[1]): row[2] for row in rows}

    def _listed(self, ids: Sequence[int]) -> dict[tuple[int, int], tuple[str, datetime]]:
        """Batch id and position -> source and instant of the opt-out that is on the list."""
        if not ids:
            return {}
        rows = self._session.execute(
            select(
                RECIPIENT.c.batch_id,
                RECIPIENT.c.position,
                OPT_OUT.c.source,
                OPT_OUT.c.created_at,
            )
            .join_from(RECIPIENT, OPT_OUT, OPT_OUT.c.phone == RECIPIENT.c.phone)
            .where(RECIPIENT.c.batch_id.in_(ids))
        )
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def iso(at: datetime | None) -> str | None:
    """An instant as evidence has it."""
    return None if at is None else at.isoformat()


def euros(amount: Decimal | None) -> str | None:
    """An amount as evidence has it: euros with four decimals."""
    return None if amount is None else f"{amount:.4f}"
