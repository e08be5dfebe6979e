"""Numbers that never arrive: judged from the states of what was sent to them.

Nothing is stored about it but the word of people that a number arrives (``lifts``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func, not_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.unreachable import ENDED, Ended, Lift, Report, Rule, Standing
from dispatcher.masking import PSEUDONYM
from dispatcher.storage import contacts, lifts, pseudonymous
from dispatcher.storage.numbers import LETTER, PEOPLE
from dispatcher.storage.planner import is_one_of
from dispatcher.storage.tables import BATCH, CAMPAIGN, RECIPIENT, REPORT, Reply

_UNDELIVERED: Final = MessageState.UNDELIVERED.letter


def among(session: Session, phones: Collection[str], rule: Rule, now: datetime) -> set[str]:
    """Those of at most 500 numbers (E.164) that are unreachable. Raises as ``names_of``."""
    names = names_of(session, phones)
    return {phone for phone, one in _found(session, names, rule, now).items() if one.left_out}


def standing(session: Session, phone: str, rule: Rule, now: datetime) -> Standing:
    """What is known of a number (E.164). Raises as ``names_of``."""
    [found] = _standings(session, [phone], rule, now, everybody=True)
    return found


def every(session: Session, rule: Rule, now: datetime) -> Iterator[Standing]:
    """Every unreachable number with its reports, in the order of numbers. Reads all messages.

    Who has only a pseudonym is left out: the number is stored no more. Raises as ``names_of``.
    """
    # somebody may have some of the reports under the number, and others under a pseudonym
    least = rule.reports if pseudonymous.current(session) is None else 1
    phones = session.scalars(
        select(RECIPIENT.c.phone)
        .join_from(RECIPIENT, BATCH, BATCH.c.id == RECIPIENT.c.batch_id)
        .join(CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
        .where(
            *_counts(rule, now),
            BATCH.c.undelivered > 0,
            _letter(BATCH.c.states) == _UNDELIVERED,
            not_(RECIPIENT.c.phone.startswith(PSEUDONYM)),
        )
        .group_by(RECIPIENT.c.phone)
        .having(func.count() >= least)
    ).all()
    for some in contacts.strides(phones):
        yield from (one for one in _standings(session, some, rule, now) if one.unreachable)


def names_of(session: Session, phones: Iterable[str]) -> dict[str, str]:
    """Under which names rows may have these numbers: name -> number (E.164).

    Retention replaces people, too, where nobody is erased. Raises as ``pseudonymous.current``.
    """
    known = pseudonymous.current(session)
    return {phone: phone for phone in phones} if known is None else known.names(phones)


@dataclass(frozen=True, slots=True)
class _Found:
    """The undelivered messages of a person in a row, and whether they are enough."""

    row: tuple[Ended, ...]
    left_out: bool
    replied_at: datetime | None
    lift: Lift | None


def _found(
    session: Session,
    names: Mapping[str, str],
    rule: Rule,
    now: datetime,
    *,
    everybody: bool = False,
) -> dict[str, _Found]:
    """Number -> what is known of it, of those that may be unreachable, or of everybody."""
    theirs: dict[str, list[Ended]] = {phone: [] for phone in names.values()}
    for name, ended in _ended(session, names, rule, now):
        theirs[names[name]].append(ended)
    if not everybody:
        theirs = {
            phone: messages
            for phone, messages in theirs.items()
            if rule.leaves_out(rule.in_a_row(messages, None))
        }
        if not theirs:
            return {}
        names = {name: phone for name, phone in names.items() if phone in theirs}
    replied, lifted = _replied(session, names), lifts.of(session, names)
    found = {}
    for phone, messages in theirs.items():
        reply, lift = replied.get(phone), lifted.get(phone)
        signs = [at for at in (reply, lift.at if lift else None) if at is not None]
        row = rule.in_a_row(messages, max(signs, default=None))
        found[phone] = _Found(row, rule.leaves_out(row), reply, lift)
    return found


def _standings(
    session: Session,
    phones: Collection[str],
    rule: Rule,
    now: datetime,
    *,
    everybody: bool = False,
) -> list[Standing]:
    names = names_of(session, phones)
    found = _found(session, names, rule, now, everybody=everybody)
    times = _reported(session, [n for n, phone in names.items() if phone in found])
    return [
        Standing(
            phone=phone,
            unreachable=one.left_out,
            reports=tuple(
                Report(
                    campaign=ended.campaign,
                    left_at=ended.left_at,
                    reported_at=times.get((ended.batch, ended.position)),
                )
                for ended in one.row
            ),
            replied_at=one.replied_at,
            lift=one.lift,
        )
        for phone, one in found.items()
    ]


def _letter(
    states: ColumnElement[str], position: ColumnElement[int] = RECIPIENT.c.position
) -> ColumnElement[str]:
    """The letter of a recipient in a document by position."""
    return func.substr(states, position + 1, 1)


def _counts(rule: Rule, now: datetime) -> list[ColumnElement[bool]]:
    """Conditions: a message that counts."""
    within = [] if rule.within is None else [BATCH.c.sent_at > now - rule.within]
    return [CAMPAIGN.c.test_of.is_(None), BATCH.c.sent_at.is_not(None), *within]


def _ended(
    session: Session, names: Collection[str], rule: Rule, now: datetime
) -> Iterator[tuple[str, Ended]]:
    """The last messages under each of these names of which it is known what became of them.

    The query lists the names, so that it uses their index and reads no other messages.
    """
    newest_first = (BATCH.c.sent_at.desc(), LETTER, BATCH.c.id.desc())
    ended = (
        select(
            PEOPLE.c.phone,
            CAMPAIGN.c.reference,
            BATCH.c.sent_at,
            LETTER.label("letter"),
            BATCH.c.id,
            PEOPLE.c.position,
            func.row_number().over(partition_by=PEOPLE.c.phone, order_by=newest_first).label("n"),
        )
        .join_from(PEOPLE, BATCH, BATCH.c.id == PEOPLE.c.batch_id)
        .join(CAMPAIGN, CAMPAIGN.c.id == BATCH.c.campaign_id)
        .where(
            LETTER.in_([state.letter for state in ENDED]),
            *_counts(rule, now),
        )
        .subquery()
    )
    newest = select(ended).where(ended.c.n <= rule.campaigns)
    for row in session.execute(newest, {"names": list(names)}):
        state = MessageState.of(row.letter)
        yield row.phone, Ended(row.reference, row.sent_at, state, row.id, row.position)


def _replied(session: Session, names: Mapping[str, str]) -> dict[str, datetime]:
    """When each of these people replied last; numbers, by the names that rows may have."""
    query = select(Reply.phone, func.max(Reply.received_at)).where(is_one_of(Reply.phone, names))
    last: dict[str, datetime] = {}
    for name, at in session.execute(query.group_by(Reply.phone)):
        last[names[name]] = max(at, last.get(names[name], at))
    return last


def _reported(session: Session, names: Collection[str]) -> dict[tuple[int, int], datetime]:
    """When it was reported of each message under these names that it was not delivered."""
    at = func.max(REPORT.c.at)
    rows = session.execute(
        select(PEOPLE.c.batch_id, PEOPLE.c.position, at)
        .join_from(PEOPLE, REPORT, REPORT.c.batch_id == PEOPLE.c.batch_id)
        .where(_letter(REPORT.c.states, PEOPLE.c.position) == _UNDELIVERED)
        .group_by(PEOPLE.c.batch_id, PEOPLE.c.position),
        {"names": names},
    )
    return {(batch, position): when for batch, position, when in rows}
