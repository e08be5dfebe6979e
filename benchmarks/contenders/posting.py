"""The work of the contenders that store nothing: render, build, post, read the answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import requests

from benchmarks.people import body

_own = threading.local()


def session() -> requests.Session:
    """The thread's session: without the environment's proxies, read anew at every request."""
    found: requests.Session | None = getattr(_own, "session", None)
    if found is None:
        found = _own.session = requests.Session()
        found.trust_env = False
    return found


def post(url: str, content: bytes) -> int:
    """Post a bulk send; returns how many were taken. Raises RuntimeError when it was refused."""
    response = session().post(f"{url}/bulk-send", data=content, timeout=30)
    answer = response.json()
    if not answer["success"]:
        raise RuntimeError("the gateway refuses")
    return sum(line["success"] for line in answer["SMSResponse_List"])


def post_rows(url: str, rows: Sequence[Sequence[str]], tag: str = "bench") -> int:
    """Render and post (number, first name) pairs; returns how many were taken."""
    return post(url, body(rows, tag))
