from __future__ import annotations

import pytest

from benchmarks.phones import main, ours, rows_of, theirs

ROWS = rows_of(3000)


def test_the_same_seed_gives_the_same_rows_in_many_spellings() -> None:
    assert rows_of(3000) == ROWS
    assert rows_of(3000, seed=1) != ROWS
    kinds = {"".join("0" if c.isdigit() else c for c in row) for row in ROWS}
    assert len(kinds) >= 14


def test_both_phone_readers_read_nearly_every_number() -> None:
    assert len(ROWS) * 0.98 < theirs(ROWS) <= ours(ROWS) < len(ROWS)


def test_phone_benchmark_prints_both_times_and_their_ratio(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["300", "--rounds", "1"])
    text = capsys.readouterr().out.splitlines()
    assert text[0].startswith("300 rows of mixed French spellings")
    assert [line.split("  ")[0] for line in text[1:3]] == ["phones.normalise", "phonenumbers alone"]
    assert "times as fast" in text[3]
