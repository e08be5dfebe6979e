"""A turn on PostgreSQL: one statement, which commits itself.

It selects rows by their keys, locks them, and judges them as they are then: a filter on the state
would scan an index of all that waits, and would not see what was committed while it waited. A
pause or an opt-out waits for the turn, or the turn sees it.

Rows are locked in this order: campaigns by id, batches of outcomes by id, batches to arm by id,
version of the opt-out list. Each SELECT counts the rows of the one before, which PostgreSQL
therefore locks first. Batches to arm that others have locked are skipped, so that a turn waits for
no row while it holds one that others may want. The version is the last, so that no opt-out waits
while the turn waits for another row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, func, null, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.turn import Arming, Ending, Terms, Turned
from dispatcher.storage.batches.due import DOUBTS, DOUBTS_OF
from dispatcher.storage.batches.turns import arming, ending


def turn(session: Session, arms: Sequence[Arming], ends: Sequence[Ending], terms: Terms) -> Turned:
    """Store the outcomes, and arm whom every condition allows."""
    params: dict[str, Any] = {"now": terms.now}
    if arms:
        params |= arming.asked_by(arms, terms)
    if ends:
        params |= ending.told_by(ends)
    armed, ended = session.execute(_statement(bool(arms), bool(ends), terms.apart), params).one()
    return Turned(frozenset(armed or ()), frozenset(ended or ()))


# to build a statement takes longer than to run it
@cache
def _statement(arms: bool, ends: bool, apart: bool) -> Select[Any]:
    running = arming.running()
    held = ending.held(running if arms else None)
    begun = arming.begun(running, held if ends else running, DOUBTS_OF if apart else DOUBTS)
    ended = ending.ended(held)
    return select(
        select(func.array_agg(begun.c.tag)).scalar_subquery() if arms else null(),
        select(func.array_agg(ended.c.tag)).scalar_subquery() if ends else null(),
    )
