"""What became of people in other campaigns, and which campaigns a campaign names.

A batch of a campaign that names none asks nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.evidence import AttemptEvidence
from dispatcher.campaigns.others import (
    Found,
    Other,
    Rule,
    asks_attempts,
    is_unsure,
    may_return,
    read,
)
from dispatcher.campaigns.states import CampaignState, MessageState
from dispatcher.storage import pseudonymous
from dispatcher.storage.batches import attempts
from dispatcher.storage.numbers import LETTER, PEOPLE
from dispatcher.storage.planner import is_one_of
from dispatcher.storage.tables import ATTEMPT, BATCH, CAMPAIGN, Reply

_ROWS = (
    select(
        PEOPLE.c.phone,
        PEOPLE.c.position,
        BATCH.c.id,
        BATCH.c.campaign_id,
        BATCH.c.size,
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
    rules = {one.campaign: one.rule for one in others}
    names, rows = _read(session, phones, sorted(rules))
    made = _attempts(session, rows, rules)
    silent = [row.phone for row in rows if rules[row.campaign_id] is Rule.SILENT]
    answers = _answers(session, silent)
    found: dict[tuple[str, int], Found] = {}
    for row in rows:
        state = MessageState.of(row.letter)
        found[names[row.phone], row.campaign_id] = Found(
            state,
            unsure=may_return(state, CampaignState(row.campaign_state))
            or is_unsure(state, row.position, made.get(row.id, ())),
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


def _attempts(
    session: Session, rows: Iterable[Any], rules: Mapping[int, Rule]
) -> Mapping[int, Sequence[AttemptEvidence]]:
    """The attempts of each batch in which they may contradict the state of one of these people."""
    sizes = {
        row.id: row.size
        for row in rows
        if row.attempt and asks_attempts(rules[row.campaign_id], MessageState.of(row.letter))
    }
    if not sizes:
        return {}
    return attempts.evidence_of_each(session, ATTEMPT.c.batch_id.in_(sizes), sizes)


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


def reached(session: Session, first: Iterable[int]) -> Iterator[int]:
    """These campaigns, and all that they name, directly or over others."""
    todo, seen = set(first), set[int]()
    while todo:
        yield from sorted(todo)
        seen |= todo
        named: Mapping[int, tuple[Other, ...]] = of_campaigns(session, todo)
        todo = {one.campaign for those in named.values() for one in those} - seen
