"""Recalls: batches that the gateway holds and is asked to give back.

A held batch has a ``check_at`` only once it is requested back: when the gateway is asked next.
``why`` says for what reason. Both are on the row, so that a request outlives its worker.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.evidence import RECALLED
from dispatcher.campaigns.hand_over import CANCELLED, OPTED_OUT, OTHER_HOUR, PAUSED, to_be
from dispatcher.campaigns.states import BatchState, CampaignState, MessageState
from dispatcher.storage import events, meta, opt_out_marks, pauses
from dispatcher.storage.batches import attempts, costs, hand_over, moves
from dispatcher.storage.batches.hand_over import IS_HELD
from dispatcher.storage.locks import in_order
from dispatcher.storage.tables import (
    BATCH,
    OPT_OUT,
    RECIPIENT,
    Batch,
    Campaign,
)
from dispatcher.storage.values import value_of

#: the version of the opt-out list that held batches were last compared with
_COMPARED = "handed_over_opt_outs"
#: opt-outs from so long before the last comparison are compared once more
_MARGIN = timedelta(hours=1)
_TO_GO = MessageState.PENDING.letter
#: whom the gateway took by the attempt, once it need not have texted them
_NOT_SHOWN = {"shown": None}


@dataclass(frozen=True, slots=True)
class RecallRequest:
    """A batch that the gateway is asked once to give back."""

    id: int
    campaign_id: int
    number: int
    attempt: int
    tag: str
    message_id: str
    leaves_at: datetime
    why: str
    #: how often the gateway was asked before
    checks: int


def request(session: Session, which: ColumnElement[bool], why: str, now: datetime) -> int:
    """Request back what the gateway holds; returns how many batches.

    What a worker is about to hand over is requested when its answer is recorded.
    """
    wanted = and_(IS_HELD, Batch.leaves_at.is_not(None), Batch.check_at.is_(None))
    requested = session.execute(
        update(Batch)
        .where(in_order(BATCH, which, wanted), wanted)
        .values(check_at=now, why=why)
        .returning(Batch.id)
    )
    return len(requested.all())


def request_campaign(session: Session, campaign_id: int, now: datetime) -> int:
    """Request back what the gateway holds of a campaign, if nobody wants it any more."""
    return request_unwanted(session, now, Batch.campaign_id == campaign_id)


def request_unwanted(session: Session, now: datetime, which: ColumnElement[bool]) -> int:
    """Request back what the gateway holds of cancelled campaigns, and of those a person paused.

    ``which`` is a condition on batches. Returns how many batches.
    """
    return request_cancelled(session, now, which) + request_paused(session, now, which)


def request_cancelled(session: Session, now: datetime, *which: ColumnElement[bool]) -> int:
    """Request back what the gateway holds of cancelled campaigns."""
    cancelled = select(Campaign.id).where(Campaign.state == CampaignState.CANCELLED)
    batches = and_(IS_HELD, Batch.campaign_id.in_(cancelled), *which)
    return request(session, batches, CANCELLED, now)


def request_paused(session: Session, now: datetime, *which: ColumnElement[bool]) -> int:
    """Request back what the gateway holds of campaigns that a person has paused.

    A person pauses one campaign, an account or everything. What the dispatcher pauses by itself
    stays at the gateway.
    """
    paused = select(Campaign.id).where(or_(pauses.holds(), pauses.by_person()))
    return request(session, and_(IS_HELD, Batch.campaign_id.in_(paused), *which), PAUSED, now)


def request_opted_out(session: Session, now: datetime) -> int:
    """Request back the batches in which somebody opted out after the hand-over.

    Looks only at opt-outs that are newer than the list version that was last compared.
    """
    version = session.scalar(select(opt_out_marks.version())) or ""
    noted = meta.get(session, _COMPARED)
    compared = {"version": "", "at": None} if noted is None else json.loads(noted)
    if compared["version"] == version:
        return 0
    new: list[ColumnElement[bool]] = []
    if compared["at"] is not None:
        # clocks differ, and the first to be added may be the last to be committed
        since = min(now, datetime.fromisoformat(compared["at"])) - _MARGIN
        # also what came since then from a host whose clock is behind
        new = [or_(OPT_OUT.c.created_at > since, OPT_OUT.c.id > compared.get("id", 0))]
    concerned = (
        select(RECIPIENT.c.batch_id)
        .join_from(OPT_OUT, RECIPIENT, OPT_OUT.c.phone == RECIPIENT.c.phone)
        .join(BATCH, BATCH.c.id == RECIPIENT.c.batch_id)
        .where(
            IS_HELD,
            func.substr(BATCH.c.states, RECIPIENT.c.position + 1, 1) == _TO_GO,
            *new,
        )
        .distinct()
    )
    requested = request(session, Batch.id.in_(session.scalars(concerned).all()), OPTED_OUT, now)
    last = session.scalar(select(func.max(OPT_OUT.c.id))) or 0
    facts = {"version": version, "at": now.isoformat(), "id": last}
    meta.put(session, _COMPARED, json.dumps(facts))
    return requested


def due(session: Session, now: datetime, account: str) -> bool:
    """True if an account's gateway is to be asked for any batch now."""
    query = (
        select(Batch.id)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(IS_HELD, Batch.check_at <= now, Campaign.account == account)
    )
    return bool(session.scalar(select(exists(query))))


