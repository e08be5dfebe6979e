"""What all parts of a dispatcher share: its settings, clock, window and database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy.orm import Session

from dispatcher.settings import Settings
from dispatcher.settings.clock import Clock
from dispatcher.settings.windows import windows_of
from dispatcher.storage import schema
from dispatcher.storage.database import Database
from dispatcher.storage.no_tables import no_tables


class Installation:
    """Settings, clock, window and database; makes the tables before they are written to.

    ``make_tables`` prepares an empty database; ``lacks_tables`` is true if it is one, and looking
    at it must not make any. Raises StorageError for an unknown schema.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        database: Database,
        make_tables: Callable[[], None],
        lacks_tables: Callable[[], bool],
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.database = database
        self.windows = windows_of(settings)
        self.broker = settings.broker
        self._make_tables, self._lacks_tables = make_tables, lacks_tables
        self._prepared = False

    def prepare(self) -> None:
        """Make or check the tables, once. Raises StorageError."""
        if not self._prepared:
            self._make_tables()
            self._prepared = True

    @property
    def is_empty(self) -> bool:
        """True if there are no tables, so that nothing was ever stored. Raises StorageError."""
        return not self._prepared and self._lacks_tables()

    def migrate(self) -> None:
        """Bring the database to the schema of this version. Raises StorageError."""
        schema.migrate(self.database)
        self._prepared = True

    def read(self) -> AbstractContextManager[Session]:
        """A session that only reads; without tables nothing is found. Raises StorageError."""
        return self._readable().read()

    def stream(self) -> AbstractContextManager[Session]:
        """One transaction that only reads: all its queries see the database as the first does."""
        return self._readable().stream()

    def write(self) -> AbstractContextManager[Session]:
        """A transaction on tables that exist. Raises StorageError."""
        self.prepare()
        return self.database.write()

    def _readable(self) -> Database:
        if self.is_empty:
            schema.check_folder(self.database)
            return no_tables()
        self.prepare()
        return self.database
