"""One connection to the gateway: opened ahead of a request, marked by its first byte, bounded.

``requests`` carries the calls; this is what it carries them over. The connection is opened
before a batch is claimed, so that a failure to connect costs nothing; the first byte of a
request leaves a mark, so that "never sent" is known and not guessed; and the proxies,
``.netrc`` and redirects that ``requests`` would follow could carry the key elsewhere.
"""

from __future__ import annotations

import logging
import socket
import ssl
import struct
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import Timeout
from urllib3.util.wait import wait_for_read

from dispatcher.gateway.http import lookups
from dispatcher.gateway.http.deadline import TimedCall

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "sms-campaign-dispatcher",
}


#: seconds that a try to connect has at least
_SHORTEST_TRY = 0.1


def _without_key(record: logging.LogRecord) -> bool:
    return "apiKey" not in record.getMessage()


# urllib3 logs the URL of a GET, and the key is in its query
for _name in ("urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).addFilter(_without_key)


class _Marked:
    """A connection that tells its call of its socket, and of the first byte that leaves."""

    call: TimedCall | None = None
    sock: Any
    port: int
    timeout: Any
    _dns_host: str
    #: a second handle on the connection, under TLS too: shutting it ends the call
    grip: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        sock = self._connected()
        self.grip = sock.dup()
        self.tell()
        return sock

    def _connected(self) -> socket.socket:
        """A connection to one of the host's addresses; lookup and all tries have one timeout."""
        name, patience = self._dns_host, self.timeout
        until = time.monotonic() + patience
        try:
            addresses = lookups.lookups.addresses(name, self.port, patience)
            for left in range(len(addresses) - 1, -1, -1):
                # urllib3 looks this up again, which takes no time for an address
                self._dns_host = addresses[-1 - left]
                # a silent address (often of IPv6) leaves time for those after it
                self.timeout = max((until - time.monotonic()) / (left + 1), _SHORTEST_TRY)
                try:
                    sock: socket.socket = super()._new_conn()  # type: ignore[misc]
                except (NewConnectionError, ConnectTimeoutError):
                    if not left or time.monotonic() >= until:
                        raise
                else:
                    sock.settimeout(patience)
                    return sock
        except TimeoutError:
            raise ConnectTimeoutError(self, "the lookup of its name takes too long") from None
        except socket.gaierror as error:
            raise NameResolutionError(name, self, error) from None  # type: ignore[arg-type]
        finally:
            self._dns_host, self.timeout = name, patience
        raise AssertionError("a name without an address is no name")

    def tell(self) -> None:
        if self.call is not None:
            self.call.uses(self.grip)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        if self.call is not None:
            self.call.touched = True
        super().send(data)  # type: ignore[misc]

    def close(self) -> None:
        super().close()  # type: ignore[misc]
        if self.grip is not None:
            self.grip.close()
            self.grip = None


class _PlainConnection(_Marked, HTTPConnection):
    pass


class _TlsConnection(_Marked, HTTPSConnection):
    @property
    def is_connected(self) -> bool:
        """Whether the other side is still there.

        Something to read does not mean that it has gone: TLS 1.3 sends session tickets.
        """
        if self.sock is None or self.sock.pending():
            return False  # what is pending inside TLS would be read as the next answer
        if not wait_for_read(self.sock, timeout=0.0):
            return True
        patience = self.sock.gettimeout()
        self.sock.settimeout(0)
        try:
            self.sock.recv(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        finally:
            self.sock.settimeout(patience)
        return False  # an end, or bytes that nobody asked for


class _Pool:
    """One connection, opened ahead of its request."""

    def warm(self, call: TimedCall) -> None:
        """Have the connection open and tell ``call`` of it."""
        connection = self._get_conn()  # type: ignore[attr-defined]
        try:
            connection.call = call
            if connection.sock is None:
                connection.connect()
            else:
                connection.tell()
        except BaseException:
            connection.close()
            raise
        finally:
            self._put_conn(connection)  # type: ignore[attr-defined]


class _PlainPool(_Pool, HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """Sends every request of a session over the one connection of ``pool``."""

    def __init__(self, pool: _PlainPool | _TlsPool) -> None:
        self.pool = pool
        super().__init__(max_retries=0)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        return self.pool


class Connection:
    """One connection to one host, opened ahead of its requests. For one thread at a time."""

    def __init__(self, url: str, timeout: Timeout) -> None:
        self._timeout = timeout
        self._pool = _pool(url, timeout)
        self._adapter = _Adapter(self._pool)

    def warm(self, call: TimedCall) -> None:
        """Connect, if need be. Nothing is sent."""
        self._pool.warm(call)

    def ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, **content: Any
    ) -> requests.Response:
        """The answer, of which only the head is read. ``headers`` are added to the usual ones."""
        request = requests.PreparedRequest()
        request.prepare(method, url, headers={**_HEADERS, **(headers or {})}, **content)
        # a session would add what may carry the key elsewhere, cookies and redirects among it
        return self._adapter.send(
            request,
            stream=True,
            timeout=self._timeout,  # type: ignore[arg-type] # its stubs do not know urllib3's
        )

    def close(self) -> None:
        """End the connection."""
        self._adapter.close()
        self._pool.close()


def _socket_options(call_timeout: float) -> list[tuple[int, int, int | bytes]]:
    """Options of a connection whose calls take ``call_timeout`` seconds at most.

    An abandoned call sends nothing more: with SO_LINGER (1, 0) a close resets the connection and
    drops what its buffer holds. Set when the socket is made, it also holds for a process that is
    killed. TCP_USER_TIMEOUT (Linux) does the same for a process that is stopped.
    """
    options: list[tuple[int, int, int | bytes]] = [
        *HTTPConnection.default_socket_options,
        (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
    ]
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        milliseconds = int(call_timeout * 1000)
        options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds))
    return options


def _pool(url: str, timeout: Timeout) -> _PlainPool | _TlsPool:
    parts = urlsplit(url)
    assert parts.hostname  # noqa: S101 - Settings has checked the URL
    options: dict[str, Any] = {
        "maxsize": 1,
        "block": True,
        "timeout": timeout,
        "socket_options": _socket_options(float(timeout.read_timeout or 0)),
    }
    if parts.scheme != "https":
        return _PlainPool(parts.hostname, parts.port or 80, **options)
    return _TlsPool(
        parts.hostname,
        parts.port or 443,
        cert_reqs="CERT_REQUIRED",
        ca_certs=DEFAULT_CA_BUNDLE_PATH,
        ssl_minimum_version=ssl.TLSVersion.TLSv1_2,
        **options,
    )
