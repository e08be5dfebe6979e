"""A process that sends a batch of a smoothed campaign as soon as it is told to.

It reads the URL of the database, an instant and ids of batches as one JSON line, says that it is
ready, and waits for an empty line. It writes how many messages its gateway took.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime

from dispatcher.storage.database import Database
from tests.integration.bench import opened


def tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main() -> None:
    told = json.loads(sys.stdin.readline())
    database = Database(told["url"])
    with opened(database, at=datetime.fromisoformat(told["at"])) as bench:
        bench.tick()
        tell("ready")
        sys.stdin.readline()
        for batch_id in told["batches"]:
            bench.send(batch_id)
        tell(len(bench.gateway.ledger))
    database.close()


if __name__ == "__main__":
    main()
