"""The URL of one of Django's databases, for processes that do not run Django."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from sqlalchemy import URL

from dispatcher.errors import ConfigurationError

#: options that Django passes to the driver and that are not part of a URL
_OBJECTS = {"context", "cursor_factory", "client_encoding", "prepare_threshold", "row_factory"}
_IN_URL = {"dbname": "database", "user": "username", "password": "password", "port": "port"}


def url_of(connection: BaseDatabaseWrapper) -> str:
    """The SQLAlchemy URL of a Django connection. Raises ConfigurationError for other kinds."""
    if connection.vendor == "sqlite":
        return _text(_sqlite(str(connection.settings_dict["NAME"])))
    if connection.vendor == "postgresql":
        return _text(_postgresql(connection.get_connection_params()))
    raise ConfigurationError(
        f"DISPATCHER_DATABASE: {connection.alias!r} is {connection.vendor}; the dispatcher needs"
        " PostgreSQL or SQLite: name another of DATABASES, or set DISPATCHER_DATABASE_URL"
    )


def _sqlite(name: str) -> URL:
    if name == ":memory:":
        return URL.create("sqlite")
    if name.startswith("file:"):  # the tests' database in memory has such a name
        base, _, query = name.partition("?")
        return URL.create(
            "sqlite",
            database=base,
            query={**dict(pair.split("=", 1) for pair in query.split("&") if pair), "uri": "true"},
        )
    return URL.create("sqlite", database=str(Path(name).absolute()))


def _postgresql(parameters: dict[str, Any]) -> URL:
    query = {
        name: str(value)
        for name, value in parameters.items()
        # with a service, Django gives "" for all that the service says
        if name not in _OBJECTS and name not in _IN_URL and value not in (None, "")
    }
    host = query.pop("host", None)
    if host and (host.startswith("/") or "," in host):  # a socket, or several servers
        query["host"], host = host, None
    named = {ours: parameters[theirs] for theirs, ours in _IN_URL.items() if parameters.get(theirs)}
    port = named.pop("port", None)
    if port is not None and host is None:
        query["port"], port = str(port), None
    return URL.create(
        "postgresql+psycopg",
        host=host,
        port=None if port is None else int(port),
        query=query,
        **named,
    )


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
