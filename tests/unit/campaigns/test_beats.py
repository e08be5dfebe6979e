"""Which of several beats is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dispatcher.campaigns.beats import Beat, missing

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def ago(hours: float = 0, seconds: float = 0) -> datetime:
    return NOW - timedelta(hours=hours, seconds=seconds)


def beat(name: str, since: datetime, at: datetime) -> Beat:
    return Beat(name, since, at)


@pytest.mark.parametrize(
    ("beats", "names"),
    [
        pytest.param([], "", id="beats that say no name"),
        pytest.param(
            [beat("a", ago(9), ago(0, 1)), beat("b", ago(9), ago(0, 40))], "", id="two that tick"
        ),
        pytest.param(
            [beat("a", ago(9), ago(0, 1)), beat("b", ago(9), ago(1))], "b", id="one of two"
        ),
        pytest.param(
            [beat("a", ago(9), ago(1)), beat("b", ago(9), ago(2))], "b a", id="a command ticks"
        ),
        pytest.param(
            [beat("a", ago(9), ago(1)), beat("b", ago(1, -2), ago(0, 1))], "", id="started again"
        ),
        pytest.param(
            [beat("a", ago(9), ago(1)), beat("b", ago(1, 5), ago(0, 1))],
            "",
            id="replaced before it ended",
        ),
        pytest.param(
            [
                *(beat(name, ago(9), ago(1)) for name in "ab"),
                *(beat(name, ago(1), ago(0, 1)) for name in "cd"),
            ],
            "",
            id="both replaced",
        ),
        pytest.param(
            [*(beat(name, ago(9), ago(1)) for name in "ab"), beat("c", ago(1), ago(0, 1))],
            "b",
            id="one of two replaced",
        ),
        pytest.param(
            [
                beat("a", ago(9), ago(0, 1)),
                beat("b", ago(9), ago(3)),
                *(beat(f"c{n}", ago(3 - n / 10), ago(3 - n / 10, -5)) for n in range(9)),
            ],
            "c8",
            id="one that crashed again and again",
        ),
        pytest.param(
            [beat("a", ago(99), ago(0, 1)), beat("b", ago(99), ago(24, 1))],
            "",
            id="forgotten after a day",
        ),
    ],
)
def test_silent_beat_is_missing_unless_another_began_when_it_ended(
    beats: list[Beat], names: str
) -> None:
    assert [it.name for it in missing(beats, ago(0, 1), NOW, 2)] == names.split()


@pytest.mark.parametrize("last", [None, ago(0, 46)])
def test_no_beat_is_missing_while_nothing_ticks(last: datetime | None) -> None:
    assert missing([beat("a", ago(9), ago(1)), beat("b", ago(9), ago(2))], last, NOW, 2) == []


def test_beat_with_long_interval_has_five_ticks_time() -> None:
    two = [beat("a", ago(9), ago(0, 1)), beat("b", ago(9), ago(0, 299))]
    assert missing(two, ago(0, 1), NOW, 60) == []
    assert missing(two, ago(0, 1), NOW, 59) == two[1:]
