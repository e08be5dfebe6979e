"""Snapshots of the installation for monitoring, by a few cheap queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from dispatcher.campaigns.beats import Beat
from dispatcher.campaigns.states import BatchState, CampaignState
from dispatcher.storage import (
    balances,
    heartbeats,
    obstacles,
    probable_refusals,
    stop_storms,
    unread_calls,
)
from dispatcher.storage.actions import INCIDENT
from dispatcher.storage.batches import queue
from dispatcher.storage.tables import Action, Batch, Campaign


@dataclass(frozen=True, slots=True)
class Waiting:
    """The pending batches of one territory whose ``not_before`` has passed."""

    territory: str
    commercial: bool
    batches: int
    #: since when the oldest of them may leave, by its row
    since: datetime


@dataclass(frozen=True, slots=True)
class Inbox:
    """What came to the webhooks and needs a person."""

    #: people whose replies may be a refusal, about whom nobody has decided
    refusals: int
    #: calls that could not be read
    unread: int
    #: STOPs of the last 24 hours for numbers that were never texted
    untexted: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole installation at one instant; instants are None if there is nothing of the kind."""

    #: how many campaigns run, and how many are paused
    campaigns: Mapping[CampaignState, int]
    waiting: Sequence[Waiting]
    #: since when the oldest batch in doubt is
    oldest_doubt: datetime | None
    #: since when the oldest poll for reports has been due
    oldest_poll: datetime | None
    #: apart from ticks that hints asked for
    last_tick: datetime | None
    beats: Sequence[Beat]
    #: double texts on record
    incidents: int
    inbox: Inbox


def snapshot(session: Session, now: datetime) -> Snapshot:
    """Read the whole installation."""
    oldest_doubt = select(func.min(Batch.sent_at)).where(Batch.state == BatchState.IN_DOUBT)
    oldest_poll = select(func.min(Batch.check_at)).where(
        Batch.state == BatchState.SENT, Batch.check_at <= now
    )
    incidents = select(func.count()).select_from(Action).where(Action.verb == INCIDENT)
    return Snapshot(
        campaigns=_campaigns(session),
        waiting=_waiting(session, now),
        oldest_doubt=session.scalar(oldest_doubt),
        oldest_poll=session.scalar(oldest_poll),
        last_tick=heartbeats.last_tick(session),
        beats=heartbeats.beats(session, now),
        incidents=session.scalar(incidents) or 0,
        inbox=inbox(session, now),
    )


def inbox(session: Session, now: datetime) -> Inbox:
    """Count what came to the webhooks and needs a person."""
    refusals, unread = probable_refusals.count(session), unread_calls.count(session)
    return Inbox(refusals, unread, stop_storms.untexted(session, now))


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """One account at one instant; euros are as the gateway answered."""

    #: by state: its campaigns that have not ended
    campaigns: Mapping[CampaignState, int]
    doubts: int
    #: batches that wait for nothing but their window
    due: int
    #: as it was last read; None when it never was
    balance: Decimal | None


def account_snapshot(session: Session, account: str, now: datetime) -> AccountSnapshot:
    """Read one account."""
    mine = Campaign.account == account
    count = session.scalar(
        select(func.count())
        .select_from(Batch)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(queue.runs(), queue.is_due(), queue.funded(), mine),
        {"now": now},
    )
    return AccountSnapshot(
        campaigns=_campaigns(session, mine),
        doubts=obstacles.doubts(session, account),
        due=count or 0,
        balance=balances.last(session, account).euros,
    )


def limit_time(session: Session, seconds: int) -> None:
    """Limit each query of this transaction (PostgreSQL): later the caller has given up anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SET LOCAL statement_timeout = '{seconds}s'"))


def _campaigns(session: Session, *which: ColumnElement[bool]) -> dict[CampaignState, int]:
    counted = {CampaignState.RUNNING: 0, CampaignState.PAUSED: 0}
    rows = session.execute(
        select(Campaign.state, func.count())
        .where(Campaign.state.in_(counted), Campaign.test_of.is_(None), *which)
        .group_by(Campaign.state)
    )
    return counted | {CampaignState(state): count for state, count in rows}


def _waiting(session: Session, now: datetime) -> list[Waiting]:
    rows = session.execute(
        select(
            Batch.territory,
            Campaign.commercial,
            func.count(),
            func.min(Batch.not_before),
        )
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(queue.runs(), queue.is_due(), queue.funded())
        .group_by(Batch.territory, Campaign.commercial),
        {"now": now},
    )
    return [Waiting(*row) for row in rows]
