"""The request log of the fake gateway: every request that began."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from dispatcher.sandbox.gateway.http_server import Request

#: only so many of the latest requests are logged
LOGGED: Final = 100_000


@dataclass(slots=True)
class LoggedRequest:
    """One request. ``at`` is the gateway's clock, ISO in UTC; ``key`` is masked.

    ``outcome`` is "begun" until the request ends, "held" while a hang lasts, then the gateway's
    code ("200", "11" …) or "not processed". ``fault`` is the kind of the fault, if there was one.
    """

    number: int
    at: str
    method: str
    path: str
    query: str
    key: str = ""
    outcome: str = "begun"
    fault: str = ""


_values = attrgetter(*LoggedRequest.__slots__)


class RequestLog:
    """The requests in the order in which they began."""

    def __init__(self) -> None:
        self._requests: deque[LoggedRequest] = deque(maxlen=LOGGED)
        self.count = 0

    def begin(self, request: Request, *, at: str) -> LoggedRequest:
        """Log a request whose head was read."""
        self.count += 1
        query = ""
        if request.query:
            pairs = parse_qsl(request.query, keep_blank_values=True)
            query = urlencode([pair for pair in pairs if pair[0] != "apiKey"])
        logged = LoggedRequest(self.count, at, request.method, request.path, query)
        self._requests.append(logged)
        return logged

    def listed(self) -> list[dict[str, Any]]:
        """The requests as JSON values."""
        # asdict would take ten times as long, and a caller may ask many times a second
        names = LoggedRequest.__slots__
        return [dict(zip(names, _values(one), strict=True)) for one in self._requests]
