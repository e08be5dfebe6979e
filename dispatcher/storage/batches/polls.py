"""Batches leased for a question to the gateway, and what its delivery reports say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BindParameter, bindparam, case, func, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import message_states
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.storage.batches import recipients, reports
from dispatcher.storage.tables import BATCH, CAMPAIGN, Batch, Campaign
from dispatcher.storage.values import value_of

#: what a batch says of which a person has given up the part in doubt
GIVEN_UP: Final = "given up"


@dataclass(frozen=True, slots=True)
class LeasedBatch:
    """A batch leased for one poll or lookup at the gateway."""

    id: int
    attempt: int
    checks: int
    states: str
    tag: str | None
    message_id: str | None
    sent_at: datetime
    #: until when the gateway was to hold it, if it was
    leaves_at: datetime | None
    #: True if a report that came in has ever expedited a poll
    hastened: bool
    #: position -> E.164, of every message
    phones: Mapping[int, str] = field(repr=False)

    def waiting(self, state: MessageState) -> Mapping[int, str]:
        """Position -> E.164 of the messages in ``state``."""
        letter = state.letter
        if self.states.count(letter) == len(self.states):
            return self.phones
        return {
            position: phone
            for position, phone in self.phones.items()
            if self.states[position] == letter
        }


def count_due(session: Session, state: BatchState, now: datetime, account: str) -> int:
    """How many of an account's batches in ``state`` are to be asked about now."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Batch)
            .join(Campaign, Campaign.id == Batch.campaign_id)
            .where(Batch.state == state, Batch.check_at <= now, Campaign.account == account)
        )
        or 0
    )


def due_ids(
    session: Session, state: BatchState, now: datetime, limit: int, account: str
) -> list[int]:
    """Ids of an account's batches in ``state`` to be asked about now, the longest due first."""
    return list(
        session.scalars(
            select(Batch.id)
            .join(Campaign, Campaign.id == Batch.campaign_id)
            .where(Batch.state == state, Batch.check_at <= now, Campaign.account == account)
            .order_by(Batch.check_at, Batch.id)
            .limit(limit)
        )
    )


def lease(
    session: Session,
    state: BatchState,
    now: datetime,
    duration: timedelta,
    *,
    account: str,
    most: int,
    batch_id: int | None = None,
) -> list[LeasedBatch]:
    """Lease an account's due batches: nobody else asks about them before the lease ends.

    Leases batches until ``most`` sent messages wait for reports; at least one if any is due.
    """
    query = _DUE if batch_id is None else _DUE.where(BATCH.c.id == batch_id)
    taken: list[Any] = []
    messages = 0
    params = {"its_state": state, "now": now, "account": account}
    for batch in session.execute(query, params):
        if taken and messages + batch.sent > most:
            break
        taken.append(batch)
        messages += batch.sent
    if not taken:
        return []
    ids = [batch.id for batch in taken]
    session.execute(_LEASE, {"ids": ids, "until": now + duration})
    phones = recipients.phones_of(session, ids)
    return [
        value_of(
            LeasedBatch,
            batch,
            sent_at=batch.sent_at or now,
            hastened=batch.hastened_at is not None,
            phones=phones.get(batch.id, {}),
        )
        for batch in taken
    ]


_DUE = (
    select(
        *(BATCH.c[name] for name in ("id", "attempt", "checks", "states", "tag", "message_id")),
        BATCH.c.sent_at,
        BATCH.c.sent,
        BATCH.c.hastened_at,
        BATCH.c.leaves_at,
    )
    .join_from(BATCH, CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
    .where(
        BATCH.c.state == bindparam("its_state"),
        BATCH.c.check_at <= bindparam("now"),
        CAMPAIGN.c.account == bindparam("account"),
    )
    .order_by(BATCH.c.check_at, BATCH.c.id)
    .limit(200)
    .with_for_update(skip_locked=True, of=BATCH)
)
_ids: BindParameter[Any] = bindparam("ids", expanding=True)
_LEASE = update(BATCH).where(BATCH.c.id.in_(_ids)).values(check_at=bindparam("until"))


@dataclass(frozen=True, slots=True)
class PollResult:
    """What a poll showed of one batch, and when the next poll is due."""

    batch: LeasedBatch
    changes: Mapping[int, MessageState]
    check_at: datetime


def record(session: Session, results: Iterable[PollResult], now: datetime) -> None:
    """Record what polls showed; a batch is done when none of its messages waits any more.

    A batch that somebody else has written meanwhile stays as it is, and is polled again.
    """
    taken = {one.batch.id: one for one in results}
    if not taken:
        return
    # locked first: what is stored beside them must not be of a batch that stays as it is
    unchanged = [
        row.id
        for row in session.execute(_LOCKED, {"ids": list(taken)})
        if row[1:] == tuple(getattr(taken[row.id].batch, name) for name in _UNCHANGED)
    ]
    values = [_values(taken[batch_id]) for batch_id in unchanged]
    if values:
        session.execute(_RECORD, values)
        changes = ((one["its_id"], one["old_states"], one["its_states"]) for one in values)
        reports.add(session, changes, now)


def _values(result: PollResult) -> dict[str, Any]:
    batch = result.batch
    states = message_states.marked(batch.states, result.changes)
    ended = MessageState.SENT.letter not in states
    return {
        "its_id": batch.id,
        "old_states": batch.states,
        "its_states": states,
        "its_state": BatchState.DONE if ended else BatchState.SENT,
        "next_at": None if ended else result.check_at,
        **{f"its_{state}": count for state, count in message_states.tally(states).items()},
    }


_UNCHANGED = ("attempt", "checks", "states")
_LOCKED = (
    select(BATCH.c.id, *(BATCH.c[name] for name in _UNCHANGED))
    .where(BATCH.c.id.in_(_ids), BATCH.c.state == BatchState.SENT)
    .order_by(BATCH.c.id)  # as every statement locks them
    .with_for_update(key_share=True)
)
# one statement for all of them: PostgreSQL is not waited for between two
_RECORD = (
    update(BATCH)
    .where(BATCH.c.id == bindparam("its_id"))
    .values(
        state=bindparam("its_state"),
        states=bindparam("its_states"),
        check_at=bindparam("next_at"),
        checks=BATCH.c.checks + 1,
        # an error of the poll before is over; what a person did stays
        why=case((BATCH.c.why == GIVEN_UP, BATCH.c.why), else_=""),
        **{state.value: bindparam(f"its_{state}") for state in MessageState},
    )
)
