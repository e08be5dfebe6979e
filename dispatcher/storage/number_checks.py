"""Paid checks of numbers: one row for each number, and one for each order.

An order is written down before it is given. What is known of a number afterwards is one row, which
a later order takes over and a later answer replaces.
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
from dispatcher.storage.tables import CheckOrder, NumberCheck

#: of a number whose result has not come
WAITING = "waiting"
#: numbers looked up by one query
_STRIDE = 500
#: the gateway's clock and ours may differ by so much
_SKEW = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a network answered of a number (E.164); ``at`` by the gateway's clock."""

    phone: str = field(repr=False)
    at: datetime | None
    service: str
    name: str = ""
    network: str = ""
    ported: bool | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """An order that is written down and not given yet, and its numbers: nobody else has them."""

    order_id: int
    phones: Sequence[str] = field(repr=False)
    #: those of them that an earlier order may have been given for, without an answer so far
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
    """Write an order for at most 500 numbers down; None when none is to be asked about.

    Left out are those that have opted out, those that were ordered after ``known_at``, those with
    an answer since ``since`` and, unless ``again``, those whose answer has been waited for since
    then.
    """
    row = NumberCheck
    gone = opt_outs.opted_out(session, phones)
    phones = [phone for phone in phones if phone not in gone]
    if not phones:
        return None
    before = select(row.phone).where(row.phone.in_(phones), row.told_at.is_(None))
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
    # in one order everywhere: two orders at the same moment would lock each other
    rows = [{"phone": one, "order_id": order.id, "ordered_at": now} for one in sorted(phones)]
    claimed = session.scalars(taken, rows).all()
    if not claimed:
        session.delete(order)
        return None
    order.numbers, order.expected = len(claimed), price * len(claimed)
    return Claim(order.id, claimed, unanswered)


def note_taken(session: Session, claim: Claim, order: HlrOrder) -> None:
    """The gateway has taken an order: its results will come."""
    _end(session, claim, "taken", gateway_id=order.id, cost=order.cost)


def note_lost(session: Session, claim: Claim, why: str) -> None:
    """Nobody knows whether the gateway took it: its numbers wait, and may have been paid for."""
    _end(session, claim, "lost", detail=why)


def note_refused(session: Session, claim: Claim, why: str) -> None:
    """Nothing was ordered, for certain: its numbers wait for it no more."""
    _end(session, claim, "refused", detail=why)
    row = NumberCheck
    mine = row.order_id == claim.order_id
    new = [phone for phone in claim.phones if phone not in claim.unanswered]
    session.execute(delete(row).where(mine, row.told_at.is_(None), row.phone.in_(new)))
    answered = update(row).where(mine, row.told_at < row.ordered_at)
    session.execute(answered.values(ordered_at=row.told_at))


def record(session: Session, result: Result, *, now: datetime) -> bool:
    """Keep a result; False for one that nobody ordered, that is known, or that is older."""
    row = NumberCheck
    if result.at is None:
        news: ColumnElement[bool] = or_(row.told_at.is_(None), row.told_at < row.ordered_at)
    else:
        news = or_(row.at.is_(None), row.at < result.at)
    at = min(result.at or now, now)
    kept = session.execute(
        update(row)
        # one from before the order is of somebody else's
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
    """Whether a check since then has found any number out of service."""
    return bool(session.scalar(select(exists().where(*_gone(since)))))


def out_of_service(session: Session, phones: Sequence[str], since: datetime) -> set[str]:
    """Those of at most 500 numbers (E.164) that a check since then has found out of service."""
    found = session.scalars(
        select(NumberCheck.phone).where(NumberCheck.phone.in_(phones), *_gone(since))
    )
    return set(found)


def known_services(session: Session, phones: Iterable[str], since: datetime) -> dict[str, str]:
    """What these numbers (E.164) are known to be since then, or ``WAITING``; of others nothing."""
    row, found = NumberCheck, dict[str, str]()
    rest = iter(phones)
    while some := list(islice(rest, _STRIDE)):
        known = session.execute(
            select(row.phone, row.service, row.at, _waits(), row.ordered_at).where(
                row.phone.in_(some)
            )
        )
        for phone, service, at, waits, ordered_at in known:
            if service is not None and at is not None and at >= since:
                found[phone] = service
            elif waits and ordered_at >= since:
                found[phone] = WAITING
    return found


def forget(session: Session, phone: str) -> None:
    """Delete what is known of a number (E.164); a result that comes later finds nothing."""
    session.execute(delete(NumberCheck).where(NumberCheck.phone == phone))


def _waits() -> ColumnElement[bool]:
    """An order has no answer yet."""
    return or_(NumberCheck.told_at.is_(None), NumberCheck.told_at < NumberCheck.ordered_at)


def _gone(since: datetime) -> tuple[ColumnElement[bool], ...]:
    return NumberCheck.service == OUT_OF_SERVICE, NumberCheck.at >= since


def _end(session: Session, claim: Claim, outcome: str, **facts: Any) -> None:
    mine = update(CheckOrder).where(CheckOrder.id == claim.order_id)
    session.execute(mine.values(outcome=outcome, **facts))
