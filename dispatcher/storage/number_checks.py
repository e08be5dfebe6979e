"""Paid checks of numbers: one row for each number, and one for each order.

An order is stored before the gateway gets it. Each number has one row, with its latest order and
its latest answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select, true, update
from sqlalchemy.orm import Session

from dispatcher.recipients.number_checks import OUT_OF_SERVICE, HlrOrder
from dispatcher.storage import opt_outs, upsert
from dispatcher.storage.planner import is_one_of
from dispatcher.storage.tables import CheckOrder, NumberCheck

#: the service of a number whose result has not come yet
WAITING = "waiting"
#: numbers looked up by one query
_STRIDE = 500
#: the gateway's clock and ours may differ by so much
_SKEW = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a network answers about a number (E.164); ``at`` is by the gateway's clock."""

    phone: str = field(repr=False)
    at: datetime | None
    service: str
    name: str = ""
    network: str = ""
    ported: bool | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A stored order that the gateway has not got yet, with its numbers."""

    order_id: int
    phones: Sequence[str] = field(repr=False)
    #: those of them that an earlier order may have been for, and that have no answer yet
    unanswered: frozenset[str] = field(repr=False)


def begin(
    session: Session,
    phones: Sequence[str],
    *,
    tag: str,
    price: Decimal,
    actor: str,
    now: datetime,
    known_at: datetime,
    since: datetime,
    again: bool,
) -> Claim | None:
    """Store an order for at most 500 numbers; None if no number needs one.

    No order is needed for numbers that have opted out, that were ordered after ``known_at``, or
    that have an answer from after ``since``; nor, unless ``again``, for numbers that were ordered
    after ``since`` and have no answer yet.
    """
    row = NumberCheck
    gone = opt_outs.opted_out(session, phones)
    phones = [phone for phone in phones if phone not in gone]
    if not phones:
        return None
    before = select(row.phone).where(is_one_of(row.phone, phones), row.told_at.is_(None))
    unanswered = frozenset(session.scalars(before))
    order = CheckOrder(tag=tag, ordered_at=now, actor=actor, numbers=0, expected=Decimal(0))
    session.add(order)
    session.flush()
    new = upsert.insert(session, NumberCheck)
    taken = new.on_conflict_do_update(
        index_elements=[NumberCheck.phone],
        set_={"order_id": new.excluded.order_id, "ordered_at": new.excluded.ordered_at},
        where=and_(
            NumberCheck.ordered_at < known_at,
            or_(NumberCheck.at.is_(None), NumberCheck.at < since),
            true() if again else or_(NumberCheck.ordered_at < since, ~_waits()),
        ),
    ).returning(NumberCheck.phone)
    # sorted, because two orders at the same moment would deadlock otherwise
    rows = [{"phone": one, "order_id": order.id, "ordered_at": now} for one in sorted(phones)]
    claimed = session.scalars(taken, rows).all()
    if not claimed:
        session.delete(order)
        return None
    order.numbers, order.expected = len(claimed), price * len(claimed)
    return Claim(order.id, claimed, unanswered)


def note_taken(session: Session, claim: Claim, order: HlrOrder) -> None:
    """Record that the gateway took the order: its results will come."""
    _end(session, claim, "taken", gateway_id=order.id, cost=order.cost)


def note_lost(session: Session, claim: Claim, why: str) -> None:
    """Record that the gateway may have taken the order: its numbers wait for results."""
    _end(session, claim, "lost", detail=why)


def note_refused(session: Session, claim: Claim, why: str) -> None:
    """Record that the gateway refused the order: its numbers no longer wait for results."""
    _end(session, claim, "refused", detail=why)
    row = NumberCheck
    mine = row.order_id == claim.order_id
    new = [phone for phone in claim.phones if phone not in claim.unanswered]
    session.execute(delete(row).where(mine, row.told_at.is_(None), is_one_of(row.phone, new)))
    answered = update(row).where(mine, row.told_at < row.ordered_at)
    session.execute(answered.values(ordered_at=row.told_at))


def record(session: Session, result: Result, *, now: datetime) -> bool:
    """Store a result; False if nobody ordered it, or if this one or a later one is stored."""
    row = NumberCheck
    if result.at is None:
        news: ColumnElement[bool] = or_(row.told_at.is_(None), row.told_at < row.ordered_at)
    else:
        news = or_(row.at.is_(None), row.at < result.at)
    at = min(result.at or now, now)
    kept = session.execute(
        update(row)
        # a result from before our order belongs to somebody else's order
        .where(row.phone == result.phone, news, row.ordered_at <= at + _SKEW)
        .values(
            at=at,
            told_at=now,
            service=result.service,
            name=result.name,
            network=result.network,
            ported=result.ported,
        )
        .returning(row.phone)
    )
    return kept.first() is not None


def any_out_of_service(session: Session, since: datetime) -> bool:
    """True if a check after ``since`` has found any number out of service."""
    return bool(session.scalar(select(exists().where(*_gone(since)))))


def out_of_service(session: Session, phones: Sequence[str], since: datetime) -> set[str]:
    """Those of at most 500 numbers (E.164) that a check after ``since`` found out of service."""
    found = session.scalars(
        select(NumberCheck.phone).where(is_one_of(NumberCheck.phone, phones), *_gone(since))
    )
    return set(found)


def known_services(session: Session, phones: Iterable[str], since: datetime) -> dict[str, str]:
    """Number (E.164) -> its service, if answered after ``since``; ``WAITING`` if only ordered."""
    row, found = NumberCheck, dict[str, str]()
    rest = iter(phones)
    while some := list(islice(rest, _STRIDE)):
        known = session.execute(
            select(row.phone, row.service, row.at, _waits(), row.ordered_at).where(
                is_one_of(row.phone, some)
            )
        )
        for phone, service, at, waits, ordered_at in known:
            if service is not None and at is not None and at >= since:
                found[phone] = service
            elif waits and ordered_at >= since:
                found[phone] = WAITING
    return found


def erase(session: Session, phone: str, pseudonym: str) -> None:
    """Replace a number (E.164), whose network goes; a result that comes later is not stored."""
    row = NumberCheck
    if session.get(row, pseudonym) is not None:
        session.execute(delete(row).where(row.phone == phone))
    gone = {"name": None, "network": None, "ported": None}
    session.execute(update(row).where(row.phone == phone).values(phone=pseudonym, **gone))


def _waits() -> ColumnElement[bool]:
    """Condition: the latest order of the number has no answer yet."""
    return or_(NumberCheck.told_at.is_(None), NumberCheck.told_at < NumberCheck.ordered_at)


def _gone(since: datetime) -> tuple[ColumnElement[bool], ...]:
    return NumberCheck.service == OUT_OF_SERVICE, NumberCheck.at >= since


def _end(session: Session, claim: Claim, outcome: str, **facts: Any) -> None:
    mine = update(CheckOrder).where(CheckOrder.id == claim.order_id)
    session.execute(mine.values(outcome=outcome, **facts))
