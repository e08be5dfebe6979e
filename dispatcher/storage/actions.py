"""The record of what people, and the dispatcher on its own, did. Append-only, and sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.records import ActionRecord, Page
from dispatcher.masking import masked
from dispatcher.settings.origin import origin
from dispatcher.storage import seals
from dispatcher.storage.tables import Action
from dispatcher.storage.values import value_of

#: the verb under which a double text is on record
INCIDENT = "texted twice"
#: a late proof that messages that had ended otherwise were texted; the second one: a person had
#: given them up
CORRECTION, CONTRADICTED = "correction", "texted after give up"
#: the actor where no person acts; a person of this name is marked (``api.actor.named``)
ITSELF = "dispatcher"
#: a person, or the dispatcher, lets nothing more of a campaign leave
PAUSE = "pause"
#: a person lets a paused campaign run again
RESUME = "resume"
#: what a person must look at
INCIDENTS = (INCIDENT, CONTRADICTED)


def note(
    session: Session,
    campaign_id: int | None,
    *,
    verb: str,
    actor: str,
    now: datetime,
    reason: str = "",
    batch_id: int | None = None,
) -> None:
    """Record what was done, by whom and why; to a campaign or one of its batches, if to any.

    A phone number in ``reason`` is masked: an entry can never be changed, not even to erase one.
    """
    session.info[seals.NOTED] = True
    session.add(
        Action(
            at=now,
            campaign_id=campaign_id,
            batch_id=batch_id,
            actor=masked(actor),
            origin=origin(),
            verb=verb,
            reason=masked(reason),
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries of the record: an empty value asks for all."""

    campaign_id: int | None = None
    #: the earliest instant (aware)
    since: datetime | None = None
    actor: str = ""
    verb: str = ""


def page(session: Session, wanted: Wanted, offset: int, limit: int) -> Page[ActionRecord]:
    """One page of the entries, the latest first: ``limit`` of them from ``offset`` on."""
    which = [
        column == value
        for column, value in (
            (Action.campaign_id, wanted.campaign_id),
            (Action.actor, wanted.actor),
            (Action.verb, wanted.verb),
        )
        if value
    ]
    if wanted.since is not None:
        which.append(Action.at >= wanted.since)
    query = select(Action).where(*which).order_by(Action.id.desc())
    rows = session.scalars(query.offset(offset).limit(limit)).all()
    total = session.scalar(select(func.count()).select_from(Action).where(*which)) or 0
    return Page(tuple(value_of(ActionRecord, row) for row in rows), total, offset, limit)
