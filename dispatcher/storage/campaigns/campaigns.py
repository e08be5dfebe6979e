"""Campaigns as they are stored: one by its reference, many by account, and their totals."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.progress import Facts, Share
from dispatcher.campaigns.states import (
    BatchState,
    CampaignState,
)
from dispatcher.errors import NotFound
from dispatcher.storage.campaigns import totals
from dispatcher.storage.tables import BATCH, Batch, Campaign, in_state
from dispatcher.window import Hold

#: no database counts further
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StoredCampaign:
    """The campaign behind a reference; ``fingerprint`` is the hash of what was submitted."""

    id: int
    fingerprint: str


def only(account: str | None) -> list[ColumnElement[bool]]:
    """A condition on campaigns: they go through this account; none at all for None."""
    return [] if account is None else [Campaign.account == account]


def find(session: Session, reference: int | str, account: str | None = None) -> Campaign:
    """The campaign by its id (int) or the caller's reference (str). Raises NotFound.

    So it does for a campaign of another account than the one that is named.
    """
    by = Campaign.id == reference if isinstance(reference, int) else Campaign.reference == reference
    # what no row can hold is not asked for: the databases' drivers have no word for it
    if isinstance(reference, int):
        possible = abs(reference) <= _LARGEST_ID
    else:
        possible = reference.isprintable()
    query = select(Campaign).where(by, *only(account))
    campaign = session.scalar(query) if possible else None
    if campaign is None:
        raise NotFound(f"no campaign {reference!r}")
    return campaign


def facts(session: Session, reference: int | str, account: str | None = None) -> Facts:
    """What the campaign's own row says. Raises NotFound as ``find``."""
    return _facts(find(session, reference, account))


def latest(
    session: Session, limit: int, account: str | None = None, *, offset: int = 0
) -> list[Facts]:
    """The campaigns submitted last, of one account or of all, newest first."""
    query = select(Campaign).where(*only(account)).order_by(Campaign.id.desc())
    return [_facts(row) for row in session.scalars(query.offset(offset).limit(limit))]


def count(session: Session, account: str | None = None) -> int:
    """How many campaigns there are, of one account or of all."""
    return session.scalar(select(func.count(Campaign.id)).where(*only(account))) or 0


def stored(session: Session, reference: str) -> StoredCampaign | None:
    """The campaign that has this reference, if there is one."""
    try:
        row = find(session, reference)
    except NotFound:
        return None
    return StoredCampaign(row.id, row.fingerprint)


def _facts(campaign: Campaign) -> Facts:
    return Facts(
        id=campaign.id,
        reference=campaign.reference,
        state=CampaignState(campaign.state),
        reason=campaign.reason,
        rows=campaign.rows,
        duplicates=campaign.duplicates,
        unusable=campaign.unusable,
        funded_to=campaign.funded_to,
        account=campaign.account,
        commercial=campaign.commercial,
        created_at=campaign.created_at,
    )


def orphans(session: Session, accounts: Collection[str]) -> dict[str, int]:
    """How many campaigns have not ended and go through none of these accounts, by theirs."""
    held = select(Batch.campaign_id).where(in_state(BatchState.HANDED_OVER))
    running = Campaign.state.in_((CampaignState.RUNNING, CampaignState.PAUSED))
    rows = session.execute(
        select(Campaign.account, func.count())
        .where(or_(running, Campaign.id.in_(held)), Campaign.account.not_in(accounts))
        .group_by(Campaign.account)
        .order_by(Campaign.account)
    )
    return {row[0]: row[1] for row in rows}


def shares(session: Session, campaign_id: int) -> list[Share]:
    """The sums over a campaign's batches, by state."""
    return totals.shares(session, Batch.campaign_id == campaign_id)


def first_hold(session: Session, campaign_id: int) -> Hold | None:
    """What the first of the campaign's pending batches waits for.

    Without any it is what the gateway holds and when that leaves; None without that.
    """
    instants = {BatchState.PENDING: BATCH.c.not_before, BatchState.HANDED_OVER: BATCH.c.leaves_at}
    for state, until in instants.items():
        row = session.execute(
            select(until, BATCH.c.why)
            .where(BATCH.c.campaign_id == campaign_id, in_state(state))
            .order_by(until, BATCH.c.id)
            .limit(1)
        ).one_or_none()
        if row is not None:
            return Hold(*row)
    return None
