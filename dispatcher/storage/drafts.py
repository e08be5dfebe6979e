"""Drafts: read as values, and moved by one guarded UPDATE that names the version it changes."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, or_, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.draft import Draft, draft_sources, read_options, stored_json
from dispatcher.campaigns.states import DraftState
from dispatcher.campaigns.wording import counted
from dispatcher.errors import DraftChanged, IllegalMove, NotFound
from dispatcher.storage import actions, erased_texts, tables, testers
from dispatcher.storage.tables import LARGEST_ID, DraftRow
from dispatcher.storage.values import value_of

_Row = tables.Draft
#: what is left of a plan once anything of the draft has changed
NO_PLAN: dict[str, Any] = {
    "state": DraftState.DRAFT,
    "plan": None,
    "fingerprint": None,
    "basis": "{}",
    "handed_in_by": None,
    "handed_in_at": None,
}


def add(session: Session, **values: Any) -> int:
    """Store a draft and return its id. Raises Conflict if its reference exists."""
    row = _Row(state=DraftState.DRAFT, version=1, **values)
    session.add(row)
    session.flush()
    return row.id


def find(session: Session, reference: int | str, account: str | None = None) -> Draft:
    """The draft by its id (int) or its reference (str). Raises NotFound."""
    draft = known(session, reference, account)
    if draft is None:
        raise NotFound(f"no draft {reference!r}")
    return draft


def known(session: Session, reference: int | str, account: str | None = None) -> Draft | None:
    """The same; None if there is none of one ``account``, or of all."""
    by: ColumnElement[bool]
    if isinstance(reference, int):
        possible, by = abs(reference) <= LARGEST_ID, _Row.id == reference
    else:
        possible = reference.isprintable()  # drivers raise for values that no row can hold
        by = _Row.reference == reference
        if possible:
            by = or_(by, _Row.reference.in_(erased_texts.references(session, reference)))
    row = session.scalar(_of(account).where(by).limit(1)) if possible else None
    return None if row is None else _value(row)


def latest(
    session: Session, limit: int, account: str | None, states: Collection[DraftState]
) -> tuple[Draft, ...]:
    """The drafts in these ``states``, the one that was changed last first."""
    query = _of(account).where(_Row.state.in_(states))
    query = query.order_by(_Row.changed_at.desc(), _Row.id.desc()).limit(limit)
    return tuple(_value(row) for row in session.scalars(query))


def change(
    session: Session, draft: Draft, target: DraftState, *, by: str, now: datetime, **values: Any
) -> None:
    """Move a draft to ``target`` and its next version, and set ``values``.

    Raises DraftChanged if it is not the version of ``draft`` any more, IllegalMove, NotFound.
    """
    _check(draft, target)
    moved = session.execute(
        update(_Row)
        .where(
            _Row.id == draft.id,
            _Row.version == draft.version,
            _Row.state.in_(draft_sources(target)),
        )
        .values(state=target, version=_Row.version + 1, changed_by=by, changed_at=now, **values)
        .returning(_Row.id)
    )
    if moved.one_or_none() is None:
        session.expire_all()
        check_version(find(session, draft.id), draft.version)
        raise IllegalMove(f"draft {draft.reference!r} cannot be changed now")


def check_version(draft: Draft, version: int) -> None:
    """Raise DraftChanged unless the draft is this version."""
    if draft.version != version:
        raise DraftChanged(draft.reference, draft.version, draft.changed_by, draft.changed_at)


def remove(session: Session, draft: Draft) -> None:
    """Delete a draft and its list. Raises IllegalMove once it was submitted, DraftChanged."""
    _check(draft, DraftState.DRAFT)
    gone = session.execute(
        delete(_Row)
        .where(_Row.id == draft.id, _Row.version == draft.version, _Row.campaign_id.is_(None))
        .returning(_Row.id)
    )
    if gone.one_or_none() is None:
        session.expire_all()
        check_version(find(session, draft.id), draft.version)
        raise IllegalMove(f"draft {draft.reference!r} was submitted")
    _forget(session, [draft.id], [draft.reference])


def _forget(session: Session, ids: Sequence[int], references: Sequence[str]) -> None:
    """Delete the lists of drafts, and what their tests said of people in them."""
    session.execute(delete(DraftRow).where(DraftRow.draft_id.in_(ids)))
    testers.forget(session, tables.Campaign.test_of.in_(references))


def void(session: Session, ids: Sequence[int], why: str, *, by: str, now: datetime) -> None:
    """Lead drafts back to the beginning, because something outside of them has changed them."""
    session.execute(
        update(_Row)
        .where(_Row.id.in_(ids), _Row.campaign_id.is_(None))
        .values(
            NO_PLAN
            | {
                "version": _Row.version + 1,
                "changes": stored_json([why]),
                "changed_by": by,
                "changed_at": now,
            }
        )
    )


def prune(session: Session, before: datetime, most: int, now: datetime) -> int:
    """Delete at most so many drafts, with their lists, that nobody has changed since then.

    The record of actions says how many.
    """
    some = (
        select(_Row.id, _Row.reference)
        .where(_Row.changed_at < before)
        .order_by(_Row.changed_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    old = session.execute(some).all()
    if old:
        ids = [row.id for row in old]
        _forget(session, ids, [row.reference for row in old])
        session.execute(delete(_Row).where(_Row.id.in_(ids)))
        days = counted((now - before).days, "day")
        what = f"{counted(len(ids), 'draft')} deleted that nobody has changed for {days}"
        actions.note(session, None, verb="retention", actor="dispatcher", now=now, reason=what)
    return len(old)


def _check(draft: Draft, target: DraftState) -> None:
    if draft.state not in draft_sources(target):
        raise IllegalMove(_refusal(draft, target))


def _refusal(draft: Draft, target: DraftState) -> str:
    """Why a draft cannot move there, and what to do."""
    name = f"draft {draft.reference!r}"
    match draft.state, target:
        case DraftState.SUBMITTED, _:
            return f"{name} was submitted: it is campaign {draft.campaign}"
        case DraftState.DRAFT, _:
            return f"{name} has no plan: plan it first"
        case DraftState.HANDED_IN, _:
            return f"{name} is handed in: take it back first"
        case _:
            return f"{name} is not handed in: its writers hand it in first"


def _of(account: str | None) -> Select[Any]:
    query = select(_Row).execution_options(populate_existing=True)
    return query if account is None else query.where(_Row.account == account)


def _value(row: tables.Draft) -> Draft:
    return value_of(
        Draft,
        row,
        state=DraftState(row.state),
        options=read_options(row.options),
        columns=tuple(json.loads(row.columns)),
        writers=tuple(json.loads(row.writers)),
        plan=row.plan and json.loads(row.plan),
        basis=json.loads(row.basis),
        changes=tuple(json.loads(row.changes)),
        campaign=row.campaign_id,
    )
