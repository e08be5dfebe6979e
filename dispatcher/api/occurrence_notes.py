"""What workers decide about occurrences of series: on record, and told by events."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.series import Series
from dispatcher.campaigns.states import OccurrenceState
from dispatcher.storage import actions, events
from dispatcher.storage import series as store

_ACTOR = "dispatcher"


def skipped(session: Session, series: Series, at: datetime, why: str, now: datetime) -> None:
    """Tell that the occurrence ``at`` is skipped."""
    events.add(session, "occurrence_skipped", now=now, series_id=series.id, occurrence_at=at)
    said = f"{series.reference(at)}: {why}"
    actions.note(session, None, verb="skip occurrence", actor=_ACTOR, now=now, reason=said)


def late(
    session: Session, series: Series, at: datetime, campaign_id: int | None, now: datetime
) -> None:
    """Tell that the occurrence ``at`` runs late; a draft is no campaign yet."""
    events.add(
        session,
        "occurrence_late",
        now=now,
        series_id=series.id,
        occurrence_at=at,
        campaign_id=campaign_id,
    )
    said = f"{series.reference(at)} was missed, and runs late"
    actions.note(session, campaign_id, verb="late occurrence", actor=_ACTOR, now=now, reason=said)


def approved(session: Session, series: Series, plan: Plan, campaign_id: int, now: datetime) -> None:
    """Note by whose approval of the series the campaign runs, if it has one."""
    if (approval := series.approval) is None:
        return
    said = f"series {series.name} is approved by {approval.by} up to {approval.cap}"
    said += f"; plan {plan.fingerprint}"
    actions.note(session, campaign_id, verb="approve", actor=_ACTOR, now=now, reason=said)


def blocked(session: Session, series: Series, problem: str, now: datetime) -> None:
    """Tell that the next occurrence cannot be made yet."""
    at = series.next_at
    events.add(session, "occurrence_blocked", now=now, series_id=series.id, occurrence_at=at)
    said = f"{series.name}: {problem}"
    actions.note(session, None, verb="blocked series", actor=_ACTOR, now=now, reason=said)


def skip_overdue(session: Session, series: Series, now: datetime, why: str) -> Series:
    """Skip the occurrences whose hour has passed, which could not be made; the series after that.

    It is as it was read if somebody else has changed it meanwhile.
    """
    while (at := series.next_at) is not None and at <= now:
        reason = f"missed, and {why}: {series.problem or 'no worker made it in time'}"
        settled = store.settle(
            session, series, OccurrenceState.SKIPPED, now=now, late=True, reason=reason
        )
        if not settled:
            return series
        skipped(session, series, at, reason, now)
        series = store.find(session, series.id)
    return series
