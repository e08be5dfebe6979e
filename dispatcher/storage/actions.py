"""The record of what people, and the dispatcher on its own, did to campaigns. Append-only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from dispatcher.storage.tables import Action

#: the verb under which a double text is on record
INCIDENT = "texted twice"
#: a late proof that messages that had ended otherwise were texted; the second one: a person had
#: given them up
CORRECTION, CONTRADICTED = "correction", "texted after give up"
#: a person lets a paused campaign run again
RESUME = "resume"
#: what a person must look at
INCIDENTS = (INCIDENT, CONTRADICTED)


def note(
    session: Session,
    campaign_id: int,
    *,
    verb: str,
    actor: str,
    now: datetime,
    reason: str = "",
    batch_id: int | None = None,
) -> None:
    """Record what was done to a campaign or to one of its batches, by whom and why."""
    session.add(
        Action(
            at=now,
            campaign_id=campaign_id,
            batch_id=batch_id,
            actor=actor,
            verb=verb,
            reason=reason,
        )
    )
