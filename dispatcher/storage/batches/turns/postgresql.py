"""A turn on PostgreSQL: one statement, which commits itself.

It selects rows by their keys, locks them, and judges them as they are then: a filter on the state
would scan an index of all that waits, and would not see what was committed while it waited. A
pause or an opt-out waits for the turn, or the turn sees it.

It waits for the version of the opt-out list alone, and holds no row then. Of all other rows those
that somebody has locked are left alone (``SKIP LOCKED``): such a batch is not armed, and such an
outcome not stored. So no turn keeps anybody waiting for a third, and no deadlock has a turn in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import func, null, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.turn import Arming, Ending, Terms, Turned
from dispatcher.storage import identity
from dispatcher.storage.batches.turns import arming, ending
from dispatcher.storage.obstacles import DOUBTS, DOUBTS_OF
from dispatcher.storage.statement import Statement


def turn(session: Session, arms: Sequence[Arming], ends: Sequence[Ending], terms: Terms) -> Turned:
    """Store the outcomes, and arm whom every condition allows."""
    params: dict[str, Any] = {"now": terms.now}
    asked = (False, False)
    if arms:
        server = identity.admitted_server(session)
        params |= arming.asked_by(arms, terms, server.which)
        asked = (server.system, server.timeline)
    if ends:
        params |= ending.told_by(ends)
    paced = any(arm.step is not None for arm in arms)
    row = _statement(bool(arms), bool(ends), terms.apart, paced, *asked).one(session, params)
    return Turned(frozenset(row.begun or ()), frozenset(row.ended or ()))


@cache
def _statement(
    arms: bool, ends: bool, apart: bool, paced: bool, system: bool, timeline: bool
) -> Statement:
    version = arming.version()
    same = identity.is_admitted(system=system, timeline=timeline)
    begun = arming.begun(version, DOUBTS_OF if apart else DOUBTS, same, paced=paced)
    ended = ending.ended(version if arms else None)
    tags_begun = select(func.array_agg(begun.c.tag)).scalar_subquery() if arms else null()
    tags_ended = select(func.array_agg(ended.c.tag)).scalar_subquery() if ends else null()
    return Statement(select(tags_begun.label("begun"), tags_ended.label("ended")))
