"""The tags of campaigns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Select, insert, select
from sqlalchemy.orm import Session

from dispatcher.storage.tables import CampaignTag


def add(session: Session, campaign_id: int, tags: Iterable[str]) -> None:
    """Store the tags of a new campaign."""
    if rows := [{"campaign_id": campaign_id, "tag": tag} for tag in tags]:
        session.execute(insert(CampaignTag), rows)


def of_campaigns(session: Session, campaign_ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Campaign id -> its tags, in order; without those that have none."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    if campaign_ids:
        rows = session.execute(
            select(CampaignTag.campaign_id, CampaignTag.tag).where(
                CampaignTag.campaign_id.in_(campaign_ids)
            )
        )
        for campaign_id, tag in rows:
            found[campaign_id].append(tag)
    return {campaign_id: tuple(sorted(tags)) for campaign_id, tags in found.items()}


def ids(tags: Collection[str]) -> Select[Any]:
    """The ids of the campaigns that have one of these tags."""
    return select(CampaignTag.campaign_id).where(CampaignTag.tag.in_(tags))
