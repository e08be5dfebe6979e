"""What became of people in other campaigns, and which campaigns a campaign names.

A batch of a campaign that names none asks nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.evidence import UNSENT
from dispatcher.campaigns.evidence import read as read_positions
from dispatcher.campaigns.others import Found, Other, Rule, may_return, read
from dispatcher.campaigns.states import BatchState, CampaignState, MessageState
from dispatcher.storage import pseudonymous
from dispatcher.storage.numbers import LETTER, PEOPLE
from dispatcher.storage.planner import is_one_of
from dispatcher.storage.tables import ATTEMPT, BATCH, CAMPAIGN, Reply

#: states that an attempt of unknown outcome may contradict
_NOT_TEXTED: Final = frozenset(
    {
        MessageState.REJECTED,
        MessageState.OPTED_OUT,
        MessageState.WITHDRAWN,
        MessageState.LEFT_OUT,
        MessageState.EXPIRED,
        MessageState.CANCELLED,
    }
)
_ROWS: Final = (
    select(
        PEOPLE.c.phone,
        PEOPLE.c.position,
        BATCH.c.id,
        BATCH.c.campaign_id,
        BATCH.c.state,
        BATCH.c.attempt,
        BATCH.c.sent_at,
        LETTER.label("letter"),
        CAMPAIGN.c.state.label("campaign_state"),
        func.coalesce(BATCH.c.leaves_at, BATCH.c.not_before).label("leaves"),
    )
    .join_from(PEOPLE, BATCH, BATCH.c.id == PEOPLE.c.batch_id)
    .join(CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
    .where(BATCH.c.campaign_id.in_(bindparam("campaigns", expanding=True)))
)


def find(
    session: Session, phones: Collection[str], others: Sequence[Other]
) -> dict[tuple[str, int], Found]:
    """What became of these numbers (E.164) in other campaigns, by number and campaign.

    The query lists the numbers, as that of the weekly cap does, with the pseudonyms that retention
    or an erasure put in their place. Raises StorageError if a key of them is lost.
    """
    if not others or not phones:
        return {}
    names, rows = _read(session, phones, sorted({one.campaign for one in others}))
    lost = _unknown(session, [row for row in rows if _may_contradict(row)])
    silent = {one.campaign for one in others if one.rule is Rule.SILENT}
    answers = _answers(session, [row.phone for row in rows if row.campaign_id in silent])
    found: dict[tuple[str, int], Found] = {}
    for row in rows:
        state = MessageState.of(row.letter)
        given_up = state is MessageState.UNREPORTED and row.state == BatchState.FAILED
        found[names[row.phone], row.campaign_id] = Found(
            state,
            unsure=given_up
            or may_return(state, CampaignState(row.campaign_state))
            or (row.id, row.position) in lost,
            answered=any(
                campaign == row.campaign_id
                or (campaign is None and (row.sent_at is None or at >= row.sent_at))
                for campaign, at in answers.get(row.phone, ())
            ),
            leaves_at=None if row.campaign_state == CampaignState.PAUSED else row.leaves,
        )
    return found


def _read(
    session: Session, phones: Collection[str], campaigns: Sequence[int]
) -> tuple[dict[str, str], Sequence[Any]]:
    """Name -> number of these people, and the rows of those whom the campaigns have.

    Read again if a key came into use meanwhile: on PostgreSQL each query has its own snapshot, so
    that the rows may have pseudonyms that the names lack.
    """
    while True:
        keys = pseudonymous.needed(session)
        names = pseudonymous.all_names(session, keys, phones)
        rows = session.execute(_ROWS, {"names": list(names), "campaigns": campaigns}).all()
        if pseudonymous.needed(session) == keys:
            return names, rows


def _may_contradict(row: Any) -> bool:
    return row.attempt > 0 and MessageState.of(row.letter) in _NOT_TEXTED


def _unknown(session: Session, rows: Sequence[Any]) -> set[tuple[int, int]]:
    """Batch and position of those whom an attempt carried that may have been taken."""
    if not rows:
        return set()
    may_be_taken = or_(ATTEMPT.c.outcome.is_(None), ATTEMPT.c.outcome.not_in((*UNSENT, "sent")))
    made = session.execute(
        select(ATTEMPT.c.batch_id, ATTEMPT.c.covers).where(
            ATTEMPT.c.batch_id.in_({row.id for row in rows}), may_be_taken
        )
    )
    carried: dict[int, list[frozenset[int] | None]] = {}
    for batch_id, covers in made:
        whom = None if covers is None else read_positions(covers)[0]
        carried.setdefault(batch_id, []).append(whom)
    return {
        (row.id, row.position)
        for row in rows
        if any(whom is None or row.position in whom for whom in carried.get(row.id, ()))
    }


def _answers(session: Session, names: Sequence[str]) -> dict[str, list[tuple[int | None, Any]]]:
    """Name -> campaign and instant of each reply, of those who have answered anything."""
    found: dict[str, list[tuple[int | None, Any]]] = {}
    if names:
        columns = (Reply.phone, Reply.campaign_id, Reply.received_at)
        for name, campaign, at in session.execute(
            select(*columns).where(is_one_of(Reply.phone, names))
        ):
            found.setdefault(name, []).append((campaign, at))
    return found


# -- which campaigns they are


def nameable(session: Session, account: str, most: int) -> dict[int, str]:
    """Id -> reference of the campaigns that one of this account may name, the newest first."""
    rows = session.execute(
        select(CAMPAIGN.c.id, CAMPAIGN.c.reference)
        .where(CAMPAIGN.c.account == account, CAMPAIGN.c.test_of.is_(None))
        .order_by(CAMPAIGN.c.id.desc())
        .limit(most)
    )
    return dict(map(tuple, rows))


def of_campaigns(session: Session, ids: Iterable[int]) -> dict[int, tuple[Other, ...]]:
    """The campaigns that each of these names, by its id; of those that name any."""
    rows = session.execute(
        select(CAMPAIGN.c.id, CAMPAIGN.c.others).where(
            CAMPAIGN.c.id.in_(list(ids)), CAMPAIGN.c.others.is_not(None)
        )
    )
    return {campaign: read(document) for campaign, document in rows}


def references(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """The references of these campaigns, by id."""
    rows = session.execute(
        select(CAMPAIGN.c.id, CAMPAIGN.c.reference).where(CAMPAIGN.c.id.in_(list(ids)))
    )
    return dict(map(tuple, rows))


def reached(session: Session, first: Iterable[int]) -> Iterator[int]:
    """These campaigns, and all that they name, directly or over others."""
    todo, seen = set(first), set[int]()
    while todo:
        yield from sorted(todo)
        seen |= todo
        named: Mapping[int, tuple[Other, ...]] = of_campaigns(session, todo)
        todo = {one.campaign for those in named.values() for one in those} - seen
