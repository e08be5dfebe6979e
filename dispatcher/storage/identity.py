"""The identity of the database: workers do not go on with a restored or copied one.

Batches that were sent after a backup was made are ``pending`` in it. A row of
``dispatcher_meta`` says which database a worker last worked with; a copy of that row does not fit
its new place.

PostgreSQL: the row holds the database's oid, the system's identifier, the timeline, and the
number of the transaction that wrote the row, which a dump does not preserve. SQLite: it holds the
file's inode, and a small file beside the database says how far it was: an older backup that is
written into the same file is behind.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import BigInteger, Text, text, update
from sqlalchemy.orm import Session

from dispatcher.storage import meta
from dispatcher.storage.database import Database
from dispatcher.storage.statement import Statement
from dispatcher.storage.tables import Meta

#: the row of ``dispatcher_meta``
NAME: Final = "identity"
#: what workers say who refuse
RESTORED: Final = (
    "the database was restored or copied, so batches in it may have left already: nothing is sent"
    " before dispatcher migrate --restored"
)
#: the path of the file among the facts of an open connection
_PATH: Final = "dispatcher_path"
#: what the name of the small file beside a SQLite database ends with
BESIDE: Final = "-progress"
#: the facts of PostgreSQL that may change while the database stays the same
_CHANGES = ("system", "timeline", "synchronous")
_SYSTEM = "pg_catalog.pg_control_system()"
_TIMELINE = "pg_catalog.pg_walfile_name(pg_lsn)", "pg_catalog.pg_current_wal_lsn()"
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


#: a link is not followed; Windows has no such flag
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a SQLite database is, to be written beside it once its transaction is committed."""

    file: Path
    database: str
    rows: int

    def write(self) -> None:
        """Write it. A file that cannot be written only makes an older backup harder to notice."""
        with suppress(OSError):
            opened = os.open(self.file, os.O_WRONLY | os.O_CREAT | _NO_LINK, 0o600)
            try:
                os.pwrite(opened, f"{self.database} {self.rows:020}\n".encode(), 0)
            finally:
                os.close(opened)


def objection(database: Database) -> str:
    """Why workers must not work with this database; empty if they may. Raises StorageError."""
    with database.read() as session:
        if database.is_sqlite:
            same = _is_same_file(session)
        else:
            found = _server(session)
            same = not found["known"] or is_same_server(json.loads(found["known"]), found)
    return "" if same else RESTORED


def record_first(session: Session) -> None:
    """Record the database, with its first campaign."""
    if not meta.get(session, NAME):
        accept(session)


def keep(session: Session) -> Progress | None:
    """Record the database if no worker has yet, or what a failover or a move has changed.

    Only after ``objection`` had none. On SQLite the result is to be written after the commit.
    """
    value = meta.get(session, NAME)
    if not value:
        accept(session)
        return None
    known = json.loads(value)
    if _on_postgresql(session):
        found = _server(session)
        if any(found[fact] not in (known[fact], None) for fact in _CHANGES):
            accept(session)
        return None
    if found := _file(session) or {}:
        if found["path"] != known["path"]:
            meta.put(session, NAME, json.dumps(known | found))
        return progress(session)
    return None


def accept(session: Session) -> None:
    """Record that workers work with this database."""
    if _on_postgresql(session):
        meta.put(session, NAME, "")  # so that the row has the number of this transaction
        facts = {fact: value for fact, value in _server(session).items() if fact != "known"}
        session.execute(update(Meta).where(Meta.name == NAME).values(value=json.dumps(facts)))
    elif found := _file(session):
        meta.put(session, NAME, json.dumps(found | {"id": secrets.token_hex(8)}))
        if now := progress(session):
            now.write()  # before the commit: a row without its file would be taken for a copy


def progress(session: Session) -> Progress | None:
    """How far a SQLite database is, for its small file; None for others."""
    if _on_postgresql(session) or (path := _path(session)) is None:
        return None
    value, rows = _PROGRESS.one(session, {"name": NAME})
    return Progress(_beside(Path(path)), json.loads(value)["id"], rows) if value else None


def is_same_server(known: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """True if a PostgreSQL database is the one that was recorded.

    What this user may not ask is None, and is not compared. A new timeline is a failover, or a
    restored backup: if replication was synchronous before, it is taken for a failover, which
    lost nothing.
    """
    for fact in ("oid", "transaction", "system"):
        if None not in (known[fact], found[fact]) and known[fact] != found[fact]:
            return False
    timelines = known["timeline"], found["timeline"]
    return None in timelines or timelines[0] == timelines[1] or bool(known["synchronous"])


def _server(session: Session) -> dict[str, Any]:
    """The facts of a PostgreSQL database and of the row that records them, and its content."""
    may = "has_function_privilege('{}', 'execute')".format
    asks = f"SELECT {may(_SYSTEM)}, {' AND '.join(map(may, _TIMELINE))}, pg_is_in_recovery()"
    system, timeline, replica = session.execute(text(asks)).one()
    row = session.execute(
        text(
            "SELECT (SELECT value FROM dispatcher_meta WHERE name = :name) AS known,"  # noqa: S608
            " (SELECT xmin::text FROM dispatcher_meta WHERE name = :name) AS transaction,"
            " (SELECT oid::text FROM pg_database WHERE datname = current_database()) AS oid,"
            f" {_select(system, 'system_identifier::text FROM pg_control_system()')} AS system,"
            f" {_select(timeline and not replica, _NAME_OF_TIMELINE)} AS timeline,"
            " current_setting('synchronous_standby_names', true) <> ''"
            " AND current_setting('synchronous_commit') IN ('on', 'remote_apply') AS synchronous"
        ),
        {"name": NAME},
    ).one()
    return {**row._mapping, "synchronous": bool(row.synchronous)}


_NAME_OF_TIMELINE = "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"


def _select(allowed: bool, what: str) -> str:
    return f"(SELECT {what})" if allowed else "NULL"


def _is_same_file(session: Session) -> bool:
    # the small file is read first: another process may write it, after its commit, at any moment
    found = _file(session)
    beside = None if found is None else _read(_beside(Path(found["path"])))
    value = meta.get(session, NAME)
    if found is None or not value:
        return True
    known = json.loads(value)
    if found["inode"] != known["inode"]:
        return False
    if beside is None:
        return bool(found["path"] != known["path"])  # it was moved without the file beside it
    if not beside.strip("\0\n"):
        return True
    name, _, rows = beside.partition(" ")
    return name == known["id"] and rows.strip().isdecimal() and int(rows) <= _rows(session)


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


def _rows(session: Session) -> int:
    rows: int = _PROGRESS.one(session, {"name": NAME})[1]
    return rows


def _file(session: Session) -> dict[str, Any] | None:
    """The facts of a SQLite database's file; None if it is in memory."""
    path = _path(session)
    return None if path is None else {"inode": Path(path).stat().st_ino, "path": path}


def _path(session: Session) -> str | None:
    """The path of a SQLite database's file as it was opened; None if it is in memory."""
    of_connection = session.connection().info
    if _PATH not in of_connection:
        files = session.execute(text("PRAGMA database_list"))
        main = (file for _, name, file in files if name == "main")
        of_connection[_PATH] = next(main, None) or None
    path: str | None = of_connection[_PATH]
    return path


def _beside(path: Path) -> Path:
    return path.with_name(path.name + BESIDE)


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
