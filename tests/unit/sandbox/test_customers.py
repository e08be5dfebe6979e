from __future__ import annotations

import csv
from pathlib import Path

import pytest

from dispatcher.campaigns.planner import Planner
from dispatcher.recipients.files import open_recipients
from dispatcher.recipients.phones import normalise, territory_of
from dispatcher.sandbox.customers import ENCODING, HEADER, write_customers
from dispatcher.sandbox.demo import CLOCK, TUESDAY
from dispatcher.window import Windows


@pytest.mark.parametrize("rows", [20, 333, 5000])
def test_made_up_file_is_read_with_its_counts(tmp_path: Path, rows: int) -> None:
    made = write_customers(tmp_path / "clients.csv", rows=rows)
    planner = Planner('Bonjour {{ Prénom | default("à tous") }}')
    with open_recipients(str(tmp_path / "clients.csv")) as recipients:
        planned = [phone for batch in planner.cut(recipients) for phone, _ in batch.messages]
    assert planner.rows == made.rows == rows
    assert planner.duplicates == made.duplicates
    assert planner.reasons.total() == made.unusable
    assert planner.kept == made.recipients == rows - made.duplicates - made.unusable
    assert set(made.phones) <= set(planned)
    assert made.overseas == sum(territory_of(phone) != "metropole" for phone in planned)


def test_made_up_file_has_spellings_of_real_files(tmp_path: Path) -> None:
    path = tmp_path / "clients.csv"
    write_customers(path)
    text = path.read_bytes().decode(ENCODING)
    lines = text.split("\r\n")
    rows = list(csv.reader(text.splitlines(keepends=True), delimiter=";"))
    assert tuple(rows[0]) == HEADER
    assert "" in lines[:-1], "an empty line in the middle"
    assert any("\n" in cell for row in rows for cell in row), "a line break in a cell"
    assert any(";" in cell for row in rows for cell in row), "a semicolon in a cell"
    with pytest.raises(UnicodeDecodeError):
        path.read_text(encoding="utf-8")
    spelled = "".join(row[1] for row in rows if row)
    for mark in (" ", ".", "-", "\xa0", "+33", "0033", "(0)"):
        assert mark in spelled


def test_same_seed_writes_same_file(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_customers(tmp_path / name, rows=100, seed=seed)
    first, same, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == same != other


def test_french_numbers_are_from_fiction_block(tmp_path: Path) -> None:
    made = write_customers(tmp_path / "clients.csv")
    assert all(phone.startswith("+3363998") for phone in made.phones)
    assert all(phone == normalise(phone) for phone in made.phones)


def test_demo_hour_is_open_in_every_territory(tmp_path: Path) -> None:
    write_customers(tmp_path / "clients.csv")
    planner = Planner("Bonjour")
    with open_recipients(str(tmp_path / "clients.csv")) as recipients:
        territories = {batch.territory for batch in planner.cut(recipients)}
    assert len(territories) == 6
    for territory in territories:
        assert Windows().hold(CLOCK, territory) is None
    hold = Windows().hold(CLOCK.replace(hour=20), "metropole")
    assert hold is not None
    assert (hold.until, hold.why) == (TUESDAY, "Sunday, Easter Monday")
