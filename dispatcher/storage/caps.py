"""What the caps read from the database: what has left, who was texted lately, and with which text.

What a cap counts is read in the transaction that claims a batch, after the lock, so that on
PostgreSQL the next claim counts this one. SQLite has one writer anyway.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, or_, select, text, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.caps import WEEK, Usage
from dispatcher.campaigns.evidence import UNSENT
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.campaigns.waits import Wait
from dispatcher.storage import pseudonymous, testers
from dispatcher.storage.batches import waits
from dispatcher.storage.locks import in_order
from dispatcher.storage.numbers import LETTER, PEOPLE
from dispatcher.storage.planner import likely
from dispatcher.storage.tables import BATCH, Attempt, Batch, Campaign, in_state
from dispatcher.texts import without_marks

#: outcomes of attempts that texted nobody, as far as is known
_NOBODY = (*UNSENT, "throttled")
#: letters of messages that were received, or may have been
_HAD = [s.letter for s in (MessageState.SENT, MessageState.DELIVERED, MessageState.UNREPORTED)]
_TO_GO = MessageState.PENDING.letter


class Lock(IntEnum):
    """What a transaction may lock, in the order in which it must."""

    #: one text, by its hash, while a campaign that repeats it may be stored
    TEXT = 7_265_378_373
    CAMPAIGN = 7_265_378_374
    #: the caps of the day, and the weekly cap of all recipients
    DAY = 7_265_378_375
    WEEK = 7_265_378_376
    BUDGETS = 7_265_378_377  # with no other


def lock(session: Session, what: Lock, key: int | str = 0) -> None:
    """Take a lock of PostgreSQL until the transaction ends. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        both = hashlib.blake2b(f"{what.value} {key}".encode(), digest_size=8).digest()
        number = int.from_bytes(both, signed=True)
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": number})


