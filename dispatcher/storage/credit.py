"""Credit: which campaigns wait for the balance, what they cost, and how far they are funded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session

from dispatcher.campaigns.caps import SURVEYS
from dispatcher.campaigns.credit import CreditDecision, CreditNeed, UnsentBatch
from dispatcher.campaigns.prices import Prices, euros_of
from dispatcher.campaigns.states import BatchState, CampaignState
from dispatcher.storage import balances
from dispatcher.storage.batches import costs, queue
from dispatcher.storage.locks import in_order
from dispatcher.storage.tables import BATCH, CAMPAIGN, Campaign, Euros, in_state

_NOTHING = Decimal(0)
_UNFUNDED = literal(0, literal_execute=True)
_PENDING = and_(BATCH.c.campaign_id == CAMPAIGN.c.id, in_state(BatchState.PENDING))
#: a price is learnt from this many batches at most, the latest ones
_LATEST = 200


def due(
    session: Session,
    account: str,
    now: datetime,
    every: timedelta,
    patience: timedelta = timedelta(0),
) -> bool:
    """True if the balance is to be read now, or within ``patience``.

    That is so while a campaign runs, every ``every``; sooner if a campaign waits for the balance.
    """
    known = balances.last(session, account)
    due_now = select(_due_now(account, now).exists())
    unfunded = select(_due_now(account, now).where(CAMPAIGN.c.funded_to == _UNFUNDED).exists())
    any_due = queue.any_due(session, now)
    soon = min(balances.rest(known, now), every) <= patience
    if soon and any_due and session.scalar(unfunded):
        return True
    if known.tried is not None and known.tried <= now < known.tried + every:
        return False
    # two questions: PostgreSQL reads every pending batch for one with an OR
    begun = _billed(account, now).where(
        CAMPAIGN.c.funded_to.is_distinct_from(0), exists().where(_PENDING)
    )
    return bool(session.scalar(select(begun.exists())) or (any_due and session.scalar(due_now)))


def checked_campaigns(session: Session, account: str, now: datetime) -> list[int]:
    """The account's running campaigns that the balance pays for, those that have begun first."""
    begun = case((CAMPAIGN.c.funded_to == 0, 1), else_=0)
    query = _checked(account, now).order_by(begun, CAMPAIGN.c.priority.desc(), CAMPAIGN.c.id)
    return list(session.scalars(query))


