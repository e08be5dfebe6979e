"""The request log of the fake gateway: every request that it saw, whatever became of it."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from dispatcher.sandbox.gateway.http_server import Request

#: older requests are forgotten
KEPT: Final = 100_000


@dataclass(slots=True)
class LoggedRequest:
    """One request. ``at`` is the gateway's clock, ISO in UTC; ``key`` is masked.

    ``outcome`` is "begun" until the request has its end, "held" while a hang lasts, then the
    gateway's code ("200", "11" …), or "not processed". ``fault`` names what went wrong on purpose.
    """

    number: int
    at: str
    method: str
    path: str
    query: str
    key: str = ""
    outcome: str = "begun"
    fault: str = ""


class RequestLog:
    """The requests in the order in which they began."""

    def __init__(self) -> None:
        self._seen: deque[LoggedRequest] = deque(maxlen=KEPT)
        self.count = 0

    def begin(self, request: Request, *, at: str) -> LoggedRequest:
        """Note a request whose head has come."""
        self.count += 1
        query = ""
        if request.query:
            pairs = parse_qsl(request.query, keep_blank_values=True)
            query = urlencode([pair for pair in pairs if pair[0] != "apiKey"])
        seen = LoggedRequest(self.count, at, request.method, request.path, query)
        self._seen.append(seen)
        return seen

    def listed(self) -> list[dict[str, Any]]:
        """Everything noted, as JSON keeps it."""
        return [asdict(seen) for seen in self._seen]
