"""Batches that were judged by another rule than the present one, to be judged anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState
from dispatcher.storage.tables import Batch, Campaign
from dispatcher.window import Hold


@dataclass(frozen=True, slots=True)
class Judged:
    """The waiting batches of one campaign and territory that one rule has judged."""

    campaign_id: int
    territory: str
    rule: str
    #: the earliest instant that the campaign asks for
    not_before: datetime | None


def outdated(session: Session, rule: str, limit: int = 100) -> list[Judged]:
    """Waiting batches that were judged by another rule than ``rule``, in groups."""
    rows = session.execute(
        select(Batch.campaign_id, Batch.territory, Batch.rule, Campaign.not_before)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(Batch.state == BatchState.PENDING, Batch.rule.not_in(("", rule)))
        .distinct()
        .limit(limit)
    )
    return [Judged(*row) for row in rows]


def judge(session: Session, group: Judged, hold: Hold, rule: str) -> None:
    """Let a group wait for what ``rule`` says."""
    session.execute(
        update(Batch)
        .where(
            Batch.campaign_id == group.campaign_id,
            Batch.territory == group.territory,
            Batch.rule == group.rule,
            Batch.state == BatchState.PENDING,
        )
        .values(
            # what is to be handed over is judged by its hour, right before it is
            not_before=case((Batch.leaves_at.is_(None), hold.until), else_=Batch.not_before),
            why=case((Batch.leaves_at.is_(None), hold.why), else_=Batch.why),
            rule=rule,
        )
    )
