"""Campaigns: add, find, move, and the sums that their progress is made of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, exists, func, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from dispatcher.campaigns.progress import Facts, Share
from dispatcher.campaigns.states import (
    CAMPAIGN_MOVES,
    BatchState,
    CampaignState,
    MessageState,
    sources,
)
from dispatcher.errors import IllegalMove, NotFound
from dispatcher.storage import events
from dispatcher.storage.campaigns import totals as sums
from dispatcher.storage.campaigns.totals import UNENDED
from dispatcher.storage.tables import BATCH, CAMPAIGN, Action, Batch, Campaign, in_state
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
    return sums.shares(session, Batch.campaign_id == campaign_id)


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


def move(
    session: Session,
    campaign_id: int,
    target: CampaignState,
    *,
    now: datetime,
    reason: str | None = None,
) -> bool:
    """Move the campaign by one guarded UPDATE; False when it already is in ``target``.

    On PostgreSQL the UPDATE waits for transactions that hold the row to arm a batch, so that
    none of them can commit after this one. Raises IllegalMove.
    """
    ended = target in {CampaignState.CANCELLED, CampaignState.FINISHED}
    moved = session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.state.in_(sources(CAMPAIGN_MOVES, target)))
        .values(
            state=target,
            reason=reason if target is CampaignState.PAUSED else None,
            ended_at=now if ended else None,
        )
        .returning(Campaign.id)
    ).one_or_none()
    if moved is not None:
        if target is CampaignState.PAUSED:
            events.add(session, "campaign_paused", now=now, campaign_id=campaign_id)
        return True
    state = session.scalar(select(Campaign.state).where(Campaign.id == campaign_id))
    if state == target:
        return False
    raise IllegalMove(f"a {state} campaign cannot become {target}")


def _end_pending(target: BatchState, which: ColumnElement[bool]) -> ReturningUpdate[Any]:
    counter = MessageState(target.value)
    letters = func.replace(BATCH.c.states, MessageState.PENDING.letter, counter.letter)
    return (
        update(BATCH)
        .where(which, in_state(BatchState.PENDING))
        .values(
            {
                # a part that an earlier attempt sent keeps its reports
                "state": case((BATCH.c.sent > 0, BatchState.SENT.value), else_=target.value),
                "check_at": case((BATCH.c.sent > 0, BATCH.c.sent_at)),
                "why": "",
                "states": letters,
                counter.value: BATCH.c[counter.value] + BATCH.c.pending,
                "pending": 0,
            }
        )
        .returning(BATCH.c.id)
    )


# what every tick does is built once: to build a statement takes longer than to run it
_CANCEL = _end_pending(BatchState.CANCELLED, BATCH.c.campaign_id == bindparam("its_campaign_id"))
_CANCEL_RETURNED = _end_pending(
    BatchState.CANCELLED,
    BATCH.c.campaign_id.in_(
        select(CAMPAIGN.c.id).where(CAMPAIGN.c.state == CampaignState.CANCELLED)
    ),
)
_EXPIRE = _end_pending(
    BatchState.EXPIRED,
    BATCH.c.campaign_id.in_(
        select(CAMPAIGN.c.id).where(
            CAMPAIGN.c.not_after <= bindparam("now"),
            CAMPAIGN.c.state.in_((CampaignState.RUNNING, CampaignState.PAUSED)),
        )
    ),
)
_FINISH = (
    update(CAMPAIGN)
    .where(
        CAMPAIGN.c.state == CampaignState.RUNNING,
        ~exists().where(BATCH.c.campaign_id == CAMPAIGN.c.id, BATCH.c.state.in_(UNENDED)),
    )
    .values(state=CampaignState.FINISHED, ended_at=bindparam("now"))
    .returning(CAMPAIGN.c.id)
)


def cancel_batches(session: Session, campaign_id: int) -> int:
    """Cancel what has not left; returns how many batches that were."""
    return len(session.execute(_CANCEL, {"its_campaign_id": campaign_id}).all())


def expire_batches(session: Session, now: datetime) -> int:
    """Expire the pending batches whose campaign's ``not_after`` has passed."""
    return len(session.execute(_EXPIRE, {"now": now}).all())


def cancel_returned(session: Session) -> int:
    """Cancel batches that came back, unsent, after their campaign was cancelled."""
    return len(session.execute(_CANCEL_RETURNED).all())


def finish_ended(session: Session, now: datetime) -> int:
    """Finish the running campaigns of which every batch has ended."""
    finished = session.execute(_FINISH, {"now": now}).all()
    for (campaign_id,) in finished:
        counts = _counts(session, campaign_id)
        events.add(session, "campaign_finished", now=now, campaign_id=campaign_id, counts=counts)
    return len(finished)


def _counts(session: Session, campaign_id: int) -> dict[str, int]:
    """How many of a campaign's messages are in each state that has any."""
    sums = [func.sum(getattr(Batch, state.value)) for state in MessageState]
    row = session.execute(select(*sums).where(Batch.campaign_id == campaign_id)).one()
    return {
        state.value: int(count) for state, count in zip(MessageState, row, strict=True) if count
    }


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
    """Keep on record what was done, by whom and why."""
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
