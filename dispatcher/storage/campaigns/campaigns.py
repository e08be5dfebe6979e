"""Reads campaigns: one by its reference, many by account, and their totals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, func, or_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.progress import Facts, Share
from dispatcher.campaigns.selection import ALL, Selection
from dispatcher.campaigns.states import (
    BatchState,
    CampaignState,
)
from dispatcher.errors import NotFound, StorageError
from dispatcher.storage import erased_texts
from dispatcher.storage.campaigns import campaign_tags, totals
from dispatcher.storage.tables import LARGEST_ID, Batch, Campaign, in_state
from dispatcher.storage.values import value_of


@dataclass(frozen=True, slots=True)
class StoredCampaign:
    """The campaign with a reference; ``fingerprint`` is the hash of what was submitted."""

    id: int
    fingerprint: str
    #: its account; empty for the default account
    account: str
    tags: tuple[str, ...] = ()
    #: whether it is a test of a draft
    test: bool = False


def only(account: str | None) -> list[ColumnElement[bool]]:
    """Conditions: the campaign goes through this account. No condition for None."""
    return [] if account is None else [Campaign.account == account]


def find(session: Session, reference: int | str, account: str | None = None) -> Campaign:
    """The campaign by its id (int) or the caller's reference (str).

    A reference whose numbers were erased since is found, too. Raises NotFound, also for a campaign
    that goes through another account than ``account``.
    """
    by = Campaign.id == reference if isinstance(reference, int) else Campaign.reference == reference
    # drivers raise for values that no row can hold, so do not query those
    if isinstance(reference, int):
        possible = abs(reference) <= LARGEST_ID
    else:
        possible = reference.isprintable()
    query = select(Campaign).where(*only(account))
    campaign = session.scalar(query.where(by)) if possible else None
    if campaign is None and isinstance(reference, str) and possible:
        campaign = session.scalar(query.where(_refers(session, reference)).limit(1))
    if campaign is None:
        raise NotFound(f"no campaign {reference!r}")
    return campaign


def facts(session: Session, reference: int | str, account: str | None = None) -> Facts:
    """The campaign's own row as plain values. Raises NotFound as ``find`` does."""
    return _facts(find(session, reference, account))


def latest(
    session: Session,
    limit: int,
    account: str | None = None,
    *,
    among: Selection = ALL,
) -> list[Facts]:
    """The campaigns submitted last ``among`` those of one account or of all, newest first."""
    query = (
        select(Campaign).where(*only(account), *_among(session, among)).order_by(Campaign.id.desc())
    )
    return [_facts(row) for row in session.scalars(query.limit(limit))]


def page(
    session: Session, offset: int, limit: int, account: str | None, among: Selection
) -> tuple[list[Facts], int]:
    """The same from ``offset`` on, and how many there are of them in all."""
    which = (*only(account), *_among(session, among))
    total = select(func.count(Campaign.id)).where(*which).scalar_subquery()
    query = select(Campaign, total).where(*which).order_by(Campaign.id.desc())
    rows = session.execute(query.offset(offset).limit(limit)).all()
    if not rows:
        return [], count(session, account, among=among)
    return [_facts(row[0]) for row in rows], rows[0][1]


def open_ones(session: Session, limit: int, account: str | None) -> list[Facts]:
    """The campaigns submitted last that run, are paused, or have a batch held or in doubt."""
    unsettled = select(Batch.campaign_id).where(
        or_(in_state(BatchState.HANDED_OVER), in_state(BatchState.IN_DOUBT))
    )
    query = select(Campaign).where(
        *only(account),
        Campaign.test_of.is_(None),
        or_(
            Campaign.state.in_((CampaignState.RUNNING, CampaignState.PAUSED)),
            Campaign.id.in_(unsettled),
        ),
    )
    return [_facts(row) for row in session.scalars(query.order_by(Campaign.id.desc()).limit(limit))]


def count(session: Session, account: str | None = None, *, among: Selection = ALL) -> int:
    """How many campaigns there are ``among`` those of one account or of all."""
    query = select(func.count(Campaign.id)).where(*only(account), *_among(session, among))
    return session.scalar(query) or 0


def _among(session: Session, selection: Selection) -> list[ColumnElement[bool]]:
    """The conditions of a selection."""
    found: list[ColumnElement[bool]] = [Campaign.test_of.is_(None)]
    if selection.states:
        found.append(Campaign.state.in_(selection.states))
    if selection.since is not None:
        found.append(Campaign.created_at >= selection.since)
    if selection.tags:
        found.append(Campaign.id.in_(campaign_tags.ids(selection.tags)))
    for value in filter(None, (selection.reference, selection.reference_prefix)):
        if not value.isprintable():  # drivers raise for values that no row can hold
            return [false()]
    if selection.reference is not None:
        found.append(_refers(session, selection.reference))
    if prefix := selection.reference_prefix:
        # not LIKE, in which SQLite takes small letters for capitals
        found.append(func.substr(Campaign.reference, 1, len(prefix)) == prefix)
    return found


def _refers(session: Session, reference: str) -> ColumnElement[bool]:
    """Condition: this is the campaign's reference, or was before numbers in it were erased."""
    known = [reference]
    with suppress(StorageError):  # without the key of the pseudonyms only the reference itself
        known = erased_texts.references(session, reference)
    return Campaign.reference.in_(known)


def stored(session: Session, reference: str) -> StoredCampaign | None:
    """The campaign that has this reference, if there is one."""
    query = select(Campaign).where(
        Campaign.reference.in_(erased_texts.references(session, reference))
    )
    exact = query.order_by(Campaign.reference != reference, Campaign.id).limit(1)
    row = session.scalar(exact) if reference.isprintable() else None
    if row is None:
        return None
    tags = campaign_tags.of_campaigns(session, [row.id]).get(row.id, ())
    return StoredCampaign(row.id, row.fingerprint, row.account, tags, row.test_of is not None)


def _facts(campaign: Campaign) -> Facts:
    return value_of(Facts, campaign, state=CampaignState(campaign.state))


def references(session: Session, ids: Sequence[int]) -> list[str]:
    """The references of these campaigns, in the order of their ids."""
    query = select(Campaign.reference).where(Campaign.id.in_(ids)).order_by(Campaign.id)
    return list(session.scalars(query)) if ids else []


def orphans(session: Session, accounts: Collection[str]) -> dict[str, int]:
    """Account that is not in ``accounts`` -> how many of its campaigns have not ended."""
    held = select(Batch.campaign_id).where(in_state(BatchState.HANDED_OVER))
    running = Campaign.state.in_((CampaignState.RUNNING, CampaignState.PAUSED))
    rows = session.execute(
        select(Campaign.account, func.count())
        .where(or_(running, Campaign.id.in_(held)), Campaign.account.not_in(accounts))
        .group_by(Campaign.account)
        .order_by(Campaign.account)
    )
    return {row[0]: row[1] for row in rows}


def unfinished(session: Session) -> dict[str, int]:
    """Reference of each campaign that runs or is paused -> how many messages are to go."""
    rows = session.execute(
        select(Campaign.reference, func.sum(Batch.pending))
        .join(Batch, Batch.campaign_id == Campaign.id)
        .where(Campaign.state.in_((CampaignState.RUNNING, CampaignState.PAUSED)))
        .group_by(Campaign.id, Campaign.reference)
        .order_by(Campaign.id)
    )
    return {row[0]: int(row[1]) for row in rows}


def shares(session: Session, campaign_id: int) -> list[Share]:
    """The totals over a campaign's batches, by state."""
    return totals.of_campaigns(session, [campaign_id]).get(campaign_id, [])
