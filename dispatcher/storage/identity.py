"""The identity of the database: workers do not go on with a restored or copied one.

Batches that were sent after a backup was made are ``pending`` in it. A row of
``dispatcher_meta`` says which database a worker last worked with; a copy of that row does not fit
its new place.

PostgreSQL: the row holds the database's oid, the system's identifier, the timeline, and the
number of the transaction that wrote the row, which a dump does not preserve. SQLite: see
``same_file``.

A worker asks for an ``objection`` before each step. What was found then is a condition of each
arming, too (``Admitted``): a database may be put back, or another server may take its place, while
a send loop runs. On PostgreSQL the statement that arms compares it, because behind a pooler each
statement may reach another server; on SQLite the transaction that arms looks at the file.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Text, bindparam, literal_column, text, update
from sqlalchemy.orm import Session

from dispatcher.errors import StorageError
from dispatcher.storage import meta, same_file
from dispatcher.storage.admitted import Admitted, Server
from dispatcher.storage.database import Database
from dispatcher.storage.same_file import BESIDE, NAME, Progress
from dispatcher.storage.tables import Meta

__all__ = ["BESIDE", "NAME", "RESTORED"]

#: what workers say who refuse
RESTORED: Final = (
    "the database was restored or copied, so batches in it may have left already: nothing is sent"
    " before dispatcher migrate --restored"
)
#: the facts of PostgreSQL that may change while the database stays the same
_CHANGES = ("system", "timeline", "synchronous")
_SYSTEM = "pg_catalog.pg_control_system()"
_TIMELINE = "pg_catalog.pg_walfile_name(pg_lsn)", "pg_catalog.pg_current_wal_lsn()"
#: equal to no database
_NONE: Final = Server("", system=False, timeline=False)


def objection(database: Database) -> str:
    """Why workers must not work with this database; empty if they may. Raises StorageError."""
    # first: another thread may write more, and say so, between the look and the comparison
    written = database.admitted.written
    with database.read() as session:
        if database.is_sqlite:
            sight = same_file.look(session)
            same = sight is None or sight.is_same(written)
        else:
            same = _is_known(session)
    return "" if same else RESTORED


def record_first(session: Session) -> None:
    """Record the database, with its first campaign."""
    if not meta.get(session, NAME):
        accept(session)


def keep(session: Session) -> Progress | None:
    """Record the database if no worker has yet, or what a failover or a move has changed.

    Nothing of a database to which there is an ``objection`` by now. On SQLite the result is to be
    written after the commit.
    """
    value = meta.get(session, NAME)
    if not value:
        accept(session)
    elif _on_postgresql(session):
        found, known = _server(session), json.loads(value)
        changed = any(found[fact] not in (known[fact], None) for fact in _CHANGES)
        if changed and is_same_server(known, found):
            accept(session)
    elif (sight := same_file.look(session)) and sight.is_same(_admitted(session).written):
        if sight.known and sight.facts["path"] != sight.known["path"]:
            meta.put(session, NAME, json.dumps(sight.known | sight.facts))
        return sight.progress
    return None


def accept(session: Session) -> None:
    """Record that workers work with this database."""
    if _on_postgresql(session):
        meta.put(session, NAME, "")  # so that the row has the number of this transaction
        found = _server(session)
        facts = {fact: found[fact] for fact in ("oid", "transaction", *_CHANGES)}
        session.execute(update(Meta).where(Meta.name == NAME).values(value=json.dumps(facts)))
    elif file := same_file.facts_of(session):
        meta.put(session, NAME, json.dumps(file | {"id": secrets.token_hex(8)}))
        if (sight := same_file.look(session)) and sight.progress:
            # before the commit: a row without its file would be taken for a copy
            sight.progress.write(anew=True)


def progress(session: Session) -> Progress | None:
    """How far a SQLite database is, before a transaction arms anything in it; None for others.

    Raises StorageError if it is another database than the one that this process may work with, or
    behind it.
    """
    if _on_postgresql(session) or (sight := same_file.look(session)) is None:
        return None
    if not sight.is_same(_admitted(session).written):
        raise StorageError(RESTORED)
    return sight.progress


def admitted_server(session: Session) -> Server:
    """The PostgreSQL database to which there was no objection when this process last asked."""
    admitted = _admitted(session)
    if admitted.server is None:  # nobody has asked
        _is_known(session)
    return admitted.server or _NONE


def is_admitted(*, system: bool, timeline: bool) -> ColumnElement[bool]:
    """Condition: this PostgreSQL database is the one that is the parameter ``its_database``.

    The facts that the user may not ask for are left out of both.
    """
    which = literal_column(_which(system=system, timeline=timeline), Text)
    return which == bindparam("its_database", type_=Text)


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


def _is_known(session: Session) -> bool:
    """Whether a PostgreSQL database is the recorded one; it is what the process arms in then."""
    found = _server(session)
    same = not found["known"] or is_same_server(json.loads(found["known"]), found)
    if same:
        _admitted(session).server = found["server"]
    return same


def _server(session: Session) -> dict[str, Any]:
    """The facts of a PostgreSQL database and of the row that records them, and its content."""
    may = "has_function_privilege('{}', 'execute')".format
    asks = f"SELECT {may(_SYSTEM)}, {' AND '.join(map(may, _TIMELINE))}, pg_is_in_recovery()"
    system, timeline, replica = session.execute(text(asks)).one()
    timeline = timeline and not replica
    row = session.execute(
        text(
            f"SELECT (SELECT value FROM dispatcher_meta WHERE name = '{NAME}') AS known,"  # noqa: S608
            f" {_TRANSACTION} AS transaction, {_OID} AS oid,"
            f" {_NAME_OF_SYSTEM if system else 'NULL'} AS system,"
            f" {_NAME_OF_TIMELINE if timeline else 'NULL'} AS timeline,"
            " current_setting('synchronous_standby_names', true) <> ''"
            " AND current_setting('synchronous_commit') IN ('on', 'remote_apply') AS synchronous,"
            f" {_which(system=system, timeline=timeline)} AS which"
        )
    ).one()
    found = {**row._mapping, "synchronous": bool(row.synchronous)}
    return found | {"server": Server(found.pop("which"), system=system, timeline=timeline)}


_OID = "(SELECT CAST(oid AS text) FROM pg_database WHERE datname = current_database())"
_TRANSACTION = f"(SELECT CAST(xmin AS text) FROM dispatcher_meta WHERE name = '{NAME}')"  # noqa: S608
_RECORD = f"(SELECT concat_ws(' ', xmin, value) FROM dispatcher_meta WHERE name = '{NAME}')"  # noqa: S608
_NAME_OF_SYSTEM = "(SELECT CAST(system_identifier AS text) FROM pg_control_system())"
_NAME_OF_TIMELINE = "(SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))"


def _which(*, system: bool, timeline: bool) -> str:
    """An expression for all facts of a PostgreSQL database that the user may ask for."""
    asked = [_NAME_OF_SYSTEM] * system + [_NAME_OF_TIMELINE] * timeline
    return f"concat_ws(' ', {', '.join([_OID, *asked, _RECORD])})"


def _admitted(session: Session) -> Admitted:
    admitted: Admitted = session.info["admitted"]
    return admitted


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
