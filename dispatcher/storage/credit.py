"""Credit: the balance as it was last read, what it must pay for, and how far it goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.caps import SURVEYS
from dispatcher.campaigns.credit import CreditDecision, CreditNeed, UnsentBatch
from dispatcher.campaigns.prices import Prices, euros_of
from dispatcher.campaigns.states import BatchState, CampaignState
from dispatcher.storage import balances
from dispatcher.storage.batches import queue
from dispatcher.storage.tables import BATCH, CAMPAIGN, Campaign, in_state

_NOTHING = Decimal(0)
#: answered batches that a price is learnt from
_LATEST = 200


def due(
    session: Session,
    account: str,
    now: datetime,
    every: timedelta,
    patience: timedelta = timedelta(0),
) -> bool:
    """Whether the balance is to be read: something runs, and it is time or it waits for it.

    Within ``patience`` counts as now.
    """
    known = balances.last(session, account)
    if min(balances.rest(known, now), every) <= patience and session.scalar(
        select(_judged(account, now).where(CAMPAIGN.c.funded_to == 0).exists())
    ):
        return True
    if known.tried is not None and known.tried <= now < known.tried + every:
        return False
    return bool(session.scalar(select(_judged(account, now).exists())))


def checked_campaigns(session: Session, account: str, now: datetime) -> list[int]:
    """The account's campaigns that run and live on the balance, those that began before first."""
    begun = case((CAMPAIGN.c.funded_to == 0, 1), else_=0)
    query = _judged(account, now).order_by(begun, CAMPAIGN.c.priority.desc(), CAMPAIGN.c.id)
    return list(session.scalars(query))


def needs(
    session: Session,
    account: str,
    campaign_ids: Sequence[int],
    prices: Prices,
    now: datetime,
) -> list[CreditNeed]:
    """What these campaigns, in their order, still need; without those that do not run any more."""
    runs = set(session.scalars(_judged(account, now)))
    learnt = _learnt(session, account)
    found = []
    for campaign_id in campaign_ids:
        if campaign_id not in runs:
            continue
        mine = and_(BATCH.c.campaign_id == campaign_id, in_state(BatchState.PENDING))
        rows = session.execute(_to_go(mine).order_by(BATCH.c.number)).all()
        costs = [(row, _cost(row, prices, learnt)) for row in rows]
        unpriced = _unpriced(costs)
        batches = [UnsentBatch(row.number, cost) for row, cost in costs]
        found.append(CreditNeed(campaign_id, batches, tuple(unpriced)))
    return found


def in_flight(session: Session, account: str, since: datetime, prices: Prices) -> Decimal:
    """Euros of what is under way or was answered after ``since``: paid by then, or not."""
    learnt, mine = _learnt(session, account), _through(account)
    rows = session.execute(_to_go(and_(BATCH.c.state == BatchState.SENDING, mine))).all()
    under_way = sum((_cost(row, prices, learnt) or Decimal(0) for row in rows), Decimal(0))
    answered = session.scalar(select(func.sum(BATCH.c.cost)).where(BATCH.c.sent_at >= since, mine))
    return under_way + (answered or Decimal(0))


def fund(session: Session, decision: CreditDecision) -> bool:
    """Let a running campaign's batches leave as far as the decision says; True if that changes it.

    A campaign that a person has exempted meanwhile stays as it is.
    """
    changed = session.execute(
        update(Campaign)
        .where(
            Campaign.id == decision.campaign_id,
            Campaign.state == CampaignState.RUNNING,
            Campaign.credit_checked,
            Campaign.funded_to.is_distinct_from(decision.funded_to),
        )
        .values(funded_to=decision.funded_to)
        .returning(Campaign.id)
    )
    return changed.one_or_none() is not None


def release(session: Session, campaign_ids: Sequence[int]) -> list[int]:
    """Let those of the campaigns that wait for the balance run without it; their ids."""
    released = session.scalars(
        update(Campaign)
        .where(Campaign.id.in_(campaign_ids), Campaign.funded_to.is_not(None))
        .values(funded_to=None)
        .returning(Campaign.id)
    )
    return list(released)


def release_all(session: Session) -> None:
    """Nobody looks at the balance any more: nothing waits for it."""
    session.execute(update(Campaign).where(Campaign.funded_to.is_not(None)).values(funded_to=None))


def restart(session: Session, campaign_id: int, *, wait: bool, checked: bool) -> None:
    """A campaign is resumed: it waits for the balance to be read anew, or is excepted from it."""
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id)
        .values(funded_to=0 if wait else None, credit_checked=checked)
    )


def to_go(session: Session, account: str, prices: Prices) -> tuple[Decimal, list[str]]:
    """Euros of all that is planned and not sent, paused or not; territories without a price."""
    learnt = _learnt(session, account)
    mine = and_(in_state(BatchState.PENDING), _through(account))
    rows = session.execute(_to_go(mine)).all()
    costs = [(row, _cost(row, prices, learnt)) for row in rows]
    unpriced = _unpriced(costs)
    return sum((cost or Decimal(0) for _, cost in costs), Decimal(0)), list(unpriced)


def _through(account: str) -> ColumnElement[bool]:
    """The batch's campaign goes through an account."""
    return BATCH.c.campaign_id.in_(select(CAMPAIGN.c.id).where(CAMPAIGN.c.account == account))


def _judged(account: str, now: datetime) -> Any:
    """Campaigns that live on the balance: not those that have not begun and need not yet."""
    pending = and_(BATCH.c.campaign_id == CAMPAIGN.c.id, in_state(BatchState.PENDING))
    return (
        select(CAMPAIGN.c.id)
        .where(
            queue.runs(),
            queue.OF_ACCOUNT,
            CAMPAIGN.c.credit_checked,
            or_(
                and_(CAMPAIGN.c.funded_to.is_distinct_from(0), exists().where(pending)),
                exists().where(pending, BATCH.c.not_before <= now),
            ),
        )
        .params(now=now, account=account)
    )


def _to_go(which: ColumnElement[bool]) -> Any:
    names = ("number", "territory", "planned", "segments", "pending", "size")
    return select(*(BATCH.c[name] for name in names)).where(which)


def _unpriced(costs: Sequence[tuple[Any, Decimal | None]]) -> dict[str, None]:
    """The territories of what has no price, or that it is surveys."""
    return dict.fromkeys(
        row.territory if row.segments else SURVEYS for row, cost in costs if cost is None
    )


def _cost(row: Any, prices: Prices, learnt: Prices) -> Decimal | None:
    """Euros for those of a batch who are still to be texted."""
    whole = row.planned
    if whole is None:
        # the segments of a survey are unknown until the gateway has answered
        whole = euros_of({row.territory: row.segments}, prices, learnt) if row.segments else None
    return None if whole is None else Decimal(whole * row.pending / row.size)


def _learnt(session: Session, account: str) -> dict[str, Decimal]:
    """Euros a part by territory, from what an account was charged for whole batches lately."""
    latest = (
        select(BATCH.c.territory, BATCH.c.cost, BATCH.c.segments)
        .where(
            BATCH.c.cost > _NOTHING,
            BATCH.c.segments > 0,
            BATCH.c.pending + BATCH.c.opted_out + BATCH.c.rejected == 0,
            _through(account),
        )
        .order_by(BATCH.c.id.desc())
        .limit(_LATEST)
        .subquery()
    )
    rows = session.execute(
        select(latest.c.territory, func.sum(latest.c.cost), func.sum(latest.c.segments)).group_by(
            latest.c.territory
        )
    )
    return {territory: cost / int(segments) for territory, cost, segments in rows}
