"""Evidence: a campaign of a million recipients, written to one signed file and verified."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.contenders.ours import CAMPAIGN, Installation
from benchmarks.figures import Row, Table
from benchmarks.options import Bench, name_of
from benchmarks.submitting import Took, run, submit, write_csv
from tests.postgres_server import PostgresServer

_KEY = "a signing key of the benchmarks, which signs nothing"


def measure(bench: Bench) -> list[Table]:
    """Both commands at two sizes: memory must not grow with the list."""
    largest = bench.options.count(1_000_000, 50_000)
    rows = [
        row
        for database in bench.databases()
        for count in (largest // 10, largest)
        for row in _rows(bench, database, count)
    ]
    return [
        Table(
            key="evidence",
            title=f"Evidence of a campaign with {largest:,} recipients",
            headings=("wall s", "CPU s of the process", "largest resident set", "file"),
            rows=tuple(rows),
            notes=(
                (
                    "Each is the whole command, from the start of Python: `dispatcher evidence`"
                    " reads one snapshot and writes the signed ZIP, `evidence verify` derives every"
                    " sum anew. The campaign is submitted and not sent."
                ),
            ),
        )
    ]


def _rows(bench: Bench, database: PostgresServer | None, count: int) -> Iterator[Row]:
    with (
        bench.directory() as directory,
        Installation(directory, bench.gateway.url, database, signing_key=_KEY) as installation,
    ):
        submit(installation, write_csv(directory / "people.csv", count), CAMPAIGN, hints=False)
        file = directory / "evidence.zip"
        written = run(installation, "evidence", CAMPAIGN, "--output", str(file))
        verified = run(installation, "evidence", "verify", str(file))
        size = f"{file.stat().st_size / 2**20:.1f} MiB"
    name = f"{count:,} on {name_of(database)}"
    bench.say(f"  {name}: written in {written.seconds:.1f} s, {written.peak / 2**20:.0f} MiB")
    yield _row(f"write, {name}", written, size)
    yield _row(f"verify, {name}", verified, size)


def _row(name: str, took: Took, size: str) -> Row:
    peak = f"{took.peak / 2**20:.0f} MiB"
    return Row(name, (f"{took.seconds:.1f}", f"{took.cpu:.1f}", peak, size))
