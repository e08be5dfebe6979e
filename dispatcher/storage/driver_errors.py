"""Errors of the database, without a value of a row: it may be a phone number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from dispatcher.errors import StorageError

#: PostgreSQL's code of a lock that was not available in time
_LOCK_TIMEOUT: Final = "55P03"
#: what the sentence of a database begins with that does not answer or refuses
CANNOT_BE_USED: Final = "the database cannot be used: "


class Conflict(StorageError):
    """Raised when a change violates a constraint, for instance because another came first."""


class Busy(StorageError):
    """Raised when another transaction holds what this one needs for too long."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of the driver into StorageError, a broken constraint into Conflict.

    A driver's message may quote a row, and so a phone number: only messages about the server or the
    schema are passed on.
    """
    try:
        yield
    except PoolTimeout:
        raise StorageError("every connection to the database is busy") from None
    except IntegrityError as error:
        raise Conflict(f"a database constraint is violated ({constraint(error)})") from None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StorageError("the connection to the database was lost") from None
        busy = getattr(error.orig, "sqlstate", None) == _LOCK_TIMEOUT
        raise (Busy if busy else StorageError)(cause(error)) from None


def constraint(error: IntegrityError) -> str:
    """The name of the constraint, or on SQLite its columns; never a value."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name or diagnosis.column_name or "a constraint"
    return str(error.orig).splitlines()[0]


def cause(error: DBAPIError) -> str:
    """Why the database cannot be used; never quotes a row or a password."""
    reason = type(error.orig).__name__
    about_the_server = isinstance(error, OperationalError | ProgrammingError)
    if about_the_server or type(error) is DatabaseError:  # DatabaseError: the file is no database
        reason = (str(error.orig).strip().splitlines() or [reason])[0]
    return f"{CANNOT_BE_USED}{reason}"
