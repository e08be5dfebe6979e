"""Inserts the recipients of many batches at once: by COPY on PostgreSQL, executemany on SQLite."""

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
# what is null is empty: neither fields nor keys are an empty text
_COPY = f"COPY {_TABLE} (batch_id, position, phone, fields, key, list_row) FROM STDIN (NULL '')"
_INSERT = (
    f"INSERT INTO {_TABLE} (batch_id, position, phone, fields, key, list_row)"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_NONE = (None,) * LARGEST_BATCH
#: what COPY reads between the id of a batch and a number: the position between tabs
_SEPARATORS = tuple(f"\t{position}\t" for position in range(LARGEST_BATCH))


class Load(Protocol):
    """Inserts recipients. Call ``settle`` before any other statement of the transaction."""

    def add(self, ids: Sequence[int], batches: Sequence[PlannedBatch]) -> None:
        """Insert the recipients of batches, which have these ids."""

    def settle(self) -> None:
        """Wait until all that was added is inserted."""


@contextmanager
def load(session: Session) -> Iterator[Load]:
    """The fastest way to insert recipients into this database; settles at the end of the block.

    An ORM object or a bound statement for each recipient takes 4 to 50 times as long.
    """
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        yield _Inserts(connection)
        return
    copies = _Copies(connection)
    try:
        yield copies
    except BaseException:
        # raise the error of the block, and do not send its text to the server, as psycopg would
        with suppress(DBAPIError):
            copies.settle()
        raise
    copies.settle()


class _Inserts:
    """One executemany for each stride."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, ids: Sequence[int], batches: Sequence[PlannedBatch]) -> None:
        rows = [
            (batch_id, position, phone, fields, key, row)
            for batch_id, batch in zip(ids, batches, strict=True)
            for position, ((phone, fields), key, row) in enumerate(
                zip(batch.messages, batch.keys or _NONE, batch.rows or _NONE)  # noqa: B905 - as many, or none
            )
        ]
        self._connection.exec_driver_sql(_INSERT, rows)

    def settle(self) -> None:
        pass


class _Copies:
    """One COPY for each stride, open until the next stride, so that the server works meanwhile.

    One COPY for the whole list would exceed the statement timeout while a long list is read.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # stored here, because SQLAlchemy does not return a connection that is lost
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
        """Turn errors of the driver into those of SQLAlchemy."""
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
    """The rows of a batch in COPY's format; only backslashes in JSON and keys need escaping."""
    text = _lines(batch_id, batch.messages, batch.keys, batch.rows)
    if "\\" in text:
        escaped = [(phone, _escaped(fields)) for phone, fields in batch.messages]
        return _lines(batch_id, escaped, [_escaped(key) for key in batch.keys], batch.rows)
    return text


def _escaped(value: str | None) -> str | None:
    return value and value.replace("\\", "\\\\")


def _lines(
    batch_id: int,
    messages: Sequence[tuple[str, str | None]],
    keys: Sequence[str | None],
    rows: Sequence[int | None],
) -> str:
    columns = zip(_SEPARATORS, messages, keys or _NONE, rows or _NONE)  # noqa: B905
    lines = [
        f"{batch_id}{separator}{phone}\t{fields or ''}\t{key or ''}\t{'' if row is None else row}\n"
        for separator, (phone, fields), key, row in columns
    ]
    return "".join(lines)
