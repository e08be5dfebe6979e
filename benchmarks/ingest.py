"""Ingest: storing a file of a million rows, beside the database's own bulk load of them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contenders.ours import CAMPAIGN, Installation
from benchmarks.figures import Row, Spread, Table
from benchmarks.options import Bench, name_of
from benchmarks.people import BATCH, first_name, phone
from benchmarks.processes import Failed
from benchmarks.submitting import Took, submit, write_csv
from tests.databases import connected
from tests.postgres_server import PostgresServer

Stored = tuple[int, int, str, str]

#: the recipients' table, its keys and its index, without the references to other tables
_POSTGRES = "CREATE TABLE raw (LIKE dispatcher_recipient INCLUDING INDEXES)"
_SQLITE = """
CREATE TABLE raw (batch_id INTEGER NOT NULL, position INTEGER NOT NULL, phone TEXT NOT NULL,
                  fields TEXT, PRIMARY KEY (batch_id, position)) WITHOUT ROWID;
CREATE INDEX raw_phone ON raw (phone);
"""


def measure(bench: Bench) -> list[Table]:
    """Ours as a multiple of the raw load, in interleaved rounds."""
    count = bench.options.count(1_000_000, 50_000)
    stored = [
        (person // BATCH + 1, person % BATCH, phone(person), f'{{"prenom":"{first_name(person)}"}}')
        for person in range(count)
    ]
    rows = [row for database in bench.databases() for row in _rows(bench, database, stored)]
    return [
        Table(
            key="ingest",
            title=f"Ingest: {count:,} recipients of a CSV file, stored",
            headings=("wall s", "of the raw load", "CPU s of the process", "largest resident set"),
            rows=tuple(rows),
            notes=(
                (
                    "Ours is the whole command `dispatcher submit`, from the start of Python: read,"
                    " check, de-duplicate, render, measure, cut and store, in one transaction."
                    " PostgreSQL takes the list in while it is read."
                ),
                (
                    "Raw are the same rows, ready in memory, into an empty table with the same keys"
                    " and index: `COPY` through psycopg, `executemany` through sqlite3, one"
                    " transaction, flushed."
                ),
            ),
        )
    ]


def _rows(
    bench: Bench, database: PostgresServer | None, stored: Sequence[Stored]
) -> tuple[Row, Row]:
    raws: list[float] = []
    ours: list[Took] = []
    for turn in range(bench.options.rounds + 1):
        with (
            bench.directory() as directory,
            Installation(directory, bench.gateway.url, database) as installation,
        ):
            if turn == 0:  # Python compiles what it runs for the first time
                submit(installation, write_csv(directory / "few.csv", 1000), "few", hints=False)
                continue
            url = installation.settings.database_url.get_secret_value()
            if database is None:
                raws.append(_raw_sqlite(directory / "raw.db", stored))
            else:
                raws.append(_raw_postgres(url, stored))
            file = write_csv(directory / "people.csv", len(stored))
            ours.append(submit(installation, file, CAMPAIGN, hints=False))
            kept = installation.silent.progress(CAMPAIGN).recipients
            if kept != len(stored):
                raise Failed(f"{kept:,} of {len(stored):,} recipients are stored")
        bench.say(f"  {name_of(database)}: raw {raws[-1]:.2f} s, ours {ours[-1].seconds:.2f} s")
    ratio = Spread.of(took.seconds / raw for took, raw in zip(ours, raws, strict=True))
    name = name_of(database)
    return (
        Row(f"raw load, {name}", (Spread.of(raws).text(2), "1.00", "", "")),
        Row(
            f"ours on {name}",
            (
                Spread.of(took.seconds for took in ours).text(2),
                ratio.text(2),
                Spread.of(took.cpu for took in ours).text(2),
                f"{max(took.peak for took in ours) / 2**20:.0f} MiB",
            ),
        ),
    )


def _raw_postgres(url: str, stored: Sequence[Stored]) -> float:
    with connected(url) as connection:
        connection.execute(_POSTGRES)
        start = time.perf_counter()
        with (
            connection.transaction(),
            connection.cursor() as cursor,
            cursor.copy("COPY raw (batch_id, position, phone, fields) FROM STDIN") as copy,
        ):
            for row in stored:
                copy.write_row(row)
        seconds = time.perf_counter() - start
        connection.execute("DROP TABLE raw")
    return seconds


def _raw_sqlite(file: Path, stored: Sequence[Stored]) -> float:
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(_SQLITE)
        start = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO raw VALUES (?, ?, ?, ?)", stored)
        connection.execute("COMMIT")
        return time.perf_counter() - start
    finally:
        connection.close()
