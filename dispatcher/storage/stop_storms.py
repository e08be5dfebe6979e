"""Opt-outs that the webhooks took for numbers that were never texted.

The gateway posts STOPs to all that an account sends, so some are right. Many of them are a
forged or mistaken webhook: an alarm, and a person takes back the opt-outs of one source and time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.orm import Session

from dispatcher.storage import events, meta, opt_out_history, opt_outs, pseudonymous
from dispatcher.storage.numbers import PEOPLE
from dispatcher.storage.tables import Batch, OptOut, Recipient

#: the time within which they are counted; one storm is one event within it
WITHIN: Final = timedelta(hours=24)
_RAISED = "stop_storm_at"
_BACK = "taken back as a whole"
_STRIDE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """How many opt-outs were taken back, and how many were left in place.

    ``confirmed`` have come from another source, too; ``texted`` answered a text of ours.
    """

    removed: int
    confirmed: int
    texted: int


def untexted(session: Session, now: datetime, *, most: int = 100_000) -> int:
    """How many such opt-outs, at ``most``, the webhooks took lately; confirmed ones left out."""
    some = select(OptOut.id).where(
        OptOut.source == opt_outs.ANSWERED,
        OptOut.created_at > now - WITHIN,
        opt_outs.LISTED,
        ~_texted(),
        ~opt_out_history.confirmed(),
    )
    return session.scalar(select(func.count()).select_from(some.limit(most).subquery())) or 0


def note(session: Session, now: datetime, limit: int) -> bool:
    """Record a storm as an event, once, when there are ``limit`` of them; 0 never does."""
    if not limit or not meta.is_time(session, _RAISED, now, WITHIN):
        return False
    if (count := untexted(session, now, most=limit)) < limit:
        return False
    meta.put(session, _RAISED, now.isoformat())
    events.add(session, "stop_storm", now=now, counts={"opt_outs": count})
    return True


def take_back(
    session: Session,
    *,
    source: str,
    since: datetime,
    until: datetime,
    reason: str,
    actor: str,
    now: datetime,
    dry_run: bool = False,
) -> TakenBack:
    """Remove the opt-outs that came from ``source`` from ``since`` on and before ``until``.

    Those with other evidence stay: another source, or a text of ours that they may have answered.
    Erased ones stay, too: nobody knows their numbers. ``dry_run`` only counts.
    """
    those = (
        OptOut.source == source,
        OptOut.created_at >= since,
        OptOut.created_at < until,
        opt_outs.LISTED,
    )
    confirmed = opt_out_history.confirmed()
    counted = (*those, confirmed), (*those, ~confirmed, _texted())
    left = [session.scalar(select(func.count(OptOut.id)).where(*each)) or 0 for each in counted]
    wrong = (*those, ~confirmed, ~_texted())
    found = session.execute(select(OptOut.id, OptOut.phone).where(*wrong).order_by(OptOut.id)).all()
    before = _texted_before(session, [row.phone for row in found if row.phone])
    ids = [row.id for row in found if row.phone not in before]
    for start in range(0, 0 if dry_run else len(ids), _STRIDE):
        gone = delete(OptOut).where(OptOut.id.in_(ids[start : start + _STRIDE]), *wrong)
        phones = session.scalars(gone.returning(OptOut.phone)).all()
        opt_out_history.record(
            session, phones, "remove", source=_BACK, reason=reason, actor=actor, now=now
        )
    if ids and not dry_run:
        opt_outs.change_version(session)
    return TakenBack(removed=len(ids), confirmed=left[0], texted=left[1] + len(before))


def _texted() -> ColumnElement[bool]:
    """Whether an opt-out is of a number that a batch has texted."""
    # not every column: the role of webhooks may not read a recipient's fields
    return exists(Recipient.batch_id).where(
        Recipient.phone == OptOut.phone,
        Batch.id == Recipient.batch_id,
        Batch.sent_at.is_not(None),
    )


def _texted_before(session: Session, phones: Sequence[str]) -> set[str]:
    """Those of these numbers (E.164) that a batch has texted whose recipients are replaced."""
    if (pseudonyms := pseudonymous.current(session)) is None:
        return set()
    texted: set[str] = set()
    for start in range(0, len(phones), _STRIDE):
        names = pseudonyms.names(phones[start : start + _STRIDE])
        sent = select(PEOPLE.c.phone).join_from(PEOPLE, Batch, Batch.id == PEOPLE.c.batch_id)
        known = sent.where(Batch.sent_at.is_not(None)).distinct()
        texted.update(names[name] for name in session.scalars(known, {"names": names}))
    return texted
