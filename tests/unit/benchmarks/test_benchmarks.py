"""The harness of the benchmarks: its people, its figures, its report, its simulation."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from benchmarks import figures, plot, report
from benchmarks.figures import Row, Spread, Table, thousands
from benchmarks.people import chunks, phone, rows
from benchmarks.processes import Meter
from benchmarks.simulation import Costs, Place, simulate
from dispatcher.recipients.phones import normalise, territory_of

TABLE = Table(
    key="send",
    title="Sending & more",
    headings=("recipients/s", "ratio"),
    rows=(Row("bare loop", ("152,000", "1.00"), 152_000.0), Row("ours", ("140,000", "0.92"))),
    notes=("One round.",),
    unit="recipients a second",
    values={"ours worker": 2.5},
    machine="2 processors",
    command="make bench",
)


def test_made_up_people_have_distinct_valid_numbers() -> None:
    numbers = [phone(person) for person in [*range(5000), *range(10_000_000, 10_005_000)]]
    assert len(set(numbers)) == 10_000
    assert all(normalise(number) == number for number in numbers)
    assert {territory_of(number) for number in numbers} == {"metropole"}


def test_chunks_hold_the_same_people() -> None:
    cut = list(chunks(1203))
    assert [len(chunk) for chunk in cut] == [500, 500, 203]
    assert [row for chunk in cut for row in chunk] == list(rows(1203))


@pytest.mark.parametrize(
    ("value", "text"), [(152_345, "152,000"), (275.4, "275"), (999_999, "1,000,000"), (7, "7")]
)
def test_a_rate_is_written_with_three_figures(value: float, text: str) -> None:
    assert thousands(value) == text


def test_a_spread_shows_median_and_extremes() -> None:
    assert Spread.of([3.0, 1.0, 2.0]).text(1) == "2.0 (1.0–3.0)"
    assert Spread.of([2.0]).text(2) == "2.00"


def test_a_table_stays_until_its_benchmark_runs_again(tmp_path: Path) -> None:
    file = tmp_path / "var" / "benchmarks.json"
    other = replace(TABLE, key="life")
    for table in (TABLE, other, replace(TABLE, title="Again")):
        figures.save(table, file)
    assert figures.load(file) == [replace(TABLE, title="Again"), other]


def test_a_report_changes_no_text_outside_its_marks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"# Speed\n\n{report.BEGIN}\nold\n{report.END}\n\nThe plan.\n", "utf-8")
    report.write([TABLE], document)
    report.write([TABLE], document)
    text = document.read_text("utf-8")
    assert text.startswith("# Speed\n")
    assert text.endswith("The plan.\n")
    assert "old" not in text
    assert text.count("| ours | 140,000 | 0.92 |") == 1
    assert "`make bench` on 2 processors" in text


def test_a_report_keeps_the_tables_of_other_benchmarks(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    report.write([replace(TABLE, key="life", title="Life"), TABLE], document)
    report.write([replace(TABLE, title="Again")], document)
    titles = [line for line in document.read_text("utf-8").splitlines() if line.startswith("###")]
    assert titles == ["### Life", "### Again"]


def test_a_plot_has_a_bar_for_each_row_with_a_value(tmp_path: Path) -> None:
    report.write([TABLE], tmp_path / "performance.md")
    drawn = (tmp_path / "performance-send.svg").read_text("utf-8")
    words = [text.text for text in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert words == ["Sending & more", "recipients a second", "bare loop", "152,000"]


def test_a_table_without_bars_has_no_plot() -> None:
    assert plot.bars(replace(TABLE, rows=TABLE.rows[1:])) == ""


def test_cpu_time_includes_children_that_have_ended() -> None:
    work = "x = sum(range(6_000_000))"
    script = (
        "import subprocess, sys;"
        f"subprocess.run([sys.executable, '-c', {work!r}]);"
        "print('done', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", f"input(); {script}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        meter = Meter({"work": [process.pid], "nothing": [2**22 + 1]})
        process.stdin.write("go\n")
        process.stdin.flush()
        process.stdout.readline()
        spent = meter.spent()
        own = psutil.Process(process.pid).cpu_times()
        process.stdin.write("end\n")
    assert spent["work"] > own.user + own.system
    assert spent["nothing"] == 0


def test_latency_limits_a_simulation_without_other_limits() -> None:
    cheap = Costs(worker=1e-6, database=1e-6, flush=1e-6)
    outcome = simulate(Place(machines=2, database_cores=4, latency=0.05), cheap, batches=5000)
    assert outcome.rate == pytest.approx(2 * 64 / 0.05, rel=0.05)


def test_a_saturated_database_limits_a_simulation() -> None:
    costs = Costs(worker=1e-6, database=0.004, flush=1e-6)
    outcome = simulate(Place(machines=10, database_cores=4, latency=0.05), costs, batches=8000)
    assert outcome.database == pytest.approx(1, abs=0.02)
    assert outcome.rate == pytest.approx(4 / 0.004, rel=0.05)


def test_one_flush_of_the_log_serves_every_waiting_commit() -> None:
    costs = Costs(worker=1e-6, database=1e-6, flush=0.01)
    outcome = simulate(Place(machines=1, database_cores=4, latency=0.05), costs, batches=5000)
    # two flushes a batch, one after the other, would allow 50 a second
    assert outcome.rate > 500
