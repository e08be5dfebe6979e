"""Pausing a campaign because of what a lane has met."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from dispatcher.campaigns.states import CampaignState
from dispatcher.errors import IllegalMove
from dispatcher.storage.campaigns import campaigns


def pause(session: Session, campaign_id: int, reason: str, now: datetime) -> None:
    """Pause the campaign, once, whatever number of lanes meet the same reason."""
    try:
        paused = campaigns.move(session, campaign_id, CampaignState.PAUSED, now=now, reason=reason)
    except IllegalMove:
        return  # cancelled or finished meanwhile: nothing more will be armed
    if paused:
        campaigns.note(
            session, campaign_id, verb="pause", actor="dispatcher", now=now, reason=reason
        )