def lock_text(session: Session, words: str) -> None:
    """Let no other transaction store a campaign with this text.

    Waits without a limit, because another campaign's list may be long.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL lock_timeout = 0"))
    digest = hashlib.blake2b(folded(words).encode(), digest_size=8).digest()
    lock(session, Lock.TEXT, int.from_bytes(digest))


def left_since(session: Session, at: datetime, account: str | None = None) -> Usage:
    """Messages and euros that have left since ``at``, or may have, through one account or all."""
    since = Attempt.armed_at >= at
    return _usage(session, since if account is None else and_(since, _through(account)))


def _through(account: str) -> ColumnElement[bool]:
    """Condition: the attempt was made through this account."""
    its_batch = Batch.id == Attempt.batch_id
    return exists().where(its_batch, Campaign.id == Batch.campaign_id, Campaign.account == account)


def left_of(session: Session, campaign_id: int) -> Usage:
    """Messages and euros of a campaign that have left, or may have."""
    mine = select(Batch.id).where(Batch.campaign_id == campaign_id)
    return _usage(session, Attempt.batch_id.in_(mine))


def size_of(session: Session, campaign_id: int) -> int:
    """How many recipients a campaign was stored with."""
    size = Campaign.rows - Campaign.duplicates - Campaign.unusable
    return session.scalar(select(size).where(Campaign.id == campaign_id)) or 0


def _usage(session: Session, which: ColumnElement[bool]) -> Usage:
    left = or_(Attempt.outcome.is_(None), Attempt.outcome.not_in(_NOBODY))
    sums = select(func.coalesce(func.sum(Attempt.messages), 0), func.sum(Attempt.cost))
    counted = sums.where(which, left, Attempt.batch_id.not_in(testers.BATCHES))
    messages, euros = session.execute(counted).one()
    return Usage(int(messages), euros or Decimal(0))


# -- the weekly cap


def at_weekly_cap(session: Session, phones: Collection[str], now: datetime, most: int) -> set[str]:
    """Those of these numbers (E.164) that have received ``most`` commercial messages in a week.

    The query lists the numbers: with a join to the batch's rows PostgreSQL would read the messages
    of all recipients.
    """
    names = pseudonymous.names(session, phones)
    rows = session.execute(
        select(PEOPLE.c.phone, func.count())
        .join_from(PEOPLE, Batch, Batch.id == PEOPLE.c.batch_id)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(had(now - WEEK, now + WEEK))
        .group_by(PEOPLE.c.phone),
        {"names": names},
    )
    received = Counter[str]()
    for name, count in rows:
        received[names[name]] += count
    return {phone for phone, count in received.items() if count >= most}


def had(since: datetime, until: datetime) -> ColumnElement[bool]:
    """Condition of ``PEOPLE``: it is commercial, and was or may have been received after ``since``.

    A message that the gateway holds counts if it leaves before ``until``.
    """
    under_way = Batch.state.in_((BatchState.SENDING, BatchState.IN_DOUBT, BatchState.HANDED_OVER))
    held = Batch.state == BatchState.HANDED_OVER
    return and_(
        Campaign.commercial,
        Campaign.test_of.is_(None),
        or_(
            and_(~held, Batch.sent_at > since),
            and_(held, Batch.leaves_at > since, Batch.leaves_at < until),
            Batch.state == BatchState.SENDING,
        ),
        or_(LETTER.in_(_HAD), and_(LETTER == _TO_GO, under_way)),
    )


# -- the same text again


def folded(words: str) -> str:
    """A text without its differences in blanks, capitals and marks, to be compared with another."""
    return " ".join(without_marks(words).split()).casefold()


def same_text(
    session: Session,
    words: str,
    since: datetime,
    *,
    but: int | None = None,
    survey: str | None = None,
) -> dict[int, tuple[str, str]]:
    """Commercial campaigns with this text that had not ended by ``since``.

    Returns id -> (reference, account). Campaigns with a ``survey`` have no text: their survey's
    identifier is compared.
    """
    known = folded(words)
    rows = session.execute(
        select(Campaign.id, Campaign.reference, Campaign.account, Campaign.text)
        .where(
            Campaign.commercial,
            Campaign.test_of.is_(None),
            or_(Campaign.ended_at.is_(None), Campaign.ended_at > since),
            Campaign.survey.is_not_distinct_from(survey),
        )
        .order_by(Campaign.id)
    )
    return {
        row.id: (row.reference, row.account)
        for row in rows
        if row.id != but and folded(row.text) == known
    }


def overlap(
    session: Session,
    phones: Sequence[str],
    campaigns: Collection[int],
    at: datetime,
    within: timedelta,
) -> Counter[int]:
    """How many of these numbers (E.164) each campaign texts less than ``within`` from ``at``."""
    # the campaigns are chosen afterwards: SQLite would read all their batches to find these
    rows = session.execute(
        select(Batch.campaign_id, func.count().label("people"))
        .join_from(PEOPLE, Batch, Batch.id == PEOPLE.c.batch_id)
        .where(
            LETTER.in_([_TO_GO, *_HAD]),
            or_(
                and_(Batch.state != BatchState.HANDED_OVER, Batch.sent_at > at - within),
                Batch.state == BatchState.SENDING,
                and_(
                    Batch.state.in_((BatchState.PENDING, BatchState.HANDED_OVER)),
                    func.coalesce(Batch.leaves_at, Batch.not_before) < at + within,
                ),
            ),
        )
        .group_by(Batch.campaign_id),
        {"names": pseudonymous.names(session, phones)},
    )
    return Counter({row.campaign_id: row.people for row in rows if row.campaign_id in campaigns})


# -- batches that wait for another day

#: condition: a cap holds some batch (parameter ``now``); null if none ever did
ANY_WAITS_FOR_CAP = select(func.max(BATCH.c.cap_until)).where(
    likely(in_state(BatchState.PENDING)), BATCH.c.cap_until.is_not(None)
).scalar_subquery() > bindparam("now", type_=BATCH.c.cap_until.type)


def release(
    session: Session,
    now: datetime,
    reasons: Sequence[str],
    *,
    messages: int,
    segments: int,
    account: str | None = None,
) -> int:
    """Make batches due that a cap of the day holds without need; returns how many.

    A batch of one account, or of all, is due again if the cap that holds it is not in force
    (``reasons`` are of the caps in force), or if the day has room for it: for ``messages`` messages
    and ``segments`` segments.
    """
    fits = and_(Batch.pending <= messages, Batch.segments <= segments)
    mine = select(Campaign.id).where(Campaign.account == account)
    waits_in_vain = and_(
        in_state(BatchState.PENDING),
        Batch.not_before > now,
        Batch.cap_until > now,
        or_(Batch.cap_why.not_in(reasons), fits),
        *([] if account is None else [Batch.campaign_id.in_(mine)]),
    )
    released = session.execute(
        update(Batch)
        .where(in_order(BATCH, waits_in_vain), waits_in_vain)
        .values(waits.changed(Wait.CAP, now, ""))
        .returning(Batch.id)
    )
    return len(released.all())
