"""SMS Partner over HTTP: each call is tried once, bounded in time and in size.

``requests`` carries the calls over a connection of our own, for three reasons: the connection
is opened before a batch is armed, so that a failure to connect costs nothing; the first byte
of a request leaves a mark, so that "never sent" is known and not guessed; and the proxies,
``.netrc`` and redirects that ``requests`` would follow could carry the key elsewhere.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Timeout

from dispatcher.errors import GatewayError
from dispatcher.provider import Account, Found, Line, Lost, Reply, Report, Unsent
from dispatcher.smspartner import deadline, wire

#: an answer for 500 numbers has some 60 kB; more than this is not an answer
LARGEST_ANSWER = 4 * 1024 * 1024
#: a connection idle for longer may be closed by the gateway just as a request leaves
LONGEST_IDLE = 2.0


def _hide_query(record: logging.LogRecord) -> bool:
    # urllib3 logs the path of each GET at DEBUG, and the key is in its query
    return record.levelno > logging.DEBUG


logging.getLogger("urllib3.connectionpool").addFilter(_hide_query)


class _Marked:
    """A connection that tells its call when the first byte leaves."""

    call: deadline.Call | None = None
    sock: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        if self.call is not None:
            self.call.uses(self.sock)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        if self.call is not None:
            self.call.touched = True
        super().send(data)  # type: ignore[misc]


class _PlainConnection(_Marked, HTTPConnection):
    pass


class _TlsConnection(_Marked, HTTPSConnection):
    pass


class _Pool:
    """One connection, opened ahead of its request."""

    def warm(self, call: deadline.Call) -> None:
        """Have the connection open and tell ``call`` of it."""
        connection = self._get_conn()  # type: ignore[attr-defined]
        try:
            connection.call = call
            if connection.sock is None:
                connection.connect()
            else:
                call.uses(connection.sock)
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


class _Answer:
    """Status, headers and the whole body of an answer."""

    def __init__(self, response: requests.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.body = response.raw.read(LARGEST_ANSWER + 1, decode_content=False)
        if len(self.body) > LARGEST_ANSWER:
            raise GatewayError("the answer is too large")


class SmsPartner:
    """The gateway, for any number of threads; each has its own connection."""

    def __init__(
        self, url: str, key: str, *, call_timeout: float = 30, connect_timeout: float = 5
    ) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._call_timeout = call_timeout
        self._timeout = Timeout(connect=connect_timeout, read=call_timeout)
        self._lines = threading.local()

    def __repr__(self) -> str:
        return f"SmsPartner({self._url!r})"

    def connect(self) -> None:
        """Open this thread's connection. Raises GatewayError; nothing is sent."""
        session = self._session()
        with deadline.watchdog.limit(self._call_timeout) as call:
            try:
                self._warm(session, call)
            except Exception as error:  # noqa: BLE001 - whatever it was, nothing left
                raise GatewayError(_reason(error)) from None

    def request(
        self, lines: Sequence[Line], *, sender: str | None, tag: str, stop: bool, unicode: bool
    ) -> bytes:
        """The bytes of a bulk send."""
        return wire.bulk_body(
            lines, key=self._key, sender=sender, tag=tag, stop=stop, unicode=unicode
        )

    def bulk_send(self, request: bytes) -> Reply:
        """Send what ``request`` made, once. Never raises."""
        with deadline.watchdog.limit(self._call_timeout) as call:
            try:
                answer = self._call(call, "POST", "/bulk-send", data=request)
                if call.expired:
                    return Lost("the call took too long")
                return wire.read_send(answer.status, answer.headers, answer.body)
            except Exception as error:  # noqa: BLE001 - sorted by what is known, not by type
                if not call.touched:
                    return Unsent(_reason(error))
                return Lost("the call took too long" if call.expired else _reason(error))

    def multi_status(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Report]:
        """Reports by (phone, message id). Raises GatewayError when nothing was learnt."""
        answer = self._ask("POST", "/multi-status", data=wire.status_body(pairs, key=self._key))
        return wire.read_multi_status(answer.status, answer.body)

    def status_by_tag(self, tag: str) -> Found:
        """Everything that the gateway shows under ``tag``, page by page.

        The paging is undocumented: it ends when the announced total is reached or a page
        brings nothing new. Raises GatewayError when nothing was learnt.
        """
        reports: dict[str, Report] = {}
        for page in range(1, wire.MOST_LINES + 1):
            answer = self._ask("GET", "/bulk-status-by-tag", params={"tag": tag, "page": page})
            found, total = wire.read_tag_page(answer.status, answer.body)
            known = len(reports)
            reports.update({report.phone: report for report in found.reports})
            if len(reports) >= total:
                return Found(tuple(reports.values()), found.complete)
            if len(reports) == known:
                break
        return Found(tuple(reports.values()), complete=False)

    def account(self) -> Account:
        """The account behind the key. Raises GatewayError with the gateway's reason."""
        answer = self._ask("GET", "/me")
        return wire.read_account(answer.status, answer.headers, answer.body)

    def _ask(self, method: str, path: str, **content: Any) -> _Answer:
        with deadline.watchdog.limit(self._call_timeout) as call:
            try:
                answer = self._call(call, method, path, **content)
            except Exception as error:  # noqa: BLE001 - its text may hold the key
                reason = "the call took too long" if call.expired else _reason(error)
                raise GatewayError(reason) from None
            if call.expired:
                raise GatewayError("the call took too long")
            return answer

    def _call(
        self,
        call: deadline.Call,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        params: dict[str, Any] | None = None,
    ) -> _Answer:
        session = self._session()
        self._warm(session, call)
        if params is not None or method == "GET":
            params = {"apiKey": self._key, **(params or {})}
        try:
            response = session.request(
                method,
                self._url + path,
                data=data,
                params=params,
                allow_redirects=False,
                stream=True,
                timeout=self._timeout,  # type: ignore[arg-type]
            )
            with response:
                answer = _Answer(response)
        except BaseException:
            self._drop()
            raise
        self._lines.used_at = time.monotonic()
        return answer

    def _warm(self, session: requests.Session, call: deadline.Call) -> None:
        adapter = session.get_adapter(self._url)
        assert isinstance(adapter, _Adapter)  # noqa: S101 - for the type checker
        adapter.pool.warm(call)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._lines, "session", None)
        if session is not None:
            if time.monotonic() - self._lines.used_at <= LONGEST_IDLE:
                return session
            self._drop()
        self._lines.session = session = self._open()
        self._lines.used_at = time.monotonic()
        return session

    def _drop(self) -> None:
        self._lines.session.close()
        adapter = self._lines.session.get_adapter(self._url)
        adapter.pool.close()
        self._lines.session = None

    def _open(self) -> requests.Session:
        parts = urlsplit(self._url)
        assert parts.hostname  # noqa: S101 - Settings has checked the URL
        options: dict[str, Any] = {"maxsize": 1, "block": True, "timeout": self._timeout}
        pool: _PlainPool | _TlsPool
        if parts.scheme == "https":
            pool = _TlsPool(
                parts.hostname,
                parts.port or 443,
                cert_reqs="CERT_REQUIRED",
                ca_certs=requests.certs.where(),
                ssl_minimum_version=ssl.TLSVersion.TLSv1_2,
                **options,
            )
        else:
            pool = _PlainPool(parts.hostname, parts.port or 80, **options)
        session = requests.Session()
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": "sms-campaign-dispatcher",
            }
        )
        session.mount(f"{parts.scheme}://", _Adapter(pool))
        return session


def _reason(error: Exception) -> str:
    """What happened, in words that hold neither URL nor key."""
    if isinstance(error, GatewayError):
        return str(error)
    if isinstance(error, requests.RequestException) and error.args:
        inner = error.args[0]
        error = getattr(inner, "reason", None) or (inner if isinstance(inner, Exception) else error)
    for known, words in _WORDS.items():
        if known in type(error).__name__:
            return words
    return f"the connection failed ({type(error).__name__})"


_WORDS = {
    "NewConnection": "the gateway cannot be reached",
    "ConnectionRefused": "the gateway cannot be reached",
    "NameResolution": "the gateway's name cannot be resolved",
    "ConnectTimeout": "the gateway cannot be reached in time",
    "ReadTimeout": "no answer in time",
    "SSL": "the gateway's certificate or TLS is not valid",
    "Certificate": "the gateway's certificate or TLS is not valid",
    "IncompleteRead": "the answer was cut",
    "Protocol": "the connection was cut",
    "Connection": "the connection was cut",
}
