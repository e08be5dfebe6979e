"""What a driver's error says, without a value of a row: it may be a phone number."""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
)

#: what the sentence of a database begins with that does not answer or refuses
CANNOT_BE_USED: Final = "the database cannot be used: "


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
