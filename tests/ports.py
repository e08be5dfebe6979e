"""Ports on loopback for servers that are started by number.

A port that the system hands out for 0 is anybody's again once it is let go: an outgoing connection
or a server of another process of the tests may have it before ours listens. These ports lie below
those that systems hand out, and no two processes of the tests draw from the same ones.
"""

from __future__ import annotations

import functools
import itertools
import os
import socket
from collections.abc import Iterator

__all__ = ["free_port"]

_HOST = "127.0.0.1"
#: Linux hands out 32768 and above, macOS and Windows 49152 and above
_FIRST, _END = 10_000, 32_700
_SHARE = 100


def free_port(*, row: int = 1) -> int:
    """The first of ``row`` ports in a row on which nothing listens, and that nobody else draws."""
    _, shared = _share()
    for _ in range(_SHARE):
        first = next(shared)
        ports = [first, *(next(shared) for _ in range(row - 1))]
        if ports == list(range(first, first + row)) and all(map(_is_free, ports)):
            return first
    raise RuntimeError(f"no {row} free ports in a row on {_HOST}")


@functools.cache
def _share() -> tuple[socket.socket, Iterator[int]]:
    """This process's ports, in turn, and the socket that keeps others from them while it lives."""
    starts = range(_FIRST, _END - _SHARE, _SHARE)
    for turn in range(len(starts)):
        start = starts[(os.getpid() + turn) % len(starts)]
        keeper = socket.socket()
        try:
            keeper.bind((_HOST, start))
        except OSError:
            keeper.close()
        else:
            return keeper, itertools.cycle(range(start + 1, start + _SHARE))
    raise RuntimeError(f"no share of the ports from {_FIRST} to {_END} is free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # as servers do: one that has just ended leaves its port to the next
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True