def take(session: Session, now: datetime, lease: timedelta, account: str) -> RecallRequest | None:
    """Lease an account's batch that leaves next: nobody else asks for it before the lease ends.

    Only the account that handed it over may ask: another one is told of no such message.
    """
    batch = session.scalar(
        select(Batch)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(IS_HELD, Batch.check_at <= now, Campaign.account == account)
        .order_by(Batch.leaves_at, Batch.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Batch)
    )
    if batch is None or batch.leaves_at is None:
        return None
    found = value_of(RecallRequest, batch, tag=batch.tag or "", message_id=batch.message_id or "")
    batch.check_at = now + lease
    batch.checks += 1
    return found


def record_returned(session: Session, batch: RecallRequest, now: datetime) -> bool:
    """The gateway gave it back: it ends with its campaign, or is to be handed over again."""
    state = session.scalar(select(Campaign.state).where(Campaign.id == batch.campaign_id))
    ends = state == CampaignState.CANCELLED
    earlier = Batch.sent > 0  # a part that an earlier attempt sent keeps its reports
    values: dict[str, Any] = {
        "state": BatchState.PENDING,
        "not_before": now,
        "leaves_at": Batch.not_before,
        "why": to_be(batch.leaves_at),
        "check_at": None,
        "checks": 0,
        "message_id": None,
        "sent_at": case((earlier, Batch.sent_at)),
        "told": costs.told_of_sent(),
    }
    if batch.why == OTHER_HOUR:  # handed over again it would be refused again: it waits here
        waits = {"window_until": Batch.not_before, "window_why": "scheduled"}
        values |= waits | {"not_before": Batch.not_before, "leaves_at": None, "why": "scheduled"}
    if ends:
        letter = MessageState.CANCELLED.letter
        values |= {
            "state": case((earlier, BatchState.SENT.value), else_=BatchState.CANCELLED.value),
            "check_at": case((earlier, Batch.sent_at)),
            "why": "",
            "states": func.replace(Batch.states, _TO_GO, letter),
            "cancelled": Batch.cancelled + Batch.pending,
            "pending": 0,
        }
    if not _applied(session, batch, values):
        return False
    attempts.end(session, batch.tag, outcome=RECALLED, detail=batch.why, now=now, taken=_NOT_SHOWN)
    return True


def record_leaving(
    session: Session, batch: RecallRequest, at: datetime, poll_at: datetime, *, now: datetime
) -> tuple[int, list[int]]:
    """The gateway does not give it back: it leaves ``at``, or has left then.

    Returns as ``hand_over.left``.
    """
    its = and_(Batch.id == batch.id, Batch.attempt == batch.attempt)
    return hand_over.left(session, its, at, poll_at, now=now)


def postpone(session: Session, batch: RecallRequest, check_at: datetime) -> bool:
    """The gateway's answer says nothing: ask it again at ``check_at``."""
    return _applied(session, batch, {"check_at": check_at})


def record_doubt(
    session: Session, batch: RecallRequest, why: str, *, check_at: datetime, now: datetime
) -> bool:
    """It is unknown whether it leaves: it is looked up by its tag, and never sent again."""
    raised = _applied(
        session,
        batch,
        {
            "state": BatchState.IN_DOUBT,
            "why": why,
            "sent_at": now,
            "check_at": check_at,
            "checks": 0,
        },
    )
    if raised:
        attempts.end(session, batch.tag, outcome="in_doubt", detail=why, now=now, taken=_NOT_SHOWN)
        events.add(
            session, "doubt_raised", now=now, campaign_id=batch.campaign_id, batch_id=batch.id
        )
    return raised


def _applied(session: Session, batch: RecallRequest, values: dict[str, Any]) -> bool:
    return moves.applied(
        session,
        update(Batch)
        .where(IS_HELD, Batch.id == batch.id, Batch.attempt == batch.attempt)
        .values(values),
    )
