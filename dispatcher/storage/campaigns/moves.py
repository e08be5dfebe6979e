"""Moves of campaigns, with their effects on pending batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, exists, func, literal, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from dispatcher.campaigns.states import (
    CAMPAIGN_MOVES,
    BatchState,
    CampaignState,
    MessageState,
    sources,
)
from dispatcher.errors import IllegalMove
from dispatcher.storage import actions, events
from dispatcher.storage.campaigns.totals import UNENDED
from dispatcher.storage.locks import in_order
from dispatcher.storage.tables import BATCH, CAMPAIGN, Batch, Campaign, in_state


def move(
    session: Session,
    campaign_id: int,
    target: CampaignState,
    *,
    now: datetime,
    reason: str | None = None,
) -> bool:
    """Move the campaign by one guarded UPDATE; False if it already is in ``target``.

    On PostgreSQL the UPDATE waits for claims, which lock the campaign's row: no claim of a running
    campaign commits after this move. Raises IllegalMove.
    """
    ended = target in {CampaignState.CANCELLED, CampaignState.FINISHED}
    moved = session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.state.in_(sources(CAMPAIGN_MOVES, target)))
        .values(
            state=target,
            reason=reason if target is CampaignState.PAUSED else None,
            ended_at=now if ended else None,
        )
        .returning(Campaign.test_of)
    ).one_or_none()
    if moved is not None:
        if target is CampaignState.PAUSED and moved.test_of is None:
            events.add(session, "campaign_paused", now=now, campaign_id=campaign_id)
        return True
    state = session.scalar(select(Campaign.state).where(Campaign.id == campaign_id))
    if state == target:
        return False
    raise IllegalMove(f"a {state} campaign cannot become {target}")


def pause(session: Session, campaign_id: int, reason: str, now: datetime) -> None:
    """Pause the campaign, once even if many threads do so for the same reason."""
    try:
        paused = move(session, campaign_id, CampaignState.PAUSED, now=now, reason=reason)
    except IllegalMove:
        return  # cancelled or finished meanwhile: no batch will be claimed
    if paused:
        actor = actions.ITSELF
        actions.note(session, campaign_id, verb=actions.PAUSE, actor=actor, now=now, reason=reason)


def run_again(session: Session, campaign_id: int) -> None:
    """Let a finished campaign run: the gateway holds a batch of it that counted as ended."""
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.state == CampaignState.FINISHED)
        .values(state=CampaignState.RUNNING, ended_at=None)
    )


def _end_pending(target: BatchState, which: ColumnElement[bool]) -> ReturningUpdate[Any]:
    counter = MessageState(target.value)
    letters = func.replace(BATCH.c.states, MessageState.PENDING.letter, counter.letter)
    return (
        update(BATCH)
        .where(in_order(BATCH, which, in_state(BatchState.PENDING)), in_state(BatchState.PENDING))
        .values(
            {
                # messages that an earlier attempt sent are still polled
                "state": case((BATCH.c.sent > 0, BatchState.SENT.value), else_=target.value),
                "check_at": case((BATCH.c.sent > 0, BATCH.c.sent_at)),
                "why": "",
                "states": letters,
                counter.value: BATCH.c[counter.value] + BATCH.c.pending,
                "pending": 0,
            }
        )
        .returning(BATCH.c.id)
    )


def _is(state: CampaignState) -> ColumnElement[bool]:
    """With a literal, which a prepared query of PostgreSQL needs to know how many there are."""
    return CAMPAIGN.c.state == literal(state.value, literal_execute=True)


# the statements of every tick are built once: building one takes longer than running it
_CANCEL = _end_pending(BatchState.CANCELLED, BATCH.c.campaign_id == bindparam("its_campaign_id"))
_CANCEL_RETURNED = _end_pending(
    BatchState.CANCELLED,
    BATCH.c.campaign_id.in_(
        select(CAMPAIGN.c.id).where(CAMPAIGN.c.state == CampaignState.CANCELLED)
    ),
)
_HAS_PENDING = exists().where(BATCH.c.campaign_id == CAMPAIGN.c.id, in_state(BatchState.PENDING))
#: cancelled campaigns with pending batches
RETURNED = select(CAMPAIGN.c.id).where(_is(CampaignState.CANCELLED), _HAS_PENDING)
_EXPIRE = _end_pending(
    BatchState.EXPIRED,
    BATCH.c.campaign_id.in_(bindparam("over", expanding=True)),
)
#: campaigns whose ``not_after`` has passed (parameter ``now``), with pending batches
OVER = select(CAMPAIGN.c.id).where(
    CAMPAIGN.c.not_after <= bindparam("now", type_=CAMPAIGN.c.not_after.type),
    CAMPAIGN.c.state.in_((CampaignState.RUNNING, CampaignState.PAUSED)),
    _HAS_PENDING,
)
#: some campaign may be ``OVER``, by the least ``not_after`` of each state
ANY_IS_LATE = or_(
    *(
        select(func.min(CAMPAIGN.c.not_after)).where(_is(state)).scalar_subquery()
        <= bindparam("now", type_=CAMPAIGN.c.not_after.type)
        for state in (CampaignState.RUNNING, CampaignState.PAUSED)
    )
)
_LOCK_OVER = OVER.order_by(CAMPAIGN.c.id).with_for_update(of=CAMPAIGN, key_share=True)
RUNS = _is(CampaignState.RUNNING)


def _has_ended(campaign_id: ColumnElement[int]) -> Iterator[ColumnElement[bool]]:
    """Conditions. Pending batches first: most campaigns that run have some, in a small index."""
    its = BATCH.c.campaign_id == campaign_id
    yield ~exists().where(its, in_state(BatchState.PENDING))
    yield ~exists().where(its, BATCH.c.state.in_(UNENDED))


_CANDIDATES = (
    select(CAMPAIGN.c.id)
    .where(RUNS)
    .order_by(CAMPAIGN.c.id)
    .offset(bindparam("skip"))
    .limit(bindparam("most"))
    .subquery()
)
_ENDED = select(_CANDIDATES.c.id).where(*_has_ended(_CANDIDATES.c.id))
_FINISH = (
    update(CAMPAIGN)
    .where(CAMPAIGN.c.id.in_(bindparam("ended", expanding=True)), RUNS, *_has_ended(CAMPAIGN.c.id))
    .values(state=CampaignState.FINISHED, ended_at=bindparam("now"))
    .returning(CAMPAIGN.c.id, CAMPAIGN.c.test_of)
)


def cancel_batches(session: Session, campaign_id: int) -> int:
    """Cancel the pending batches of a campaign; returns how many."""
    return len(session.execute(_CANCEL, {"its_campaign_id": campaign_id}).all())


def expire_batches(session: Session, now: datetime) -> int:
    """Expire the pending batches whose campaign's ``not_after`` has passed; returns how many.

    Locks the campaigns first, as a cancellation does: otherwise they would wait for each other.
    """
    over = session.scalars(_LOCK_OVER, {"now": now}).all()
    return len(session.execute(_EXPIRE, {"over": over}).all()) if over else 0


def cancel_returned(session: Session) -> int:
    """Cancel batches that became pending after their campaign was cancelled; returns how many."""
    return len(session.execute(_CANCEL_RETURNED).all())


def ended(session: Session, skip: int, most: int) -> Sequence[int]:
    """Those of ``most`` running campaigns, after the first ``skip``, whose batches have ended."""
    return session.scalars(_ENDED, {"skip": skip, "most": most}).all()


def finish(session: Session, campaign_ids: Sequence[int], now: datetime) -> int:
    """Finish those of these campaigns that have ended; returns how many."""
    finished = session.execute(_FINISH, {"ended": campaign_ids, "now": now}).all()
    for campaign_id, test_of in finished:
        if test_of is not None:  # nobody waits for the end of a test
            continue
        counts = _counts(session, campaign_id)
        events.add(session, "campaign_finished", now=now, campaign_id=campaign_id, counts=counts)
    return len(finished)


def _counts(session: Session, campaign_id: int) -> dict[str, int]:
    """Message state -> how many of a campaign's messages are in it, if any."""
    sums = [func.sum(getattr(Batch, state.value)) for state in MessageState]
    row = session.execute(select(*sums).where(Batch.campaign_id == campaign_id)).one()
    return {
        state.value: int(count) for state, count in zip(MessageState, row, strict=True) if count
    }
