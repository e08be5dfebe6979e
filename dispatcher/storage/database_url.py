"""The URL of the database, refused in one sentence that repeats no part of it.

A mistyped URL may have a piece of the password anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from dispatcher.errors import ConfigurationError

NAME: Final = "DISPATCHER_DATABASE_URL"
_SHAPES: Final = "sqlite:////srv/dispatcher.db or postgresql+psycopg://user:password@host/name"
#: the first is what to write; a project of Django lends its own connection
_DRIVERS: Final = {
    "sqlite": ("sqlite", "sqlite+pysqlite", "sqlite+django"),
    "postgresql": ("postgresql+psycopg", "postgresql+django"),
}
#: one of the hosts before the name of a PostgreSQL database, and its port
_HOST: Final = re.compile(r"(\[[^\[\]]+\]|[^:\[\]]*)(?::(\d+))?")
_PORT: Final = "5432"
#: options by which other drivers and programs have prepared statements off
_PREPARED: Final = re.compile(
    r"prepare_?threshold|(prepared_)?statement_cache_size|pgbouncer", re.I
)
_OPTION: Final = re.compile(r"[A-Za-z_]{1,40}")


def parsed(text: str) -> URL:
    """The URL. Raises ConfigurationError for one of no database that is supported.

    Several hosts, ``h1:5432,h2:5433``, and the folder of a socket, ``%2Fvar%2Frun``, may stand
    where the host does, as in libpq.
    """
    try:
        url = make_url(_spelled_out(text))
    except (ArgumentError, ValueError):  # the latter for a port that is none
        raise ConfigurationError(f"{NAME} is not a database URL: write it like {_SHAPES}") from None
    if url.drivername in {"postgresql", "postgres"}:
        url = url.set(drivername="postgresql+psycopg")
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise ConfigurationError(f"{NAME} must be SQLite or PostgreSQL: write it like {_SHAPES}")
    if url.drivername not in _DRIVERS[backend]:
        ours = _DRIVERS[backend][0]
        raise ConfigurationError(f"{NAME}: its driver is not supported: write {ours}://")
    if "@" in (url.host or ""):
        raise ConfigurationError(f"{NAME}: write an @ within the password as %40")
    if backend == "sqlite" and url.host:
        raise ConfigurationError(f"{NAME}: a file has three slashes before it: sqlite:///path")
    if backend == "postgresql":
        _check_options(url)
        url = _with_a_port_each(url)
    return url


def place(url: URL) -> str:
    """Where a PostgreSQL listens, for people: hosts with their ports, or the folder of a socket."""
    hosts, ports = (_listed(url, name) for name in ("host", "port"))
    hosts = hosts or [url.host or "the local socket"]
    ports = ports or [str(url.port or "")] * len(hosts)
    return ", ".join(f"{host}:{port}".rstrip(":") for host, port in zip(hosts, ports, strict=True))


def check_known(url: URL, known: Collection[str]) -> None:
    """Raise ConfigurationError for an option that is not among those that PostgreSQL knows."""
    for option in url.query:
        if option not in known:
            # a torn password may have made an option
            shown = f" {option}" if _OPTION.fullmatch(option) and "@" not in str(url.query) else ""
            raise ConfigurationError(
                f"{NAME}: PostgreSQL knows no option{shown}: leave it out, and write a ? within"
                " the password as %3F"
            )


def check_shared(url: URL) -> None:
    """Raise ConfigurationError for a SQLite database in memory, which no other process sees."""
    if url.get_backend_name() != "sqlite":
        return
    file = url.database or ":memory:"
    if ":memory:" in file or url.query.get("mode") == "memory":
        raise ConfigurationError(
            f"{NAME} names a database in memory, which no other process sees: name a file, like"
            " sqlite:////srv/dispatcher.db"
        )


def is_relative(url: URL) -> bool:
    """True if another folder means another database: a SQLite file without its whole path."""
    file = url.database or ""
    return url.get_backend_name() == "sqlite" and bool(file) and not Path(file).is_absolute()


def file_of(url: URL) -> Path | None:
    """The file of SQLite; None for a server."""
    if url.get_backend_name() != "sqlite":
        return None
    name = url.database or ""
    return Path(unquote(urlsplit(name).path) if name.startswith("file:") else name).absolute()


def _spelled_out(text: str) -> str:
    """The URL with several hosts, or the folder of a socket, as options: so SQLAlchemy reads them.

    It would take an ``@`` among the options for the end of the password.
    """
    scheme, colon, rest = text.partition("://")
    if not scheme.startswith("postgres"):
        return text
    before, _, options = rest.partition("?")
    login, at, after = before.rpartition("@")
    hosts, slash, name = after.partition("/")
    options = options.replace("@", "%40")
    if "," in hosts or "%2f" in hosts.lower():
        options = "&".join(filter(None, (f"host={hosts}", options)))
        hosts, slash = "", "/"
    return f"{scheme}{colon}{login}{at}{hosts}{slash}{name}" + (f"?{options}" if options else "")


def _listed(url: URL, option: str) -> list[str]:
    """The values of an option that may be given with commas, or several times."""
    found = url.query.get(option, ())
    values = (found,) if isinstance(found, str) else found
    return [one for value in values for one in value.split(",")]


def _with_a_port_each(url: URL) -> URL:
    """The URL with a port for each host among its options, or with none."""
    hosts, ports = (_listed(url, name) for name in ("host", "port"))
    found = [_HOST.fullmatch(host) for host in hosts]
    own = [one[2] if one else None for one in found]
    if any(own) and not ports:
        ports = [port or _PORT for port in own]
    elif any(own):
        ports = ["", *ports]  # each port twice
    if len(ports) == 1:
        ports *= len(hosts) or 1
    torn = [host for host, one in zip(hosts, found, strict=True) if not one]
    if (
        any("[" in host or "::" not in host for host in torn)
        or (ports and len(ports) != (len(hosts) or 1))
        or not all(map(str.isdigit, ports))
    ):
        raise ConfigurationError(f"{NAME}: name one port, or one for each host, as in h1:1,h2:2")
    names = [one[1].strip("[]") if one else host for host, one in zip(hosts, found, strict=True)]
    given = {"host": ",".join(names), "port": ",".join(ports)}
    return url.update_query_dict({name: value for name, value in given.items() if value})


def _check_options(url: URL) -> None:
    for option in url.query:
        if _PREPARED.fullmatch(option):
            raise ConfigurationError(
                f"{NAME}: leave {option} out: behind a pooler prepared statements are off by"
                " themselves"
            )
