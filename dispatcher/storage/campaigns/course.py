"""When the messages of a campaign left and their reports came, added up by the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, case, func, literal, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.course import SERIES, Course, course_of, points
from dispatcher.storage.tables import ATTEMPT, BATCH, REPORT


def of_campaign(session: Session, campaign_id: int) -> Course:
    """Its course; without points if nothing has happened. Four statements for any campaign."""
    sends, reports = _sends(campaign_id), _reports(campaign_id)
    counts: dict[str, Counter[int]] = {name: Counter() for name in SERIES}
    ends = [
        at
        for part in (sends, reports)
        for at in session.execute(select(func.min(part.c.at), func.max(part.c.at))).one()
        if at is not None
    ]
    if not ends:
        return course_of((), counts)
    until = points(min(ends), max(ends))
    for part, names in ((sends, ("sent", "failed")), (reports, ("delivered", "failed"))):
        for number, *sums in _by_point(session, part, until, names):
            for name, total in zip(names, sums, strict=True):
                counts[name][number] += int(total)
    return course_of(until, counts)


def _sends(campaign_id: int) -> Subquery:
    """Each batch: when it left, or was refused, and how many of it."""
    ended = (
        select(func.max(ATTEMPT.c.ended_at))
        .where(ATTEMPT.c.batch_id == BATCH.c.id)
        .scalar_subquery()
    )
    # what the gateway holds until its hour has not left
    sent = BATCH.c.sent + BATCH.c.delivered + BATCH.c.undelivered + BATCH.c.unreported
    refused = BATCH.c.rejected
    return (
        select(
            func.coalesce(BATCH.c.sent_at, ended).label("at"),
            sent.label("sent"),
            refused.label("failed"),
        )
        .where(BATCH.c.campaign_id == campaign_id, sent + refused > 0)
        .subquery()
    )


def _reports(campaign_id: int) -> Subquery:
    return (
        select(
            REPORT.c.at, REPORT.c.delivered.label("delivered"), REPORT.c.undelivered.label("failed")
        )
        .join_from(REPORT, BATCH, BATCH.c.id == REPORT.c.batch_id)
        .where(BATCH.c.campaign_id == campaign_id)
        .subquery()
    )


def _by_point(
    session: Session, part: Subquery, until: Sequence[datetime], names: Sequence[str]
) -> Sequence[Any]:
    """The sums of these columns by the number of the first point after them."""
    at: ColumnElement[datetime] = part.c.at
    whens = [
        (at < literal(end, at.type), literal(n, literal_execute=True))
        for n, end in enumerate(until)
    ]
    # numbered inside: parameters of an expression may not be repeated in GROUP BY
    inner = select(part, case(*whens).label("point")).where(at.is_not(None)).subquery()
    query = select(inner.c.point, *(func.sum(inner.c[name]) for name in names))
    return session.execute(query.group_by(inner.c.point)).all()
