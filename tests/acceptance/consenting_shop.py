"""An application whose table says who consents, in a database of its own."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from dispatcher import Consent, Person
from tests.waiting import PATIENCE

#: the variable that names the folder of its files
FOLDER = "CONSENTING_SHOP"


def consents(people: Sequence[Person]) -> object:
    """What ``DISPATCHER_CONSENT`` names. It notes whom it was asked for.

    The wording of a consent is the last withdrawal that the answer knew of.
    """
    folder = Path(os.environ[FOLDER])
    keys = [person.key for person in people]
    with closing(sqlite3.connect(folder / "shop.db", timeout=PATIENCE)) as shop:
        shop.execute("BEGIN")  # both queries see the same withdrawals, which are numbered
        [[seen]] = shop.execute("SELECT coalesce(max(withdrawn), 0) FROM consent")
        theirs = f"key IN ({', '.join('?' * len(keys))}) AND withdrawn IS NULL"
        consenting = {
            key for [key] in shop.execute(f"SELECT key FROM consent WHERE {theirs}", keys)
        }
    with (folder / "asked.jsonl").open("a") as log:
        log.write(json.dumps([seen, keys]) + "\n")
    given = Consent(date(2026, 5, 3), "shop in Lyon", wording=f"{seen}")
    return {person: given if person.key in consenting else None for person in people}


class Shop:
    """The same shop as the test has it."""

    def __init__(self, folder: Path, keys: Iterable[str]) -> None:
        self._folder = folder
        self._shop = sqlite3.connect(folder / "shop.db", timeout=PATIENCE)
        self._shop.execute("CREATE TABLE consent (key TEXT PRIMARY KEY, withdrawn INTEGER)")
        self._shop.execute("CREATE INDEX withdrawals ON consent (withdrawn)")
        self._shop.executemany("INSERT INTO consent VALUES (?, NULL)", ((key,) for key in keys))
        self._shop.commit()
        (folder / "asked.jsonl").touch()
        #: by key: the number of the withdrawal, once it is committed
        self.withdrawn: dict[str, int] = {}
        self.withdrawn_at: dict[str, datetime] = {}

    def withdraw(self, key: str) -> None:
        """Commit that a person withdraws."""
        number = len(self.withdrawn) + 1
        self._shop.execute("UPDATE consent SET withdrawn = ? WHERE key = ?", (number, key))
        self._shop.commit()
        self.withdrawn[key], self.withdrawn_at[key] = number, datetime.now(UTC)

    def asked(self) -> list[tuple[int, list[str]]]:
        """Each call: the last withdrawal that it knew of, and whom it was asked for."""
        lines = (self._folder / "asked.jsonl").read_text().splitlines()
        return [(seen, keys) for seen, keys in map(json.loads, lines)]

    def close(self) -> None:
        """Close its database."""
        self._shop.close()
