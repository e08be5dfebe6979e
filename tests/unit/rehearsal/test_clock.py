"""The clock of a rehearsal, and its rate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dispatcher.rehearsal.clock import DrivenClock, Pace

NINE = datetime(2027, 12, 24, 9, tzinfo=ZoneInfo("Europe/Paris"))


def test_clock_stands_still_until_it_is_moved() -> None:
    clock = DrivenClock(NINE)
    assert clock() == clock() == NINE
    assert clock().tzinfo is UTC
    clock.forward(90)
    assert (clock() - NINE, clock.steady()) == (timedelta(seconds=90), 90.0)


def test_clock_never_goes_back() -> None:
    clock = DrivenClock(NINE)
    clock.to(NINE - timedelta(hours=1))
    clock.forward(-5)
    assert clock() == NINE


def test_pace_lets_time_pass_between_two_sends() -> None:
    clock = DrivenClock(NINE)
    pace = Pace(clock, 0.1)
    instants = []
    for _ in range(3):
        assert pace.wait() == 0
        instants.append((clock() - NINE).total_seconds())
    assert instants == [0, 10, 20]


def test_pace_saves_nothing_up_while_nobody_sends() -> None:
    clock = DrivenClock(NINE)
    pace = Pace(clock, 1)
    pace.wait()
    clock.forward(3600)
    pace.wait()
    assert clock.steady() == 3600
    pace.wait()
    assert clock.steady() == 3601
