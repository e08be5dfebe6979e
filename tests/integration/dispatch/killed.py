"""A process that is killed, by a real SIGKILL, before a statement or a commit of its work.

It forks itself for each kill, so that nothing has to be imported or compiled again. It reads one
JSON line for each: the work, its instant, and the step at which it is killed (0: never). It writes
the number of the signal that ended the copy, or 0.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import event

from dispatcher import IllegalMove
from dispatcher.api.occurrences import Occurrences
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened

KEY = "a key of the tests, which hides nobody"
ANNE, BRUNO, CHLOE = (f"+33639987{number}" for number in (101, 102, 103))
ERASED_AT = "2026-11-24T10:00:00+00:00"


def work(bench: Bench, name: str) -> None:
    """Do the work ``name``: "erase", "replay", "approve", "test", "series" or "prune"."""
    persons = bench.dispatcher.persons
    if name == "erase":
        persons.erase(ANNE, reason="asked from 06 39 98 71 01", by="Bruno")
    elif name == "replay":
        pseudonyms = Pseudonyms(KEY)
        lines = [{"pseudonym": pseudonyms.newest_of(it), "at": ERASED_AT} for it in (ANNE, CHLOE)]
        persons.replay([{"check": pseudonyms.check}, *lines], by="Bruno")
    elif name == "approve":
        with suppress(IllegalMove):  # it has been approved
            bench.dispatcher.drafts.approve("soldes", reason="lu")
    elif name == "test":
        bench.dispatcher.testers.send("soldes", to=["Inès", "Yann"], once="a form")
    elif name == "series":  # the steps refuse a database that was copied
        Occurrences(bench.dispatcher.series).make_due()
    else:
        bench.prune_alone()  # the steps refuse a database that was copied


def run(database: Database, name: str, at: str, step: int) -> int:
    """Do the work; SIGKILL comes before its step with this number. Returns how many it had."""
    steps = 0

    def count(*_: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == step:
            os.kill(os.getpid(), signal.SIGKILL)

    with opened(database, at=datetime.fromisoformat(at), pseudonym_key=KEY, text_days=100) as bench:
        event.listen(database.engine, "before_cursor_execute", count)
        event.listen(database.engine, "commit", count)
        try:
            work(bench, name)
        finally:
            event.remove(database.engine, "before_cursor_execute", count)
            event.remove(database.engine, "commit", count)
    return steps


def main(url: str) -> None:
    """Serve kills until standard input ends."""
    database = Database(url)
    for line in sys.stdin:
        name, at, step = json.loads(line)
        if not step:  # in this process: the copies have its compiled statements
            run(database, name, at, step)
            database.engine.dispose()
            sys.stdout.write("0\n")
            sys.stdout.flush()
            continue
        copy = os.fork()
        if not copy:
            run(database, name, at, step)
            os._exit(0)
        _, status = os.waitpid(copy, 0)
        sys.stdout.write(f"{os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
