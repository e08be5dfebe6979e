"""Batches that wait for the gateway's word: delivery reports, or proof of what is in doubt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.storage import message_states as document
from dispatcher.storage.batches import attempts, numbers
from dispatcher.storage.tables import BATCH, CAMPAIGN, Batch, Campaign, Recipient


@dataclass(frozen=True, slots=True)
class Checked:
    """A batch taken for one check at the gateway."""

    id: int
    attempt: int
    checks: int
    states: str
    tag: str | None
    message_id: str | None
    sent_at: datetime
    #: until when the gateway was to hold it, if it was
    leaves_at: datetime | None
    #: whether a report that came in ever had it polled early
    hastened: bool
    #: position -> E.164, of every message
    phones: Mapping[int, str] = field(repr=False)

    def waiting(self, state: MessageState) -> Mapping[int, str]:
        """Position -> E.164 of the messages in ``state``."""
        letter = state.letter
        if self.states.count(letter) == len(self.states):
            return self.phones
        return {spot: phone for spot, phone in self.phones.items() if self.states[spot] == letter}


def count_due(session: Session, state: BatchState, now: datetime, account: str) -> int:
    """How many of an account's batches in ``state`` are to be checked now."""
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
    """Ids of an account's batches in ``state`` to be checked now, the longest due first."""
    return list(
        session.scalars(
            select(Batch.id)
            .join(Campaign, Campaign.id == Batch.campaign_id)
            .where(Batch.state == state, Batch.check_at <= now, Campaign.account == account)
            .order_by(Batch.check_at, Batch.id)
            .limit(limit)
        )
    )


def take(
    session: Session,
    state: BatchState,
    now: datetime,
    lease: timedelta,
    *,
    account: str,
    most: int,
    batch_id: int | None = None,
) -> list[Checked]:
    """Take an account's due batches for a check: nobody else takes them before the lease ends.

    Takes batches until ``most`` messages are sent and waiting; at least one batch if any is due.
    """
    query = _DUE if batch_id is None else _DUE.where(BATCH.c.id == batch_id)
    taken: list[Any] = []
    messages = 0
    asked = {"its_state": state, "now": now, "account": account}
    for batch in session.execute(query, asked):
        if taken and messages + batch.sent > most:
            break
        taken.append(batch)
        messages += batch.sent
    if not taken:
        return []
    ids = [batch.id for batch in taken]
    session.execute(_LEASE, {"ids": ids, "until": now + lease})
    phones = numbers.of_batches(session, ids)
    return [
        Checked(
            id=batch.id,
            attempt=batch.attempt,
            checks=batch.checks,
            states=batch.states,
            tag=batch.tag,
            message_id=batch.message_id,
            sent_at=batch.sent_at or now,
            leaves_at=batch.leaves_at,
            hastened=batch.hastened_at is not None,
            phones=phones[batch.id],
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


def record_lookup(
    session: Session,
    batch: Checked,
    found: Mapping[int, MessageState],
    *,
    check_at: datetime,
    poll_at: datetime,
    now: datetime,
    why: str | None = None,
) -> bool:
    """Write what the gateway shows under the tag of a batch in doubt.

    A number that it shows was texted. The batch is ``sent`` when it shows all of them, and
    stays in doubt otherwise: absence proves nothing.
    """
    taken = document.marked(batch.states, dict.fromkeys(found, MessageState.SENT))
    states = document.marked(taken, found)
    proven = MessageState.PENDING.letter not in states
    values: dict[str, Any] = {}
    if why is not None:
        values["why"] = why
    if proven:
        values["why"] = ""
        if batch.leaves_at is not None and batch.leaves_at > now:
            # it cannot be had back without an id: it leaves, and is polled from then on
            poll_at += batch.leaves_at - now
            values["sent_at"] = batch.leaves_at
    moved = _record(
        session,
        batch,
        BatchState.IN_DOUBT,
        states,
        state=BatchState.SENT if proven else BatchState.IN_DOUBT,
        check_at=poll_at if proven else check_at,
        checks=0 if proven else batch.checks + 1,
        **values,
    )
    if moved and proven:
        attempts.end(session, batch.tag or "", outcome="sent", detail="proven by its tag", now=now)
    if moved and proven and MessageState.SENT.letter not in states:
        session.execute(
            update(Batch)
            .where(Batch.id == batch.id, Batch.state == BatchState.SENT)
            .values(state=BatchState.DONE, check_at=None)
        )
    return moved


def revive(
    session: Session, batch: Batch, phones: Collection[str], *, tag: str, now: datetime
) -> int:
    """Count as sent what was cancelled or expired and shows at the gateway; returns how many."""
    ended = {MessageState.CANCELLED.letter, MessageState.EXPIRED.letter}
    rows = session.execute(
        select(Recipient.position, Recipient.phone).where(Recipient.batch_id == batch.id)
    )
    spots = [
        row.position for row in rows if row.phone in phones and batch.states[row.position] in ended
    ]
    if not spots:
        return 0
    states = document.marked(batch.states, dict.fromkeys(spots, MessageState.SENT))
    leaves = now if batch.leaves_at is None else max(now, batch.leaves_at)
    revived = session.execute(
        update(Batch)
        .where(
            Batch.id == batch.id,
            Batch.state.in_((BatchState.CANCELLED, BatchState.EXPIRED)),
            Batch.states == batch.states,
        )
        .values(
            state=BatchState.SENT,
            states=states,
            tag=tag,
            why="a late proof: it had been taken",
            sent_at=leaves,
            check_at=leaves,
            checks=0,
            **{state.value: count for state, count in document.tally(states).items()},
        )
        .returning(Batch.id)
    ).one_or_none()
    return len(spots) if revived is not None else 0


def hasten(session: Session, batch_id: int, now: datetime) -> None:
    """Have a batch in doubt looked up now."""
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.state == BatchState.IN_DOUBT)
        .values(check_at=now)
    )


def _record(
    session: Session, batch: Checked, leaves: BatchState, states: str, **values: Any
) -> bool:
    counts = {state.value: count for state, count in document.tally(states).items()}
    statement = (
        update(Batch)
        .where(
            Batch.id == batch.id,
            Batch.state == leaves,
            Batch.attempt == batch.attempt,
            Batch.checks == batch.checks,
            Batch.states == batch.states,
        )
        .values(states=states, **counts, **values)
        .returning(Batch.id)
    )
    return session.execute(statement).one_or_none() is not None
