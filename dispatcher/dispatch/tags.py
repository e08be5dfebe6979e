"""Names: of an attempt at the gateway, and of who makes it."""

from __future__ import annotations

import os
import secrets
import socket
import string
import threading

#: a letter for each byte
_LETTERS = bytes(string.ascii_lowercase[byte % 26].encode()[0] for byte in range(256))


def new_tag() -> str:
    """A tag that no other attempt has: 20 lower-case letters, the most that the gateway takes."""
    return secrets.token_bytes(20).translate(_LETTERS).decode()


def worker_name() -> str:
    """The calling thread, as the attempts table names it."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident() % 10_000}"
