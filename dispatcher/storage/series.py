"""Series and their occurrences: read as values, changed by guarded UPDATEs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, Update, bindparam, case, func, insert, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns import series as values
from dispatcher.campaigns.draft import read_options
from dispatcher.campaigns.series import Occurrence, Series
from dispatcher.campaigns.states import Missed, OccurrenceState, SeriesState
from dispatcher.errors import IllegalMove, NotFound
from dispatcher.storage import tables
from dispatcher.storage.series_approval import approval_of
from dispatcher.storage.tables import LARGEST_ID
from dispatcher.storage.values import value_of

_Row = tables.Series
_Past = tables.Occurrence

#: an occurrence is to be looked at ``now``: the least of an index
ANY_IS_DUE = select(func.min(_Row.due_at)).scalar_subquery() <= bindparam(
    "now", type_=tables.UtcDateTime
)


def add(session: Session, **columns: Any) -> int:
    """Store a series and return its id. Raises Conflict if its name exists."""
    row = _Row(state=SeriesState.RUNNING, version=1, problem="", **columns)
    session.add(row)
    session.flush()
    return row.id


def find(session: Session, name: int | str, account: str | None = None) -> Series:
    """The series by its id (int) or its name (str). Raises NotFound."""
    if isinstance(name, int):
        possible, by = abs(name) <= LARGEST_ID, _Row.id == name
    else:
        possible, by = name.isprintable(), _Row.name == name
    row = session.scalar(_of(account).where(by)) if possible else None
    if row is None:
        raise NotFound(f"no series {name!r}")
    return _value(row)


def latest(session: Session, limit: int, account: str | None = None) -> tuple[Series, ...]:
    """The series: those that end never before those that have, by their next occurrence."""
    ended = case((_Row.next_at.is_(None), 1), else_=0)
    query = _of(account).order_by(ended, _Row.next_at, _Row.id).limit(limit)
    return tuple(map(_value, session.scalars(query)))


def blocked(session: Session, account: str | None = None) -> tuple[Series, ...]:
    """The series whose next occurrence could not be made yet."""
    query = _of(account).where(_Row.problem != "").order_by(_Row.next_at, _Row.id)
    return tuple(map(_value, session.scalars(query)))


def due_ids(
    session: Session, now: datetime, most: int, account: str | None = None
) -> Sequence[int]:
    """The series whose next occurrence is to be looked at now, the one due longest first."""
    query = _of(account).where(_Row.due_at <= now).order_by(_Row.due_at, _Row.id).limit(most)
    return session.scalars(query.with_only_columns(_Row.id)).all()


def skip_restored(session: Session, now: datetime) -> int:
    """Skip what may have been made after the backup that was restored; returns how many."""
    skipped = 0
    why = "the database was restored: it may have left after the backup"
    for row in session.scalars(_of(None).where(_Row.next_at.is_not(None))).all():
        series = _value(row)
        while series.next_at is not None and series.next_at - series.lead <= now:
            settle(session, series, OccurrenceState.SKIPPED, now=now, late=True, reason=why)
            skipped += 1
            series = find(session, series.id)
    return skipped


def lease(session: Session, series: Series, until: datetime) -> bool:
    """Let no other worker look at it until then; False if one does already."""
    return _changed(session, _as_it_was(series).values(due_at=until))


def look_again(session: Session, series: Series, at: datetime) -> None:
    """Look at its next occurrence at ``at``, whoever has leased it."""
    session.execute(_as_it_was(series, leased=True).values(due_at=at))


def block(session: Session, series: Series, problem: str, now: datetime, again: datetime) -> bool:
    """Note why the next occurrence cannot be made yet; it is tried ``again`` then. True if new."""
    mine = _as_it_was(series, leased=True)
    new = _changed(
        session,
        mine.where(_Row.problem == "").values(problem=problem, problem_at=now, due_at=again),
    )
    if not new:
        session.execute(mine.values(problem=problem, due_at=again))
    return new


def settle(
    session: Session,
    series: Series,
    state: OccurrenceState,
    *,
    now: datetime,
    late: bool = False,
    reason: str = "",
    campaign_id: int | None = None,
) -> bool:
    """Write what became of the next occurrence, and move on to the one behind it.

    False if a person or another worker has changed the series since it was read: then nothing is
    written, and whatever was made for it must be rolled back.
    """
    at = series.next_at
    if at is None:
        return False
    following = series.following(at)
    ends = {} if following else {"state": SeriesState.ENDED}
    moved = _as_it_was(series, leased=True).values(
        next_at=following,
        due_at=series.looks_at(following),
        problem="",
        problem_at=None,
        **ends,
    )
    if not _changed(session, moved):
        return False
    session.execute(
        insert(_Past).values(
            series_id=series.id,
            at=at,
            reference=series.reference(at),
            state=state,
            decided_at=now,
            late=late,
            reason=reason,
            campaign_id=campaign_id,
        )
    )
    return True


def change(session: Session, series: Series, *, by: str, now: datetime, **columns: Any) -> None:
    """Change a series, which becomes its next version. Raises IllegalMove if it was changed."""
    if "next_at" not in columns and series.next_at is not None:
        # whoever has leased it looks again: an occurrence is made of the newest version alone
        columns.setdefault("due_at", series.looks_at(series.next_at))
    changed = (
        update(_Row)
        .where(_Row.id == series.id, _Row.version == series.version, _Row.state == series.state)
        .where(_next_is(series))
        .values(version=_Row.version + 1, changed_by=by, changed_at=now, **columns)
    )
    if not _changed(session, changed):
        raise IllegalMove(f"series {series.name!r} was changed meanwhile: look at it again")


def occurrences(session: Session, series_id: int, limit: int) -> tuple[Occurrence, ...]:
    """What became of occurrences, the last one first; a draft may be a campaign by now."""
    query = (
        select(_Past, tables.Campaign.id)
        .outerjoin(tables.Campaign, tables.Campaign.reference == _Past.reference)
        .where(_Past.series_id == series_id)
        .order_by(_Past.at.desc())
        .limit(limit)
    )
    return tuple(
        value_of(
            Occurrence,
            row,
            state=OccurrenceState(row.state),
            campaign=row.campaign_id or (found if row.state == OccurrenceState.HANDED_IN else None),
        )
        for row, found in session.execute(query)
    )


def last_made(session: Session, series_id: int) -> Occurrence | None:
    """The last occurrence that became a campaign or a draft; None if there was none."""
    made = select(_Past).where(_Past.series_id == series_id, _Past.state != OccurrenceState.SKIPPED)
    if (row := session.scalar(made.order_by(_Past.at.desc()).limit(1))) is None:
        return None
    return value_of(Occurrence, row, state=OccurrenceState(row.state), campaign=row.campaign_id)


def last_at(session: Session, series_id: int) -> datetime | None:
    """The start of the last occurrence that was made or skipped; None if there was none."""
    query = select(_Past.at).where(_Past.series_id == series_id).order_by(_Past.at.desc()).limit(1)
    return session.scalar(query)


def _as_it_was(series: Series, *, leased: bool = False) -> Update:
    """An UPDATE of the series if it still is as it was read."""
    query = update(_Row).where(
        _Row.id == series.id, _Row.version == series.version, _Row.state == series.state
    )
    query = query.where(_next_is(series))
    return query if leased else query.where(_Row.due_at == series.due_at)


def _next_is(series: Series) -> Any:
    return _Row.next_at.is_(None) if series.next_at is None else _Row.next_at == series.next_at


def _changed(session: Session, statement: Update) -> bool:
    return session.execute(statement.returning(_Row.id)).one_or_none() is not None


def _of(account: str | None) -> Select[Any]:
    query = select(_Row).execution_options(populate_existing=True)
    return query if account is None else query.where(_Row.account == account)


def _value(row: tables.Series) -> Series:
    return value_of(
        values.Series,
        row,
        state=SeriesState(row.state),
        options=read_options(row.options),
        reading=json.loads(row.reading),
        lead=timedelta(seconds=row.lead),
        lasts=None if row.lasts is None else timedelta(seconds=row.lasts),
        missed=Missed(row.missed),
        writers=tuple(json.loads(row.writers)),
        approval=approval_of(row),
    )
