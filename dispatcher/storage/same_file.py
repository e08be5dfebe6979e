"""Whether the file of a SQLite database is the one that workers knew, and how far it was.

The row of ``dispatcher_meta`` holds the file's inode, and a small file beside the database says how
far it was: an older backup that is written into the same file is behind.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import BigInteger, Text, text
from sqlalchemy.orm import Session

from dispatcher.storage.statement import Statement

#: the row of ``dispatcher_meta``
NAME: Final = "identity"
#: what the name of the small file beside a SQLite database ends with
BESIDE: Final = "-progress"
#: the path of the file among the facts of an open connection
_PATH: Final = "dispatcher_path"
#: of rows that are never deleted; their numbers only grow
_ROWS = (
    "coalesce((SELECT max(rowid) FROM dispatcher_attempt), 0)"
    " + coalesce((SELECT max(id) FROM dispatcher_action), 0)"
    " + coalesce((SELECT max(id) FROM dispatcher_opt_out_event), 0)"
)
_PROGRESS = Statement(
    text(f"SELECT (SELECT value FROM dispatcher_meta WHERE name = :name), {_ROWS}").columns(  # noqa: S608
        value=Text, rows=BigInteger
    )
)
#: longer than what is written into the small file
_MOST: Final = 100
#: a link is not followed; Windows has no such flag
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a database is, to be written beside it once its transaction is committed."""

    file: Path
    database: str
    rows: int

    def further(self, rows: int) -> Progress:
        """The same, once so many rows more are committed."""
        return replace(self, rows=self.rows + rows)

    def write(self, *, anew: bool = False) -> None:
        """Write it, unless the file says more, or is of another database; ``anew`` does even then.

        A file that cannot be written only makes an older backup harder to notice.
        """
        with suppress(OSError):
            opened = os.open(self.file, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
            try:
                beside = os.pread(opened, _MOST, 0).decode("ascii", "replace")
                if anew or self._is_reached_from(beside):
                    os.pwrite(opened, f"{self.database} {self.rows:020}\n".encode(), 0)
            finally:
                os.close(opened)

    def _is_reached_from(self, beside: str) -> bool:
        """Whether this database may be here once it was where the small file says."""
        if not beside.strip("\0\n"):
            return True
        name, _, rows = beside.partition(" ")
        return name == self.database and rows.strip().isdecimal() and int(rows) <= self.rows


@dataclass(frozen=True, slots=True)
class Sight:
    """What was found of a file."""

    #: the facts of the file
    facts: dict[str, Any]
    #: the facts that are on record; None if none are
    known: dict[str, Any] | None
    #: what the small file says; None without one
    beside: str | None
    rows: int

    @property
    def progress(self) -> Progress | None:
        """How far the database is; None if nothing is on record."""
        if self.known is None:
            return None
        return Progress(_beside(Path(self.facts["path"])), self.known["id"], self.rows)

    def is_same(self, written: Progress | None) -> bool:
        """Whether it is the file on record, and no earlier state of it.

        ``written`` is what this process wrote last: the small file may have been put back, too.
        """
        if self.known is None or self.progress is None:
            return True
        if self.facts["inode"] != self.known["inode"]:
            return False
        if written and written.database == self.known["id"] and self.rows < written.rows:
            return False
        if self.beside is None:
            # it was moved without the file beside it
            return bool(self.facts["path"] != self.known["path"])
        return self.progress._is_reached_from(self.beside)


def look(session: Session) -> Sight | None:
    """Look at the file; None if the database is in memory."""
    facts = facts_of(session)
    if facts is None:
        return None
    # the small file is read first: another process may write it, after its commit, at any moment
    beside = _read(_beside(Path(facts["path"])))
    value, rows = _PROGRESS.one(session, {"name": NAME})
    return Sight(facts, json.loads(value) if value else None, beside, rows)


def facts_of(session: Session) -> dict[str, Any] | None:
    """The facts of the file; None if the database is in memory."""
    path = _path(session)
    return None if path is None else {"inode": Path(path).stat().st_ino, "path": path}


def _read(file: Path) -> str | None:
    """The content of a small file; None if there is none.

    It is empty if this user may not read it, and after a power cut: nothing can be told then.
    """
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None
    except OSError:
        return ""


def _path(session: Session) -> str | None:
    """The path of the file as it was opened; None if the database is in memory."""
    of_connection = session.connection().info
    if _PATH not in of_connection:
        files = session.execute(text("PRAGMA database_list"))
        main = (file for _, name, file in files if name == "main")
        of_connection[_PATH] = next(main, None) or None
    path: str | None = of_connection[_PATH]
    return path


def _beside(path: Path) -> Path:
    return path.with_name(path.name + BESIDE)
