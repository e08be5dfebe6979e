"""A worker process without a broker: threads send what is due, until there were enough requests.

The gateway in memory takes every second batch, and loses other requests or their answers. The
process writes what the log says of locks, as a JSON list.
"""

from __future__ import annotations

import itertools
import json
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from sqlalchemy import text

from dispatcher.dispatch.sending import send_loop
from dispatcher.gateway import SendReply
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened

CONNECTIONS = 6
REQUESTS = 30


class Locks(logging.Handler):
    """Collects what the log says of locks."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if "lock" in line:
            self.lines.append(line)


def send(bench: Bench, over: threading.Event, turn: int) -> None:
    """Send what is due, from another end of the list in each thread."""
    while not over.wait(0.01):
        query = text("SELECT id FROM dispatcher_batch WHERE state = 'pending' ORDER BY id")
        with bench.dispatcher.database.read() as session:
            ids = session.scalars(query).all()
        for batch_id in ids[turn : turn + 1]:
            bench.send(batch_id)


def main(url: str) -> None:
    """Send so many requests."""
    logging.getLogger().addHandler(locks := Locks())
    over, calls = threading.Event(), itertools.count()
    settings = {"connections": CONNECTIONS, "doubt_limit": 1000, "refusal_limit": 0}
    with (
        mock.patch.object(send_loop, "TIME_SLICE", 0.5),
        opened(Database(url), **settings) as bench,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):
        gateway = bench.gateway

        def behave(tag: str, phones: list[str]) -> SendReply:
            answers = (gateway.take, gateway.swallow, gateway.take, gateway.lose)
            if (number := next(calls)) >= REQUESTS:
                over.set()
            return answers[number % len(answers)](tag, phones)

        gateway.behave = behave
        for one in [pool.submit(send, bench, over, turn) for turn in range(CONNECTIONS)]:
            one.result(100)
        bench.dispatcher.database.close()
    sys.stdout.write(json.dumps(locks.lines))


if __name__ == "__main__":
    main(sys.argv[1])
