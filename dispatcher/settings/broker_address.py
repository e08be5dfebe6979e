"""The address of the broker: which server, as whom, and how its certificate is verified."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

NAME: Final = "DISPATCHER_BROKER_URL"
_SOCKET, _SENTINEL = "redis+socket", "sentinel"
_REDIS: Final = ("redis", "rediss", _SOCKET, _SENTINEL)
_AMQP: Final = ("amqp", "amqps", "pyamqp")
SCHEMES: Final = (*_REDIS, *_AMQP)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}")
_PORTS = {_SENTINEL: 26_379, "amqps": 5671, "amqp": 5672, "pyamqp": 5672}
#: what may be asked for in the query of a URL: Celery's names, which redis-py has, too
_TLS = ("ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_VERIFIED = ("", "required", "cert_required")


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is, from its URL and the settings beside it.

    A Redis is found at one host, at a socket, or by Sentinels, which say who the master is. The
    certificate of a broker with TLS is verified, and its host's name.
    ``ca`` is the path of a file with the certificates to verify it by; empty for the system's.
    Sentinels and their master use TLS if ``ca`` is set.
    """

    url: str = field(repr=False)
    ca: str = ""
    #: the name under which Sentinels know the master
    master: str = ""
    sentinel_password: str = field(default="", repr=False)

    @property
    def _urls(self) -> list[SplitResult]:
        return [urlsplit(one) for one in self.url.split(";")]

    @property
    def scheme(self) -> str:
        """The scheme of the URL."""
        return self._urls[0].scheme

    @property
    def is_redis(self) -> bool:
        """True for a Redis, however it is found; otherwise it is a RabbitMQ."""
        return self.scheme in _REDIS

    @property
    def is_sentinel(self) -> bool:
        """True if Sentinels say who the master is."""
        return self.scheme == _SENTINEL

    @property
    def is_secure(self) -> bool:
        """True if connections use TLS."""
        return self.scheme in ("rediss", "amqps") or (self.is_sentinel and bool(self.ca))

    @property
    def socket(self) -> str:
        """The path of the Redis's socket; empty for a host."""
        return unquote(self._urls[0].path) if self.scheme == _SOCKET else ""

    @property
    def nodes(self) -> list[tuple[str, int]]:
        """The hosts and ports to connect to: of Sentinels all."""
        port = _PORTS.get(self.scheme, 6379)
        return [(unquote(it.hostname or "127.0.0.1"), it.port or port) for it in self._urls]

    @property
    def database(self) -> str:
        """The number of the database in Redis, or RabbitMQ's virtual host."""
        if self.socket:
            return self._query.get("virtual_host", "0")
        return self._said("path").strip("/") if self.is_redis else self._urls[0].path

    @property
    def username(self) -> str | None:
        """Who connects; None if the URL does not say."""
        return unquote(self._said("username")) or None

    @property
    def password(self) -> str | None:
        """The password of the server itself, not that of Sentinels; None if there is none."""
        return unquote(self._said("password")) or None

    @property
    def place(self) -> str:
        """Where it is, for people: scheme, host, port and database; no user, no password."""
        if self.socket:
            return f"{_SOCKET}://{self.socket}"
        hosts = ",".join(f"{host}:{port}" for host, port in self.nodes)
        master = f" (master {self.master})" if self.is_sentinel else ""
        database = self.database or "0" if self.is_redis else self.database.strip("/")
        return f"{self.scheme}://{hosts}/{database}{master}"

    @property
    def tls(self) -> dict[str, Any]:
        """Options of TLS, for redis-py and for Celery alike; empty without TLS."""
        if not self.is_secure:
            return {}
        asked = self._query
        verified = ssl.CERT_REQUIRED  # Celery's transport verifies nothing unless it is told to
        ca = self.ca or asked.get("ssl_ca_certs")
        if not self.is_redis:
            own = {name: asked.get(f"ssl_{name}") for name in ("certfile", "keyfile")}
            # with several hosts RabbitMQ's client would compare each with the first one's name
            host = self.nodes[0][0] if len(self.nodes) == 1 else None
            options = {"cert_reqs": verified, "ca_certs": ca, **own}
            return options | ({"server_hostname": host} if host else {})
        ours = {
            "ssl_cert_reqs": verified,
            "ssl_check_hostname": True,
            "ssl_ca_certs": ca,
            "ssl_certfile": asked.get("ssl_certfile"),
            "ssl_keyfile": asked.get("ssl_keyfile"),
        }
        return {name: value for name, value in ours.items() if value is not None}

    def celery(self, options: dict[str, Any]) -> dict[str, Any]:
        """Celery's settings of the broker; ``options`` are those of its transport."""
        url = self.url
        if self.is_redis:
            # a hint is taken once and for all, because the next tick publishes what was lost: an
            # acknowledgement that fails as Redis goes away would end the worker (kombu 5.7)
            options = options | {"ack_emulation": False}
        if self.is_sentinel:
            # Celery takes database and password from the first URL, after a failure from the next
            login = ":".join(quote(it or "", safe="") for it in (self.username, self.password))
            login = f"{login}@" if login != ":" else ""
            nodes = [f"{_host(host)}:{port}" for host, port in self.nodes]
            url = ";".join(f"{_SENTINEL}://{login}{it}/{self.database or 0}" for it in nodes)
            options = options | {"master_name": self.master, "sentinel_kwargs": self.sentinels}
        elif self.tls:
            url = ";".join(_without_tls(it) for it in self._urls)
        return {
            "broker_url": url,
            "broker_use_ssl": self.tls or None,
            "broker_transport_options": options,
        }

    @property
    def sentinels(self) -> dict[str, Any]:
        """Options of the connections to Sentinels themselves."""
        secure = {"ssl": True, **self.tls} if self.tls else {}
        password = {"password": self.sentinel_password} if self.sentinel_password else {}
        return {"socket_timeout": 1, "socket_connect_timeout": 1, **secure, **password}

    @property
    def _query(self) -> dict[str, str]:
        return dict(parse_qsl(self._urls[0].query))

    def _said(self, part: str) -> str:
        """A part of the URL: of several, of the first that has it."""
        return next(filter(None, (getattr(it, part) for it in self._urls)), "")


