"""A worker that is killed, by a real SIGKILL, around the turn that stores one outcome and arms the
next batch.

It has one connection and two threads. What its gateway takes is appended to a file, a JSON line of
tag and numbers for each request, before it answers.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

from dispatcher.dispatch.sending.ledger import Ledger, Turn
from dispatcher.gateway import SendReply
from dispatcher.storage.batches.turns import turn as turns
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened

#: before the statements of the turn; after them, on SQLite before their commit; after the commit;
#: after the first thread knows, before the bytes of the second
POINTS = ("before", "statements", "committed", "told")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, point: str, file: str) -> None:
    """Send the batches 1 and 2; SIGKILL comes at ``point``."""

    def turn(session: Any, arms: Any, ends: Any, terms: Any) -> Any:
        both = bool(arms and ends)
        if both and point == "before":
            die()
        turned = _TURN(session, arms, ends, terms)
        if both and point == "statements":
            die()
        return turned

    with opened(Database(url), connections=1) as bench, mock.patch.object(turns, "turn", turn):
        send(bench, point, Path(file))


def send(bench: Bench, point: str, file: Path) -> None:
    """Let one thread wait for the connection while the other has its answer."""
    made: list[Ledger] = []

    def behave(tag: str, phones: list[str]) -> SendReply:
        with file.open("a") as stream:
            stream.write(json.dumps([tag, phones]) + "\n")
        while not made[0]._queue:
            time.sleep(0.001)
        return bench.gateway.take(tag, phones)

    def store(self: Ledger, group: list[Turn]) -> None:
        made[:] = [self]
        _STORE(self, group)
        if point == "committed" and {bool(one.arm) for one in group} == {True, False}:
            die()

    def release(self: Ledger, tag: str) -> None:
        if point == "told":
            die()
        _RELEASE(self, tag)

    bench.gateway.behave = behave
    with (
        mock.patch.object(Ledger, "_store", store),
        mock.patch.object(Ledger, "release", release),
        ThreadPoolExecutor() as pool,
    ):
        for _ in pool.map(bench.send, (1, 2)):
            pass


_STORE, _RELEASE, _TURN = Ledger._store, Ledger.release, turns.turn

if __name__ == "__main__":
    main(*sys.argv[1:])
