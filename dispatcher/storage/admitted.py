"""What a process knows of the database that it may work with."""

from __future__ import annotations

from dataclasses import dataclass

from dispatcher.storage.same_file import Progress


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL database to which there was no objection.

    ``which`` is the text of its facts, of which the user may ask for the ``system`` and for the
    ``timeline``.
    """

    which: str
    system: bool
    timeline: bool


@dataclass(slots=True)
class Admitted:
    """The database as it was when a process last found that it may work with it.

    A process has one of each database, for all its threads. In any other database, or in an earlier
    state of it, it arms nothing.
    """

    server: Server | None = None
    #: of SQLite, what this process wrote last
    written: Progress | None = None

    def write(self, progress: Progress) -> None:
        """Write how far a SQLite database is, whose transaction is committed."""
        progress.write()
        last = self.written
        if last is None or last.database != progress.database or last.rows < progress.rows:
            self.written = progress
