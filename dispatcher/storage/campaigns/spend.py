"""What campaigns cost, added up by the database over the columns of batches, never of recipients.

Each batch counts in one month: that in which it left, or in which it may leave. One that has yet
to leave counts in this month at the earliest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Text,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session

from dispatcher.campaigns.period import Period, months_between
from dispatcher.campaigns.set_aside import NEVER
from dispatcher.campaigns.spend import Amount, By, SpendRow
from dispatcher.campaigns.states import BatchState
from dispatcher.storage.batches import costs
from dispatcher.storage.campaigns import campaign_tags
from dispatcher.storage.tables import BATCH, CAMPAIGN, CampaignTag, in_euros, in_state

_TAG = CampaignTag.__table__
_HELD = in_state(BatchState.HANDED_OVER)
_UNNAMED = literal("", Text())
#: what is added up, in the order of ``_row``
_SUMS = (
    *("planned_messages", "planned_segments", "planned_euros"),
    *("reserved_messages", "reserved_segments", "reserved_euros"),
    *("charged_messages", "charged_segments", "charged_euros"),
    *("untold", "unpriced", "unplanned"),
)


class SpendReader:
    """Adds up the batches of a period, of one account or of all; within one transaction."""

    def __init__(
        self,
        session: Session,
        period: Period,
        now: datetime,
        account: str | None,
        tags: Sequence[str],
        *,
        tests: bool = False,
    ) -> None:
        """``tags`` are those of which a campaign must have one; without any, all count.

        ``tests`` adds up the test messages of drafts, and nothing else.
        """
        self._session = session
        is_one = CAMPAIGN.c.test_of.is_not(None) if tests else CAMPAIGN.c.test_of.is_(None)
        counted = _counted(period, now, account, tags).where(is_one)
        # read twice by one statement, which both databases answer by reading the batches once
        self._counted = counted.cte("counted")

    def total(self) -> SpendRow:
        """The sums of all, each batch once."""
        return _row(*self._session.execute(self._sum_of(self._counted)).one())

    def read(self, by: By) -> tuple[SpendRow, list[SpendRow]]:
        """The sums of all, and by name, in its order."""
        months = self._months() if by is By.MONTH else ()
        if by is By.MONTH and not months:
            return SpendRow(), []
        parts = self._named(by, months)
        by_name = self._sum_of(parts, parts.c.name).group_by(parts.c.name)
        both = union_all(
            self._sum_of(self._counted).add_columns(true().label("whole")),
            by_name.add_columns(false().label("whole")),
        )
        found = [(whole, _row(*sums)) for *sums, whole in self._session.execute(both)]
        (total,) = (row for whole, row in found if whole)
        rows = [row for whole, row in found if not whole]
        rows.sort(key=lambda row: row.name)
        if months:
            rows = [replace(row, name=months[int(row.name)][0]) for row in rows]
        return total, rows

    def several_tags(self) -> int:
        """How many of the campaigns have more than one tag."""
        several = (
            select(_TAG.c.campaign_id)
            .where(_TAG.c.campaign_id.in_(select(self._counted.c.campaign_id)))
            .group_by(_TAG.c.campaign_id)
            .having(func.count() > 1)
        )
        return self._session.scalar(select(func.count()).select_from(several.subquery())) or 0

    def _sum_of(self, counted: FromClause, name: ColumnElement[str] = _UNNAMED) -> Select[Any]:
        return select(name.label("name"), *_sums(counted))

    def _months(self) -> Sequence[tuple[str, datetime]]:
        """The months of Paris in which batches count, each with its end."""
        counted = self._counted
        ends = select(func.min(counted.c.at), func.max(counted.c.at))
        first, last = self._session.execute(ends).one()
        return months_between(first, last) if first and last else ()

    def _named(self, by: By, months: Sequence[tuple[str, datetime]]) -> Subquery:
        """The batches, each with the name that it counts under; by tag it may be here repeatedly.

        The name of a month is its number: neither database is asked what it knows of time zones.
        """
        counted: FromClause = self._counted
        at = self._counted.c.at
        match by:
            case By.MONTH:
                whens = [
                    (at < literal(end, at.type), literal(f"{n:06}", literal_execute=True))
                    for n, (_, end) in enumerate(months)
                ]
                name: Any = case(*whens)
            case By.TAG:
                name = func.coalesce(_TAG.c.tag, "")
                counted = counted.outerjoin(_TAG, _TAG.c.campaign_id == self._counted.c.campaign_id)
            case _:
                name = self._counted.c[by.value]
        # named inside: parameters of an expression may not be repeated in GROUP BY
        return select(self._counted, name.label("name")).select_from(counted).subquery()


def _counted(
    period: Period, now: datetime, account: str | None, tags: Sequence[str]
) -> Select[Any]:
    """The batches that count, each with its instant and its amounts."""
    at = _at(now)
    conditions = [] if account is None else [CAMPAIGN.c.account == account]
    if tags:
        conditions.append(CAMPAIGN.c.id.in_(campaign_tags.ids(tags)))
    if period.since or period.until:
        conditions += [*_within(at, period), _may_be_within(period)]
    return (
        select(
            BATCH.c.campaign_id,
            BATCH.c.territory,
            CAMPAIGN.c.account,
            CAMPAIGN.c.reference.label(By.CAMPAIGN.value),
            at.label("at"),
            *(amount.label(name) for name, amount in zip(_SUMS, _amounts(), strict=True)),
        )
        .join_from(BATCH, CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
        .where(*conditions)
    )


def _at(now: datetime) -> ColumnElement[datetime]:
    """When a batch left, or may leave; for one that is handed over the hour that it is held for."""
    kind = BATCH.c.sent_at.type
    leaves = func.coalesce(BATCH.c.leaves_at, BATCH.c.not_before)
    return type_coerce(
        case(
            (_HELD, leaves),
            (BATCH.c.sent_at.is_not(None), BATCH.c.sent_at),
            (
                and_(BATCH.c.pending > 0, or_(leaves < now, leaves >= NEVER)),
                literal(now, kind),
            ),
            # set aside, and never sent
            (leaves >= NEVER, func.coalesce(CAMPAIGN.c.ended_at, CAMPAIGN.c.created_at)),
            else_=leaves,
        ),
        kind,
    )


def _within(at: ColumnElement[datetime], period: Period) -> list[ColumnElement[bool]]:
    since = [] if period.since is None else [at >= period.since]
    return since if period.until is None else [*since, at < period.until]


def _may_be_within(period: Period) -> ColumnElement[bool]:
    """No more than ``_within`` says, but by columns that have indexes."""
    return or_(
        and_(*_within(BATCH.c.sent_at, period)),
        BATCH.c.sent_at.is_(None),
        _HELD,
    )


def _amounts() -> Sequence[ColumnElement[Any]]:
    """What a batch adds to each of ``_SUMS``, as whole numbers."""
    size = BATCH.c.size
    planned, cost = (type_coerce(BATCH.c[name], BigInteger) for name in ("planned", "cost"))
    segments = func.coalesce(BATCH.c.planned_segments, BATCH.c.segments)
    charged, reserved = costs.charged(), costs.reserved()
    # where the answer spoke of the whole batch, its count has replaced that of the plan
    billed = case(
        (segments != BATCH.c.segments, BATCH.c.segments), else_=segments * charged // size
    )
    return (
        size,
        segments,
        func.coalesce(planned, 0),
        reserved,
        segments * reserved // size,
        func.coalesce(planned * reserved // size, 0),
        charged,
        case((cost > 0, billed), else_=0),
        cost,
        costs.untold(),
        case((planned.is_(None), size), else_=0),
        case((planned.is_(None), cost), else_=0),
    )


def _sums(counted: FromClause) -> list[ColumnElement[Any]]:
    return [
        func.count(counted.c.campaign_id.distinct()),
        *(func.coalesce(func.sum(type_coerce(counted.c[name], BigInteger)), 0) for name in _SUMS),
    ]


def _row(name: str, campaigns: int, *sums: int | Decimal) -> SpendRow:
    count = [int(value) for value in sums]
    planned, reserved, charged = (
        Amount(count[at], count[at + 1], in_euros(count[at + 2])) for at in (0, 3, 6)
    )
    return SpendRow(
        name=name,
        campaigns=campaigns,
        planned=planned,
        reserved=reserved,
        charged=charged,
        untold=count[9],
        unpriced=count[10],
        unplanned=in_euros(count[11]),
    )
