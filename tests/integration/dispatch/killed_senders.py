"""A worker that sends with several threads until a real SIGKILL, again and again.

It forks itself for each life, so that nothing has to be imported again. What its gateway takes is
appended to a file, a JSON line of tag and numbers for each request, before it answers. It reads a
number of requests a line, and kills the copy after so many (0: lets it end); it answers with the
signal that ended it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

from dispatcher.gateway import SendReply
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened

CONNECTIONS = 4


def send(bench: Bench) -> None:
    """Send whatever is due, beginning anywhere."""
    query = text("SELECT id FROM dispatcher_batch WHERE state = 'pending'")
    while True:
        with bench.dispatcher.database.read() as session:
            ids = session.scalars(query).all()
        if not ids:
            return
        bench.send(random.choice(ids))


def live(url: str, file: str) -> None:
    """Send until nothing is due."""
    with opened(Database(url), connections=CONNECTIONS) as bench:

        def behave(tag: str, phones: list[str]) -> SendReply:
            line = json.dumps([tag, phones]) + "\n"
            with Path(file).open("a") as stream:
                stream.write(line)
            time.sleep(random.uniform(0, 0.02))
            return bench.gateway.take(tag, phones)

        bench.gateway.behave = behave
        with ThreadPoolExecutor() as pool:
            for running in [pool.submit(send, bench) for _ in range(2 * CONNECTIONS)]:
                running.result()


def requests(file: str) -> int:
    """How many requests the gateway took."""
    return Path(file).read_bytes().count(b"\n")


def main(url: str, file: str) -> None:
    """Live once for each line of standard input."""
    for line in sys.stdin:
        most = requests(file) + int(line)
        copy = os.fork()
        if not copy:
            live(url, file)
            os._exit(0)
        ended = status = 0
        while not ended:
            time.sleep(0.001)
            ended, status = os.waitpid(copy, os.WNOHANG)
            if not ended and int(line) and requests(file) >= most:
                os.kill(copy, signal.SIGKILL)
                ended, status = os.waitpid(copy, 0)
        sys.stdout.write(f"{os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
