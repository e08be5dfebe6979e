"""Names: of an attempt at the gateway, and of who makes it."""

from __future__ import annotations

import os
import secrets
import socket
import string
import threading


def new_tag() -> str:
    """A tag that no other attempt has: 20 lower-case letters, the most that the gateway takes."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))


def worker_name() -> str:
    """The calling thread, as the attempts table names it."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident() % 10_000}"
