"""What of a batch has a cost that the gateway named, and what may still be charged.

It is counted by messages: an answer may name the cost of some, and a tag prove the others, of which
it names none.
"""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import ColumnElement, case, func, or_

from dispatcher.campaigns.states import BatchState
from dispatcher.storage.tables import BATCH, in_state

_TEXTED = BATCH.c.sent + BATCH.c.delivered + BATCH.c.undelivered + BATCH.c.unreported


def told() -> ColumnElement[int]:
    """Of how many messages the cost is named.

    In a batch of an earlier version a cost is of all that were sent.
    """
    return func.coalesce(BATCH.c.told, case((BATCH.c.cost > Decimal(0), sent()), else_=0))


def told_of_sent() -> ColumnElement[int]:
    """The same of those that are known to have left: the others go again, for their own cost."""
    return _at_most(told(), _TEXTED + BATCH.c.copies)


def sent() -> ColumnElement[int]:
    """How many messages of a batch were sent; the gateway holds some of them until their hour."""
    held = case((in_state(BatchState.HANDED_OVER), BATCH.c.pending), else_=0)
    return held + _TEXTED


def charged() -> ColumnElement[int]:
    """How many messages of a batch are charged at a cost that the gateway named."""
    # an earlier attempt may have a cost, and nobody knows yet whether the next one is the only one
    goes = or_(in_state(BatchState.PENDING), in_state(BatchState.SENDING))
    return case((goes, told_of_sent()), else_=_at_most(told(), _all()))


def reserved() -> ColumnElement[int]:
    """How many messages of a batch may still be charged: to go, in doubt, or at an unknown cost."""
    return _all() - charged()


def untold() -> ColumnElement[int]:
    """How many messages of a batch left at a cost that the gateway did not name."""
    left = sent() + BATCH.c.copies
    return left - _at_most(told(), left)


def _all() -> ColumnElement[int]:
    """All that have left or may leave, those that left twice twice."""
    to_go = case((in_state(BatchState.HANDED_OVER), 0), else_=BATCH.c.pending)
    return to_go + sent() + BATCH.c.copies


def _at_most(count: ColumnElement[int], most: ColumnElement[int]) -> ColumnElement[int]:
    return case((count > most, most), else_=count)