def needs(
    session: Session,
    account: str,
    campaign_ids: Sequence[int],
    prices: Prices,
    now: datetime,
) -> list[CreditNeed]:
    """What these campaigns still need, in their order, without those that no longer run."""
    runs = set(session.scalars(_checked(account, now)))
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
    """Euros of batches that are being sent or were answered after ``since`` (UTC).

    A balance read at ``since`` may or may not include them.
    """
    learnt, mine = _learnt(session, account), _through(account)
    rows = session.execute(_to_go(and_(BATCH.c.state == BatchState.SENDING, mine))).all()
    under_way = sum((_cost(row, prices, learnt) or Decimal(0) for row in rows), Decimal(0))
    cost, planned = (type_coerce(BATCH.c[name], BigInteger) for name in ("cost", "planned"))
    whole = cost + func.coalesce(planned * costs.untold() // BATCH.c.size, 0)
    answered = select(type_coerce(func.sum(whole), Euros())).where(BATCH.c.sent_at >= since, mine)
    return under_way + (session.scalar(answered) or Decimal(0))


def fund(session: Session, decision: CreditDecision) -> bool:
    """Record how far a running campaign is funded; True if that is a change.

    A campaign that a person has exempted from the check meanwhile is left as it is.
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
    """Let those of these campaigns that the balance limits run without it; returns their ids."""
    released = session.scalars(
        update(Campaign)
        .where(in_order(CAMPAIGN, Campaign.id.in_(campaign_ids)), Campaign.funded_to.is_not(None))
        .values(funded_to=None)
        .returning(Campaign.id)
    )
    return list(released)


def any_limited(session: Session) -> bool:
    """True if the balance limits any campaign."""
    return bool(session.scalar(select(exists().where(CAMPAIGN.c.funded_to.is_not(None)))))


def release_all(session: Session) -> None:
    """Let every campaign run without the balance: the check is off."""
    limited = Campaign.funded_to.is_not(None)
    session.execute(
        update(Campaign).where(in_order(CAMPAIGN, limited), limited).values(funded_to=None)
    )


def restart(session: Session, campaign_id: int, *, wait: bool, checked: bool) -> None:
    """Set how a resumed campaign runs: with ``wait`` only once the balance has been read again.

    ``checked=False`` exempts it from the balance.
    """
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id)
        .values(funded_to=0 if wait else None, credit_checked=checked)
    )


def to_go(session: Session, account: str, prices: Prices) -> tuple[Decimal, list[str]]:
    """Euros of all pending batches, paused ones too, and the territories without a price."""
    learnt = _learnt(session, account)
    mine = and_(in_state(BatchState.PENDING), _through(account))
    rows = session.execute(_to_go(mine)).all()
    costs = [(row, _cost(row, prices, learnt)) for row in rows]
    unpriced = _unpriced(costs)
    return sum((cost or Decimal(0) for _, cost in costs), Decimal(0)), list(unpriced)


def _through(account: str) -> ColumnElement[bool]:
    """Condition: the batch's campaign goes through this account."""
    return BATCH.c.campaign_id.in_(select(CAMPAIGN.c.id).where(CAMPAIGN.c.account == account))


def _checked(account: str, now: datetime) -> Any:
    """The running campaigns that the balance pays for; one not funded yet only once it is due."""
    begun = and_(CAMPAIGN.c.funded_to.is_distinct_from(0), exists().where(_PENDING))
    due_now = exists().where(_PENDING, BATCH.c.not_before <= now)
    return _billed(account, now).where(or_(begun, due_now))


def _billed(account: str, now: datetime) -> Any:
    """The running campaigns that the balance pays for once they are due."""
    billed = select(CAMPAIGN.c.id).where(queue.runs(), queue.OF_ACCOUNT, CAMPAIGN.c.credit_checked)
    return billed.params(now=now, account=account)


def _due_now(account: str, now: datetime) -> Any:
    """Those of them with a batch that is due."""
    return _billed(account, now).where(exists().where(_PENDING, BATCH.c.not_before <= now))


def _to_go(which: ColumnElement[bool]) -> Any:
    names = ("number", "territory", "planned", "segments", "pending", "size")
    return select(*(BATCH.c[name] for name in names)).where(which)


def _unpriced(costs: Sequence[tuple[Any, Decimal | None]]) -> dict[str, None]:
    """The territories of batches without a price; surveys under a name of their own."""
    return dict.fromkeys(
        row.territory if row.segments else SURVEYS for row, cost in costs if cost is None
    )


def _cost(row: Any, prices: Prices, learnt: Prices) -> Decimal | None:
    """Euros for the pending messages of a batch; None without a price."""
    whole = row.planned
    if whole is None:
        # the segments of a survey are unknown until the gateway has answered
        whole = euros_of({row.territory: row.segments}, prices, learnt) if row.segments else None
    return None if whole is None else Decimal(whole * row.pending / row.size)


def _learnt(session: Session, account: str) -> dict[str, Decimal]:
    """Euros a segment by territory, from what the account was charged for its latest batches."""
    latest = (
        select(BATCH.c.territory, BATCH.c.cost, BATCH.c.segments)
        .where(
            BATCH.c.cost > _NOTHING,
            BATCH.c.segments > 0,
            or_(BATCH.c.told.is_(None), BATCH.c.told == BATCH.c.size),
            # each by itself: PostgreSQL knows how many are 0, and then reads the latest alone
            *(
                BATCH.c[name] == 0
                for name in ("pending", "opted_out", "withdrawn", "left_out", "rejected")
            ),
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
