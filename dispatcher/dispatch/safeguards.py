"""Checks of clock, schema and database before a worker does anything."""

from __future__ import annotations

from datetime import timedelta

from dispatcher.dispatch.context import Context
from dispatcher.errors import StorageError
from dispatcher.storage import identity, pseudonymous, schema

#: with the database's clock further away than this, nobody can tell whether the window is open
MOST_SKEW = timedelta(seconds=30)


def check(context: Context) -> None:
    """Raise StorageError, with the reason, if this process must not work with the database.

    A host whose clock is days ahead would expire campaigns, give up reports and delete history
    that are not due. A worker of another version writes what the tables do not expect. Batches
    of a restored database may have left already.
    """
    check_clock(context)
    with context.database.read() as session:
        objection = schema.objection(session)
        pseudonymous.current(session)  # with another key it could not recognise erased people
    if objection := objection or identity.objection(context.database):
        raise StorageError(objection)


def check_clock(context: Context) -> None:
    """Raise StorageError if this clock and the database's differ by more than ``MOST_SKEW``."""
    skew = context.clock_skew()
    if skew > MOST_SKEW:
        raise StorageError(f"nothing is done: this clock and the database's differ by {skew}")
