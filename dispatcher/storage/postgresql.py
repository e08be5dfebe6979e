"""Connections to PostgreSQL: their settings, with a pooler between or without."""

from __future__ import annotations

import re
import select
import time
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from dispatcher.errors import ConfigurationError
from dispatcher.storage import database_url

#: how long PostgreSQL waits for a lock
LOCK_TIMEOUT = "10s"
#: how long it waits for a lock, for the end of a statement, and for the next one
_TIMEOUTS = {
    "lock_timeout": LOCK_TIMEOUT,
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
_SETTINGS = (
    " ".join(f"-c {name}={limit}" for name, limit in _TIMEOUTS.items())
    + r" -c timezone=UTC -c default_transaction_isolation=read\ committed"
)
#: a server that is cut off without a word is given up after 25 s, and not after a quarter of an
#: hour; what the URL says wins
_ALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
#: among the options of a URL, the schemas in which the tables are
_SEARCH_PATH = re.compile(r"(?:-c\s*|--)search_path=((?:\\.|\S)+)")
#: a connection that was idle for longer (seconds) is tested with an empty query
_IDLE = 5.0


def create(url: URL, **options: Any) -> Engine:
    """The engine of a database."""
    engine = create_engine(
        url,
        hide_parameters=True,
        # caps and claims must read what was committed before their locks; SQLAlchemy sets the level
        # in each BEGIN, so that it holds behind a pooler, too
        isolation_level="READ COMMITTED",
        **options,
        connect_args={
            "connect_timeout": 5,
            **{name: value for name, value in _ALIVE.items() if name not in url.query},
            # options of the URL (a search_path, for instance) come last and win
            "options": f"{_SETTINGS} {url.query.get('options', '')}".strip(),
        },
    )
    database_url.check_known(url, _known_options())
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _limit_pooled)
    event.listen(engine, "checkin", _note_return)
    event.listen(engine, "checkout", _check_idle)
    return engine


def _known_options() -> set[str]:
    """What PostgreSQL's own library takes, in a URL as elsewhere."""
    from psycopg.pq import Conninfo

    return {option.keyword.decode() for option in Conninfo.get_defaults()}


def _connect(dialect: Any, _: Any, arguments: Any, options: dict[str, Any]) -> Any:
    """Connect; to a pooler that refuses settings at the start, without them.

    Raises ConfigurationError when the schemas that the URL names are lost at a pooler.
    """
    try:
        connection = dialect.connect(*arguments, **options)
    except dialect.loaded_dbapi.OperationalError as error:
        if "unsupported startup parameter" not in str(error):
            raise
        connection = dialect.connect(*arguments, **(options | {"options": ""}))
    if wanted := _SEARCH_PATH.search(options["options"]):
        try:
            _check_search_path(connection, wanted[1])
        except BaseException:
            connection.close()
            raise
    return connection


def _check_search_path(connection: Any, wanted: str) -> None:
    connection.autocommit = True
    (found,) = connection.execute("SELECT current_setting('search_path')").fetchone()
    connection.autocommit = False
    if _plain(found) != _plain(wanted):
        raise ConfigurationError(
            "DISPATCHER_DATABASE_URL: the pooler drops its search_path: set it for the role,"
            " ALTER ROLE … SET search_path = …"
        )


def _plain(search_path: str) -> str:
    return re.sub(r"[\\\s]", "", search_path)


def _configure(connection: Any, record: ConnectionPoolEntry) -> None:
    """Make commits durable, or behind a pooler switch prepared statements off.

    A pooler hands out another server connection for each transaction. There a name of a prepared
    statement may be another client's, and a SET would change another client's session: a server
    behind a pooler must be durable by its own settings, which ``durability.objections`` checks.
    """
    connection.autocommit = True
    pid, commits, *found = connection.execute(
        "SELECT pg_backend_pid(), current_setting('synchronous_commit'),"
        + ", ".join(f"current_setting('{name}')" for name in _TIMEOUTS)
    ).fetchone()
    record.info["limits"] = ""
    if pid != connection.info.backend_pid:
        connection.prepare_threshold = None
        limits = zip(_TIMEOUTS.items(), found, strict=True)
        record.info["limits"] = "; ".join(
            f"SET LOCAL {name} = '{limit}'" for (name, limit), set_to in limits if set_to == "0"
        )
    elif commits == "off":
        connection.execute("SET synchronous_commit = on")
    connection.autocommit = False


def _limit_pooled(connection: Connection) -> None:
    """Limit a transaction behind a pooler as a direct connection is, unless its role has limits."""
    alone = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
    if not alone and (limits := connection.info.get("limits")):
        connection.exec_driver_sql(limits)


def _note_return(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["returned_at"] = time.monotonic()


def _check_idle(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """Replace a connection that was lost while it was idle.

    A connection that was used a moment ago is not tested by a query, only by ``has_news``.
    """
    idle = time.monotonic() - record.info.get("returned_at", time.monotonic())
    if idle < _IDLE and not has_news(connection):
        return
    try:
        connection.autocommit = True
        connection.execute("")
        connection.autocommit = False
    except connection.Error:
        raise DisconnectionError from None


def has_news(connection: Any) -> bool:
    """True if an idle PostgreSQL connection has something to read: the server has closed it."""
    if connection.closed:
        return True
    sockets = select.poll()
    sockets.register(connection, select.POLLIN)
    return bool(sockets.poll(0))