def split(url: str) -> SplitResult:
    """The parts of a URL. Raises ValueError, which unlike Python's repeats no part of it."""
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError(
            "is not a URL: [ and ] in a password are written %5B and %5D, and letters of a host are"
            " plain"
        ) from None


def check_url(url: str) -> None:
    """Raise ValueError, which repeats no part of the URL but its scheme, if it is not supported."""
    for one in url.split(";"):
        _check(one)
    urls = [urlsplit(one) for one in url.split(";")]
    schemes = {it.scheme for it in urls}
    if len(schemes) > 1:
        raise ValueError("names URLs of several schemes")
    if len(urls) > 1 and schemes <= {"redis", "rediss", _SOCKET}:
        raise ValueError(
            "names several Redis: write one, or the Sentinels that watch them, as"
            " sentinel://host:26379;sentinel://host:26379/0"
        )
    if schemes == {_SENTINEL}:
        for part in ("path", "username", "password"):
            if len({said.strip("/") for it in urls if (said := getattr(it, part))}) > 1:
                raise ValueError(f"its URLs differ in {part}, which is that of the Redis")


def _check(url: str) -> None:
    scheme, colon, _ = url.partition("://")
    if not colon:
        raise ValueError(
            "has no scheme: write redis://host:6379/0, or amqp://…; of several Sentinels each"
            " has its own, sentinel://host:26379;sentinel://host:26379/0"
        )
    if scheme not in SCHEMES:
        shown = f" {scheme}://" if _SCHEME.fullmatch(scheme) else ""
        cluster = ": a Redis Cluster cannot carry hints" if "cluster" in scheme else ""
        raise ValueError(
            f"the scheme{shown} is not supported{cluster}: use one of {', '.join(SCHEMES)}"
        )
    parts = split(url)
    if scheme == _SOCKET and parts.netloc.rpartition("@")[2]:
        raise ValueError("a socket has three slashes before it: redis+socket:///run/redis.sock")
    if "," in parts.netloc.rpartition("@")[2]:
        raise ValueError(
            "names several hosts in one URL: write sentinel://host:26379;sentinel://host:26379/0"
        )
    try:
        _ = parts.port
    except ValueError:
        raise ValueError(
            "must have a port from 1 to 65535, if any; /, # and ? in a password are written"
            " %2F, %23 and %3F"
        ) from None
    query = dict(parse_qsl(parts.query))
    if query.get("ssl_cert_reqs", "").lower() not in _VERIFIED:
        raise ValueError(
            "its ssl_cert_reqs would verify no certificate: write the file of the CA into"
            " DISPATCHER_BROKER_CA"
        )
    if scheme in _REDIS:
        if scheme != _SOCKET and not re.fullmatch(r"/?\d*/?", parts.path):
            raise ValueError("its database is no number, as in /0")
        known = {"virtual_host"} if scheme == _SOCKET else set(_TLS)
        if unknown := sorted(query.keys() - known):
            raise ValueError(f"its option {unknown[0]!r} after the ? is not supported")


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _without_tls(parts: SplitResult) -> str:
    """The URL without the options that are handed over apart."""
    rest = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in _TLS]
    return parts._replace(query="&".join(rest)).geturl()
