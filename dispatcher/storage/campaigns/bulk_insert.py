"""The people of batches on their way into their table, a stride of batches at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import LARGEST_BATCH, PlannedBatch
from dispatcher.storage.tables import Recipient

_TABLE = Recipient.__tablename__
_COPY = f"COPY {_TABLE} (batch_id, position, phone, fields) FROM STDIN"
_INSERT = f"INSERT INTO {_TABLE} (batch_id, position, phone, fields) VALUES (?, ?, ?, ?)"  # noqa: S608
#: how COPY spells null
_NULL = "\\N"
#: what stands between the id of a batch and a number
_SEPARATORS = tuple(f"\t{position}\t" for position in range(LARGEST_BATCH))


class Load(Protocol):
    """Stores people. Any other statement of the transaction waits for ``settle``."""

    def add(self, ids: Sequence[int], batches: Sequence[PlannedBatch]) -> None:
        """Store the people of batches with these ids."""

    def settle(self) -> None:
        """Return when all that was added is stored."""


@contextmanager
def load(session: Session) -> Iterator[Load]:
    """What stores people in the quickest way that the database has; settled at the end.

    An ORM object or a bound statement per recipient costs 4 to 50 times as much.
    """
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        yield _Inserts(connection)
        return
    copies = _Copies(connection)
    try:
        yield copies
    except BaseException:
        # what went wrong comes first, and must not be told to the server, as psycopg would
        with suppress(DBAPIError):
            copies.settle()
        raise
    copies.settle()


class _Inserts:
    """One statement for many rows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, ids: Sequence[int], batches: Sequence[PlannedBatch]) -> None:
        rows = [
            (batch_id, position, phone, fields)
            for batch_id, batch in zip(ids, batches, strict=True)
            for position, (phone, fields) in enumerate(batch.messages)
        ]
        self._connection.exec_driver_sql(_INSERT, rows)

    def settle(self) -> None:
        pass


class _Copies:
    """A COPY for each stride, left open until the next: meanwhile the server takes it in.

    It is short, so that its statement's time does not run out while a long list is read.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # kept, for one that is lost cannot be asked for again
        self._driver = connection.connection.driver_connection
        self._open = ExitStack()

    def add(self, ids: Sequence[int], batches: Sequence[PlannedBatch]) -> None:
        assert self._driver is not None  # noqa: S101 - for the type checker
        with self._errors():
            cursor = self._open.enter_context(self._driver.cursor())
            copy = self._open.enter_context(cursor.copy(_COPY))
            for batch_id, batch in zip(ids, batches, strict=True):
                copy.write(_as_text(batch_id, batch))

    def settle(self) -> None:
        with self._errors():
            self._open.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn what the driver raises into what SQLAlchemy raises."""
        dialect = self._connection.dialect
        driver_error = dialect.loaded_dbapi.Error
        try:
            yield
        except driver_error as error:
            lost = dialect.is_disconnect(error, self._driver, None)
            if lost:
                self._connection.invalidate()
            raise DBAPIError.instance(
                _COPY,
                None,
                error,
                driver_error,
                hide_parameters=True,
                connection_invalidated=lost,
                dialect=dialect,
            ) from None


def _as_text(batch_id: int, batch: PlannedBatch) -> str:
    """The rows of a batch as COPY reads them: JSON holds no tab and no line break."""
    text = _lines(batch_id, batch.messages)
    if "\\" in text and any(fields and "\\" in fields for _, fields in batch.messages):
        escaped = [
            (phone, fields and fields.replace("\\", "\\\\")) for phone, fields in batch.messages
        ]
        return _lines(batch_id, escaped)
    return text


def _lines(batch_id: int, messages: Sequence[tuple[str, str | None]]) -> str:
    separators = _SEPARATORS[: len(messages)]
    rows = [
        f"{batch_id}{separator}{phone}\t{fields or _NULL}\n"
        for separator, (phone, fields) in zip(separators, messages, strict=True)
    ]
    return "".join(rows)
