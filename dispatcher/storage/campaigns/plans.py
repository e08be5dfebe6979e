"""Stores a submitted plan: a campaign, its batches and their recipients, as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import message_states
from dispatcher.campaigns.batch import LARGEST_BATCH, PlannedBatch
from dispatcher.campaigns.consent import document
from dispatcher.campaigns.hand_over import to_be
from dispatcher.campaigns.others import Other, written
from dispatcher.campaigns.paced_batches import PacedHold
from dispatcher.campaigns.prices import Prices
from dispatcher.campaigns.states import BatchState, CampaignState
from dispatcher.campaigns.submission import PRIORITIES, Submission
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage.batches import paces
from dispatcher.storage.campaigns import bulk_insert, campaign_tags
from dispatcher.storage.tables import Batch, BatchConsent, Campaign
from dispatcher.window import Hold

#: how many batches are inserted at a time: limits the memory for a list of any length
_STRIDE = 40
#: a batch's own row takes as much memory as this many recipients
_FEW = 10


def add_campaign(
    session: Session,
    submission: Submission,
    *,
    reference: str,
    now: datetime,
    funded_to: int | None,
    others: Sequence[Other] = (),
    pace: float | None = None,
) -> int:
    """Add a campaign under a provisional ``reference``, and return its id.

    ``complete`` sets the final reference. ``pace`` is in messages an hour.
    """
    smoothing = submission.smoothing
    campaign = Campaign(
        reference=reference,
        fingerprint="",
        text=submission.text,
        sender=submission.sender,
        from_number=submission.from_number,
        survey=submission.survey,
        account=submission.account or DEFAULT,
        commercial=submission.commercial,
        consent=submission.consent,
        others=written(others),
        not_before=submission.not_before,
        not_after=submission.not_after,
        priority=PRIORITIES[submission.priority],
        state=CampaignState.RUNNING,
        created_at=now,
        funded_to=funded_to,
        budget_wait="" if submission.tags else None,
        per_hour=smoothing.per_hour if smoothing else None,
        over_seconds=smoothing.over if smoothing else None,
        pace=pace,
    )
    session.add(campaign)
    session.flush()
    campaign_tags.add(session, campaign.id, submission.tags)
    if pace is not None:
        paces.add(session, campaign.id, now)
    return campaign.id


def complete(
    session: Session,
    campaign_id: int,
    *,
    reference: str,
    fingerprint: str,
    plan_fingerprint: str,
    list_hash: str,
    rows: int,
    duplicates: int,
    unusable: int,
) -> None:
    """Record what the whole list has shown. Raises Conflict if the reference exists."""
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id)
        .values(
            reference=reference,
            fingerprint=fingerprint,
            plan_fingerprint=plan_fingerprint,
            list_hash=list_hash,
            rows=rows,
            duplicates=duplicates,
            unusable=unusable,
        )
    )


def add_batches(
    session: Session,
    campaign_id: int,
    batches: Iterable[tuple[PlannedBatch, Hold]],
    *,
    policy: str,
    prices: Prices,
    now: datetime,
    handed: Callable[[str], datetime | None],
    call_size: int = LARGEST_BATCH,
) -> int:
    """Store the batches of a campaign, each with its hold; returns how many.

    ``policy`` is ``Windows.policy``, empty for a campaign without a window; ``prices`` are euros a
    segment by destination. ``call_size`` is the most recipients of one call: a larger batch is
    stored as several. ``handed`` maps a territory to the hour until which the gateway is to hold
    its batches, which are due ``now``; to None if they wait here.
    """
    sized = ((piece, hold) for batch, hold in batches for piece in batch.split(call_size))
    numbered = enumerate(sized, start=1)
    count = 0
    most = _STRIDE * LARGEST_BATCH // max(call_size, _FEW)
    with bulk_insert.load(session) as load:
        while stride := list(islice(numbered, most)):
            load.settle()
            # they come back in any order; SQLAlchemy sorts them only from 2.0.10 on
            stored = session.execute(
                insert(Batch).returning(Batch.number, Batch.id),
                [
                    _row(campaign_id, number, batch, hold, policy)
                    | {"planned": batch.cost(prices)}
                    | _paced(hold)
                    | _handed(handed(batch.territory), now)
                    for number, (batch, hold) in stride
                ],
            ).all()
            ids = {row.number: row.id for row in stored}
            if consents := [
                {"batch_id": ids[number], "consents": document(batch.consents)}
                for number, (batch, _) in stride
                if batch.consents
            ]:
                session.execute(insert(BatchConsent), consents)
            load.add([ids[number] for number, _ in stride], [batch for _, (batch, _) in stride])
            count += len(stride)
    return count


def _row(
    campaign_id: int, number: int, batch: PlannedBatch, hold: Hold, policy: str
) -> dict[str, Any]:
    size = len(batch.messages)
    return {
        "campaign_id": campaign_id,
        "number": number,
        "territory": batch.territory,
        "size": size,
        "state": BatchState.PENDING,
        "not_before": hold.until,
        "why": hold.why,
        "window_until": hold.until,
        "window_why": hold.why,
        "rule": policy,
        "states": message_states.fresh(size),
        "pending": size,
        "segments": batch.total_segments,
        "planned_segments": batch.total_segments,
    }


def _paced(hold: Hold) -> dict[str, Any]:
    """The columns of its pace; those of the window are what it alone would hold a batch for."""
    if not isinstance(hold, PacedHold):
        return {}
    pace = {"pace_until": hold.until, "pace_why": hold.why}
    return pace | {"window_until": hold.window.until, "window_why": hold.window.why}


def _handed(leaves_at: datetime | None, now: datetime) -> dict[str, Any]:
    """The columns that differ for a batch that the gateway is to hold."""
    if leaves_at is None:
        return {"leaves_at": None}
    due = {"not_before": now, "window_until": now, "window_why": "", "why": to_be(leaves_at)}
    return {"leaves_at": leaves_at, **due}
