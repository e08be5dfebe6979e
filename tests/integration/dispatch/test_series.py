"""Series: each occurrence becomes one campaign, or none with a reason."""

from __future__ import annotations

import sys
import threading
import traceback
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import select

from dispatcher import Dispatcher
from dispatcher.api import actor, series_lists
from dispatcher.api.occurrences import Occurrences
from dispatcher.campaigns.recurrence import Rule
from dispatcher.campaigns.series import Series
from dispatcher.errors import (
    ConfigurationError,
    IllegalMove,
    InvalidCampaign,
    InvalidFile,
    NobodyToText,
    NotAllowed,
    ReferenceTaken,
    StorageError,
    UnusableInput,
)
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Event
from dispatcher.window.slots import PARIS
from tests.integration.bench import TEXT, Bench, opened, people
from tests.integration.conftest import empty

FRIDAYS = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10"
#: Friday, 27 November 2026, 10:00 in Paris
FIRST = datetime(2026, 11, 27, 9, tzinfo=UTC)
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
BENCH_DAY = date(2026, 11, 24)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the application."""
    module: Any = ModuleType("shop_of_series")
    module.fridays = lambda: people(3)
    module.everybody = people(3)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module  # type: ignore[no-any-return]


def add(bench: Bench, source: object = "shop_of_series:fridays", **values: Any) -> Series:
    given: dict[str, Any] = {"rule": FRIDAYS, "text": TEXT, "source": source} | values
    return bench.dispatcher.series.add("weekly-offer", **given)


def at(bench: Bench, instant: datetime) -> None:
    """Set the clock, and do all that is due then."""
    bench.clock.forward(seconds=(instant - bench.clock()).total_seconds())
    bench.work()


def found(bench: Bench, name: str = "weekly-offer") -> list[tuple[str, str, str]]:
    """State, reference and reason of each occurrence, the first one first."""
    some = bench.dispatcher.series.occurrences(name, limit=1000)
    return [(one.state.value, one.reference, one.reason) for one in reversed(some)]


def events(bench: Bench) -> list[str]:
    query = select(Event.kind).where(Event.series_id.is_not(None)).order_by(Event.id)
    with bench.dispatcher.database.read() as session:
        return list(session.scalars(query))


def references(bench: Bench) -> list[str]:
    return [one.reference for one in bench.campaigns()]


# -- an occurrence


def test_occurrence_is_made_before_its_hour_and_leaves_at_it(
    bench: Bench, shop: ModuleType
) -> None:
    series = add(bench)
    assert (series.next_at, series.since) == (FIRST, BENCH_DAY)
    at(bench, FIRST - 2 * HOUR - timedelta(seconds=1))
    assert references(bench) == []
    at(bench, FIRST - 2 * HOUR)
    assert references(bench) == ["weekly-offer-2026-11-27-10h00"]
    assert not bench.gateway.ledger
    at(bench, FIRST)
    assert len(bench.gateway.ledger) == 3
    assert bench.dispatcher.series.get("weekly-offer").next_at == FIRST + WEEK
    assert found(bench) == [("made", "weekly-offer-2026-11-27-10h00", "")]
    [submitted] = bench.actions("submit")
    assert submitted.actor == "series weekly-offer"
    assert events(bench) == []


def test_list_is_read_when_the_occurrence_is_made(bench: Bench, shop: Any) -> None:
    add(bench)
    shop.fridays = lambda: people(5)
    at(bench, FIRST - HOUR)
    assert bench.progress("weekly-offer-2026-11-27-10h00").recipients == 5


def test_list_may_be_a_file_or_a_list_of_the_application(
    bench: Bench, shop: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "\n".join(["nom;portable", *(f"Zoé;{phone}" for phone in people(2))])
    Path("clients.csv").write_text(rows, encoding="utf-8")
    series = bench.dispatcher.series
    one = add(bench, "clients.csv", text="Bonjour {{ nom }}", reading={"column": "portable"})
    assert one.source == str(tmp_path / "clients.csv")
    series.add("other", rule=FRIDAYS, text=TEXT, source="shop_of_series:everybody")
    monkeypatch.chdir("/")
    at(bench, FIRST - HOUR)
    assert bench.progress("weekly-offer-2026-11-27-10h00").recipients == 2
    assert bench.progress("other-2026-11-27-10h00").recipients == 3


def test_each_occurrence_leaves_out_people_of_another_campaign(
    bench: Bench, shop: ModuleType
) -> None:
    bench.submit(2, "lyon")
    add(bench, except_campaign="lyon")
    for week in range(2):
        at(bench, FIRST + week * WEEK - HOUR)
        at(bench, FIRST + week * WEEK)
    for one in references(bench)[1:]:
        assert bench.progress(one).left_out_by == {"lyon": 2}
    assert bench.gateway.texted == {**dict.fromkeys(people(2), 1), people(3)[2]: 2}


def test_end_and_options_move_along(bench: Bench, shop: ModuleType) -> None:
    add(bench, not_after=3 * HOUR, tags=["fridays"], priority="low", lead=HOUR)
    for week in range(2):
        at(bench, FIRST + week * WEEK - HOUR)
    ends = [(one.not_before, one.not_after) for one in bench.campaigns()]
    assert ends == [(FIRST + n * WEEK, FIRST + n * WEEK + 3 * HOUR) for n in range(2)]
    assert {one.priority for one in bench.campaigns()} == {-1}
    assert bench.progress("weekly-offer-2026-11-27-10h00").tags == ("fridays",)


def test_campaign_under_the_reference_is_taken_for_the_occurrence_or_skips_it(
    bench: Bench, shop: ModuleType
) -> None:
    add(bench)
    bench.dispatcher.submit("weekly-offer-2026-11-27-10h00", TEXT, people(3), not_before=FIRST)
    bench.dispatcher.submit("weekly-offer-2026-12-04-10h00", "Autre", people(3))
    at(bench, FIRST - HOUR)
    at(bench, FIRST + WEEK - HOUR)
    same, other = found(bench)
    assert same == ("made", "weekly-offer-2026-11-27-10h00", "")
    assert other[0] == "skipped"
    assert "was submitted with another body" in other[2]
    assert len(bench.campaigns()) == 2


# -- one and only one


def test_two_beats_at_the_same_moment_make_one_campaign(tables: Database, shop: ModuleType) -> None:
    with opened(tables) as bench:
        add(bench)
        bench.clock.forward(seconds=(FIRST - HOUR - bench.clock()).total_seconds())
        with mock.patch("dispatcher.api.operator.Database", return_value=tables):
            beats = [
                Dispatcher(bench.settings, clock=bench.clock, gateway=bench.gateway)
                for _ in range(4)
            ]
        together = threading.Barrier(len(beats))

        def beat(one: Dispatcher) -> None:
            together.wait()
            one.make_occurrences()

        threads = [threading.Thread(target=beat, args=[one]) for one in beats]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert references(bench) == ["weekly-offer-2026-11-27-10h00"]
        assert len(found(bench)) == 1
        bench.check()


def test_worker_that_lost_its_lease_makes_no_second_campaign(bench: Bench, shop: Any) -> None:
    """It reads its list for so long that another one has made the occurrence, of another list."""
    add(bench)

    def slow() -> list[str]:
        bench.clock.forward(minutes=6)
        shop.fridays = lambda: people(2)
        with mock.patch("dispatcher.api.operator.Database", return_value=bench.dispatcher.database):
            other = Dispatcher(bench.settings, clock=bench.clock, gateway=bench.gateway)
        assert other.make_occurrences() == 1
        return people(3)

    shop.fridays = slow
    bench.clock.forward(seconds=(FIRST - HOUR - bench.clock()).total_seconds())
    bench.dispatcher.make_occurrences()
    assert references(bench) == ["weekly-offer-2026-11-27-10h00"]
    assert bench.progress("weekly-offer-2026-11-27-10h00").recipients == 2
    assert found(bench) == [("made", "weekly-offer-2026-11-27-10h00", "")]


def test_change_while_an_occurrence_is_made_is_not_lost(bench: Bench, shop: Any) -> None:
    add(bench)

    def changing() -> list[str]:
        shop.fridays = lambda: people(3)
        bench.dispatcher.series.change("weekly-offer", text="Un autre texte")
        return people(3)

    shop.fridays = changing
    at(bench, FIRST - HOUR)
    assert [one.text for one in bench.campaigns()] == ["Un autre texte"]


def test_pause_while_an_occurrence_is_made_stops_it(bench: Bench, shop: Any) -> None:
    add(bench)

    def pausing() -> list[str]:
        bench.dispatcher.series.pause("weekly-offer")
        return people(3)

    shop.fridays = pausing
    at(bench, FIRST - HOUR)
    assert references(bench) == []


# -- missed


def test_occurrence_missed_in_an_outage_runs_late_and_says_so(
    bench: Bench, shop: ModuleType
) -> None:
    add(bench)
    at(bench, FIRST + 4 * HOUR)
    assert len(bench.gateway.ledger) == 3
    [one] = bench.dispatcher.series.occurrences("weekly-offer")
    assert (one.late, one.state.value) == (True, "made")
    assert events(bench) == ["occurrence_late"]
    [noted] = bench.actions("late occurrence")
    assert noted.reason == "weekly-offer-2026-11-27-10h00 was missed, and runs late"


def test_occurrence_missed_in_an_outage_is_skipped_by_policy_and_says_so(
    bench: Bench, shop: ModuleType
) -> None:
    add(bench, missed="skip")
    at(bench, FIRST + 4 * HOUR)
    assert references(bench) == []
    why = "missed: no worker made it in time"
    assert found(bench) == [("skipped", "weekly-offer-2026-11-27-10h00", why)]
    assert events(bench) == ["occurrence_skipped"]
    [noted] = bench.actions("skip occurrence")
    assert noted.reason == f"weekly-offer-2026-11-27-10h00: {why}"


def test_long_outage_ends_in_one_campaign_and_no_burst(bench: Bench, shop: ModuleType) -> None:
    add(bench, rule="FREQ=HOURLY;BYHOUR=9,10,11,12,13,14,15,16")
    at(bench, bench.clock() + timedelta(days=3))
    states = Counter(state for state, _, _ in found(bench))
    assert states["made"] <= 1 + 2  # the late one, and those within the lead
    assert states["skipped"] > 15
    assert len(bench.gateway.ledger) == 3


# -- a list that cannot be read


def test_list_that_cannot_be_read_is_told_once_and_tried_until_it_can(
    bench: Bench, shop: Any
) -> None:
    add(bench)
    working = shop.fridays

    def broken() -> list[str]:
        raise ValueError("no table of 06 39 98 00 01")

    shop.fridays = broken
    for minutes in range(5):
        at(bench, FIRST - HOUR + timedelta(minutes=minutes))
    series = bench.dispatcher.series.get("weekly-offer")
    assert series.problem == "shop_of_series:fridays raised ValueError"
    assert series.problem_at == FIRST - HOUR
    assert [one.name for one in bench.dispatcher.series.blocked()] == ["weekly-offer"]
    assert events(bench) == ["occurrence_blocked"]
    assert len(bench.actions("blocked series")) == 1
    assert references(bench) == []

    shop.fridays = working
    at(bench, FIRST - timedelta(minutes=30))
    assert references(bench) == ["weekly-offer-2026-11-27-10h00"]
    assert bench.dispatcher.series.blocked() == ()
    assert events(bench) == ["occurrence_blocked"]


@pytest.mark.parametrize("missed", ["late", "skip"])
def test_list_that_cannot_be_read_until_the_end_skips_the_occurrence_with_the_reason(
    bench: Bench, shop: Any, missed: str
) -> None:
    add(bench, not_after=2 * HOUR, missed=missed)
    shop.fridays = lambda: None
    for minutes in range(0, 200, 30):
        at(bench, FIRST - HOUR + timedelta(minutes=minutes))
    [(state, _, why)] = found(bench)
    assert state == "skipped"
    assert "shop_of_series:fridays is a list of recipients, or returns one, not NoneType" in why
    assert events(bench) == ["occurrence_blocked", "occurrence_skipped"]
    assert bench.dispatcher.series.get("weekly-offer").problem == ""


@pytest.mark.parametrize(
    ("missed", "state", "told"),
    [("late", "made", "occurrence_late"), ("skip", "skipped", "occurrence_skipped")],
)
def test_blocked_occurrence_that_is_mended_after_its_hour_is_made_late_or_told(
    bench: Bench, shop: Any, missed: str, state: str, told: str
) -> None:
    add(bench, missed=missed)
    shop.fridays = lambda: None
    for minutes in range(0, 120, 30):
        at(bench, FIRST - HOUR + timedelta(minutes=minutes))
    assert bench.dispatcher.series.get("weekly-offer").next_at == FIRST

    bench.dispatcher.series.change("weekly-offer", source="shop_of_series:everybody")
    at(bench, FIRST + HOUR)

    [(became, reference, why)] = found(bench)
    assert (became, reference) == (state, "weekly-offer-2026-11-27-10h00")
    assert why == ("" if state == "made" else "missed: no worker made it in time")
    assert events(bench) == ["occurrence_blocked", told]


def test_blocked_occurrence_may_be_mended_after_its_end(bench: Bench, shop: Any) -> None:
    add(bench, not_after=HOUR)
    shop.fridays = lambda: None
    at(bench, FIRST - HOUR)
    bench.clock.forward(seconds=3 * HOUR.total_seconds())  # no worker runs

    bench.dispatcher.series.change("weekly-offer", source="shop_of_series:everybody")
    bench.work()

    [(state, _, why)] = found(bench)
    assert (state, why) == ("skipped", "missed, and its end has passed: no worker made it in time")


def test_other_rule_tells_of_a_blocked_occurrence_whose_hour_has_passed(
    bench: Bench, shop: Any
) -> None:
    add(bench, rule=f"{FRIDAYS};COUNT=2")
    shop.fridays = lambda: None
    for minutes in range(0, 120, 30):
        at(bench, FIRST - HOUR + timedelta(minutes=minutes))

    saturdays, source = "FREQ=WEEKLY;BYDAY=SA;BYHOUR=10", "shop_of_series:everybody"
    changed = bench.dispatcher.series.change("weekly-offer", rule=saturdays, source=source)

    assert (changed.state, changed.next_at) == ("running", FIRST + timedelta(days=1))
    [(state, reference, why)] = found(bench)
    assert (state, reference) == ("skipped", "weekly-offer-2026-11-27-10h00")
    assert why.startswith("missed, and the rule was changed: shop_of_series:fridays is a list")
    assert events(bench) == ["occurrence_blocked", "occurrence_skipped"]
    [noted] = bench.actions("skip occurrence")
    assert noted.reason == f"{reference}: {why}"
    at(bench, FIRST + timedelta(days=1))
    assert references(bench) == ["weekly-offer-2026-11-28-10h00"]


def test_unforeseen_error_blocks_one_series_and_no_other(bench: Bench, shop: ModuleType) -> None:
    add(bench)
    bench.dispatcher.series.add("zweite", rule=FRIDAYS, text=TEXT, source="shop_of_series:fridays")
    make = Occurrences._make

    def broken(self: Any, series: Series, decision: Any, people: Any) -> None:
        if series.name == "weekly-offer":
            raise KeyError("a bug")
        make(self, series, decision, people)

    with mock.patch.object(Occurrences, "_make", broken):
        at(bench, FIRST - HOUR)
    assert references(bench) == ["zweite-2026-11-27-10h00"]
    [one] = bench.dispatcher.series.blocked()
    assert one.problem.startswith("an unforeseen error: KeyError")


def test_locked_database_is_no_problem_of_the_series(bench: Bench, shop: ModuleType) -> None:
    add(bench)
    busy = mock.patch("dispatcher.api.occurrences.submit", side_effect=StorageError("busy"))
    with busy:
        at(bench, FIRST - HOUR)
    assert bench.dispatcher.series.blocked() == ()
    at(bench, FIRST - HOUR + timedelta(minutes=1))
    assert len(references(bench)) == 1


# -- what people do


def test_paused_series_skips_what_begins_meanwhile(bench: Bench, shop: ModuleType) -> None:
    add(bench)
    series = bench.dispatcher.series
    assert series.pause("weekly-offer", reason="too many").state == "paused"
    at(bench, FIRST - HOUR)
    assert found(bench) == []
    at(bench, FIRST + HOUR)
    assert found(bench) == [("skipped", "weekly-offer-2026-11-27-10h00", "the series was paused")]
    assert series.resume("weekly-offer").state == "running"
    at(bench, FIRST + WEEK - HOUR)
    assert references(bench) == ["weekly-offer-2026-12-04-10h00"]


def test_next_occurrence_is_skipped_and_the_one_behind_it_is_made(
    bench: Bench, shop: ModuleType
) -> None:
    add(bench)
    assert bench.dispatcher.series.skip("weekly-offer", reason="strike", by="zoe").next_at == (
        FIRST + WEEK
    )
    at(bench, FIRST + HOUR)
    at(bench, FIRST + WEEK - HOUR)
    assert found(bench) == [
        ("skipped", "weekly-offer-2026-11-27-10h00", "skipped by zoe: strike"),
        ("made", "weekly-offer-2026-12-04-10h00", ""),
    ]


def test_number_in_the_reason_of_a_skip_is_masked(bench: Bench, shop: ModuleType) -> None:
    add(bench)
    bench.dispatcher.series.skip("weekly-offer", reason="asked by 06 39 98 00 01", by="zoe")
    [(_, _, reason)] = found(bench)
    assert reason.startswith("skipped by zoe: asked by")
    assert "98 00" not in reason


def test_change_counts_from_the_next_occurrence_on(bench: Bench, shop: ModuleType) -> None:
    add(bench)
    at(bench, FIRST - HOUR)
    changed = bench.dispatcher.series.change(
        "weekly-offer",
        rule="FREQ=WEEKLY;BYDAY=FR,SA;BYHOUR=10,14",
        text="Nouveau",
        not_after=3 * HOUR,
    )
    assert changed.next_at == FIRST + 24 * HOUR  # behind the day of the one that was made
    assert (changed.version, changed.lasts) == (2, 3 * HOUR)
    at(bench, FIRST + 24 * HOUR)
    assert [one.text for one in bench.campaigns()] == [TEXT, "Nouveau"]
    assert bench.dispatcher.series.change("weekly-offer", not_after=timedelta(0)).lasts is None


def test_changed_rule_has_no_second_occurrence_on_a_day_that_has_one(
    bench: Bench, shop: ModuleType
) -> None:
    add(bench)
    series = bench.dispatcher.series
    at(bench, FIRST - 2 * HOUR)
    later = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=11"
    assert series.change("weekly-offer", rule=later).next_at == FIRST + WEEK + HOUR
    assert series.change("weekly-offer", missed="skip").next_at == FIRST + WEEK + HOUR
    at(bench, FIRST + HOUR)
    assert len(bench.gateway.ledger) == 3
    # that of the next week is skipped: its day is free
    series.skip("weekly-offer")
    at(bench, FIRST + WEEK)
    afternoon = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=14"
    assert series.change("weekly-offer", rule=afternoon).next_at == FIRST + WEEK + 4 * HOUR


def test_change_of_the_text_leaves_the_other_hours_of_the_day(
    bench: Bench, shop: ModuleType
) -> None:
    add(bench, rule="FREQ=WEEKLY;BYDAY=FR;BYHOUR=10,14")
    at(bench, FIRST)
    assert (
        bench.dispatcher.series.change("weekly-offer", text="Nouveau").next_at == FIRST + 4 * HOUR
    )


def test_reading_of_another_kind_of_list_takes_the_place_of_the_old_one(
    bench: Bench, shop: Any, tmp_path: Path
) -> None:
    path = tmp_path / "clients.csv"
    path.write_text("\n".join(["nom;portable", f"Zoé;{people(1)[0]}"]), encoding="utf-8")
    add(bench, path, reading={"column": "portable"})
    change = bench.dispatcher.series.change
    with pytest.raises(InvalidCampaign, match="not read by 'column'"):
        change("weekly-offer", source="shop_of_series:fridays")
    changed = change("weekly-offer", source="shop_of_series:fridays", reading={"column": None})
    assert changed.reading == {}


def test_series_that_has_run_for_years_may_be_changed(bench: Bench, shop: ModuleType) -> None:
    add(bench)
    bench.clock.forward(days=800)
    change = bench.dispatcher.series.change
    assert change("weekly-offer", text="Nouveau", since=BENCH_DAY).since == BENCH_DAY
    with pytest.raises(InvalidCampaign, match="counts from a day of the last year"):
        change("weekly-offer", since=BENCH_DAY + timedelta(days=1))


def test_record_of_a_change_names_what_changed_as_its_author_does(
    bench: Bench, shop: ModuleType
) -> None:
    add(bench)
    change = bench.dispatcher.series.change
    change("weekly-offer", source="shop_of_series:everybody", not_after=HOUR, missed="skip")
    [noted] = bench.actions("change series")
    assert noted.reason == "weekly-offer: list, not_after, missed"


def test_ended_series_makes_nothing_and_cannot_be_changed(bench: Bench, shop: ModuleType) -> None:
    add(bench)
    series = bench.dispatcher.series
    series.end("weekly-offer", reason="over")
    at(bench, FIRST + WEEK)
    assert references(bench) == []
    for act in (series.pause, series.resume, series.skip, series.change):
        with pytest.raises(IllegalMove, match="has ended"):
            act("weekly-offer")
    with pytest.raises(IllegalMove, match="there is no next occurrence"):
        series.plan("weekly-offer")
    with pytest.raises(ReferenceTaken):
        add(bench)


def test_series_ends_with_its_last_occurrence(bench: Bench, shop: ModuleType) -> None:
    add(bench, rule=f"{FRIDAYS};COUNT=2")
    for week in range(2):
        at(bench, FIRST + week * WEEK)
    assert len(references(bench)) == 2
    assert bench.dispatcher.series.get("weekly-offer").state == "ended"


def test_coming_occurrences_name_closed_days(bench: Bench, shop: ModuleType) -> None:
    add(bench)
    coming = bench.dispatcher.series.coming("weekly-offer", limit=7)
    assert [one.closed for one in coming] == [
        *("", "", "", "", "Christmas Day", "New Year's Day", ""),
    ]


def test_plan_of_the_next_occurrence_writes_nothing(bench: Bench, shop: ModuleType) -> None:
    add(bench)
    plan = bench.dispatcher.series.plan("weekly-offer")
    assert plan.kept == 3
    assert plan.opens_at == FIRST
    assert references(bench) == []


# -- bad input, told when it is set up


@pytest.mark.parametrize(
    ("values", "error", "says"),
    [
        ({"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=9"}, InvalidCampaign, "never occurs"),
        ({"rule": "FREQ=WEEKLY;BYDAY=SU;BYHOUR=9"}, InvalidCampaign, "on closed days only: Sunday"),
        ({"rule": "FREQ=MINUTELY"}, InvalidCampaign, "more often than hourly"),
        ({"source": "/nowhere/list.csv"}, InvalidFile, "cannot open /nowhere/list.csv"),
        ({"source": "nowhere_at_all:x"}, ConfigurationError, "no module 'nowhere_at_all'"),
        ({"source": "shop_of_series:x"}, ConfigurationError, "has no function 'x'"),
        ({"source": "shop_of_series:broken"}, InvalidFile, "raised ZeroDivisionError"),
        ({"source": "shop_of_series:half"}, InvalidFile, "raised ZeroDivisionError"),
        ({"source": "shop_of_series:wrong"}, NobodyToText, "none of 1 row"),
        ({"source": "-"}, InvalidCampaign, "name a file"),
        ({"text": ""}, UnusableInput, "text"),
        ({"not_after": timedelta(hours=1), "rule": "FREQ=DAILY;BYHOUR=23"}, InvalidCampaign,
         "would expire before the window opens: after 20:00"),
        ({"lead": timedelta(days=9)}, InvalidCampaign, "lead is a duration"),
        ({"since": date(2000, 1, 1)}, InvalidCampaign, "counts from a day of the last year"),
        ({"missed": "never"}, InvalidCampaign, "late or skip"),
        ({"reading": {"column": "x"}}, InvalidCampaign, "not read by 'column'"),
        ({"not_before": FIRST}, InvalidCampaign, "it has no not_before"),
        ({"hand_over": True}, InvalidCampaign, "it has no hand_over"),
        ({"account": "none"}, InvalidCampaign, "none"),
        ({"except_campaign": ["lyon"]}, InvalidCampaign, "there is no such campaign: submit it"),
    ],
)  # fmt: skip
def test_series_that_cannot_work_is_refused_when_it_is_set_up(
    bench: Bench, shop: Any, values: dict[str, Any], error: type[Exception], says: str
) -> None:
    def half() -> Iterator[str]:
        yield people(1)[0]
        yield str(1 / 0)

    shop.half, shop.broken, shop.wrong = half, lambda: 1 / 0, lambda: ["0139980001"]
    with pytest.raises(error, match=says):
        add(bench, **values)
    assert bench.dispatcher.series.all() == ()
    assert not bench.actions("add series")


def test_series_that_would_refuse_its_own_repeats_is_refused_when_it_is_set_up(
    tables: Database, shop: ModuleType
) -> None:
    empty(tables)
    with opened(tables, repeat_mode="block", repeat_days=7) as bench:
        with pytest.raises(InvalidCampaign, match="repeats the text too soon"):
            add(bench)
        add(bench, rule="FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;BYHOUR=10")
        for turn in range(2):
            at(bench, FIRST + 2 * turn * WEEK - HOUR)
            at(bench, FIRST + 2 * turn * WEEK)
        assert [state for state, _, _ in found(bench)] == ["made", "made"]


def test_error_of_the_application_leaves_no_number_in_its_traceback(
    bench: Bench, shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Iterator[str]:
        raise ValueError("bad 06 39 98 00 01")

    def failing_later() -> Iterator[str]:
        yield people(1)[0]
        fail()

    shop.called, shop.later = fail, failing_later
    shop.__getattr__ = lambda name: fail()
    with monkeypatch.context() as patched:
        patched.setattr(series_lists, "_asked", [fail])
        _refused_without_number(bench, "everybody", "raised ValueError")
    _refused_without_number(bench, "called", "raised ValueError")
    _refused_without_number(bench, "later", "raised ValueError")
    _refused_without_number(bench, "absent", "cannot be imported: ValueError")


def _refused_without_number(bench: Bench, name: str, says: str) -> None:
    with pytest.raises((InvalidFile, ConfigurationError), match=says) as raised:
        add(bench, f"shop_of_series:{name}")
    assert "98 00 01" not in "".join(traceback.format_exception_only(raised.value))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("encoding", ["nowhere", "undefined", "hex", "\0", "\udc80", "é" * 300])
def test_encoding_that_is_none_is_refused_in_one_sentence(
    bench: Bench, tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "clients.csv"
    path.write_text("\n".join(people(2)), encoding="utf-8")
    with pytest.raises(UnusableInput):
        add(bench, path, reading={"encoding": encoding})


def test_list_that_is_empty_today_may_be_set_up(bench: Bench, shop: Any) -> None:
    shop.fridays = list
    add(bench)
    at(bench, FIRST - HOUR)
    assert bench.dispatcher.series.get("weekly-offer").problem == "no recipients"


# -- approval


def test_occurrence_that_needs_approval_is_handed_in_and_approved_by_somebody_else(
    tables: Database, shop: ModuleType
) -> None:
    empty(tables)
    who = ["zoe"]
    with (
        opened(tables, approval="required") as bench,
        mock.patch.object(actor, "_signed_in", [lambda: who[0]]),
    ):
        shop.fridays = lambda: [  # type: ignore[attr-defined]
            {"phone": phone, "prenom": "Zoé"} for phone in people(2)
        ]
        add(bench, text="Bonjour {{ prenom }}", not_after=3 * HOUR, tags=["offer"])
        who[0] = "luc"
        bench.dispatcher.series.change("weekly-offer", lead=3 * HOUR)
        at(bench, FIRST - 2 * HOUR)
        at(bench, FIRST - 2 * HOUR + timedelta(minutes=1))
        drafts = bench.dispatcher.drafts
        draft = drafts.get("weekly-offer-2026-11-27-10h00")
        assert (draft.state, draft.author, draft.writers) == ("handed_in", "zoe", ("zoe", "luc"))
        assert (draft.rows, draft.options["not_before"]) == (2, FIRST)
        assert references(bench) == []
        for name in ("zoe", "luc"):
            who[0] = name
            with pytest.raises(NotAllowed):
                drafts.approve(draft.id, fingerprint=draft.fingerprint)
        who[0] = "ada"
        approved = drafts.approve(draft.id, fingerprint=draft.fingerprint)
        assert approved.campaign is not None
        at(bench, FIRST)
        assert len(bench.gateway.ledger) == 2
        [one] = bench.dispatcher.series.occurrences("weekly-offer")
        assert (one.state.value, one.campaign) == ("handed_in", approved.campaign)
        bench.check()


# -- restored


def test_restored_database_makes_nothing_that_may_have_left(bench: Bench, shop: ModuleType) -> None:
    add(bench)
    bench.clock.forward(seconds=(FIRST + HOUR - bench.clock()).total_seconds())
    bench.dispatcher.accept_restored(by="ops")
    bench.dispatcher.resume_all(by="ops")
    at(bench, FIRST + 2 * HOUR)
    assert references(bench) == []
    [(state, _, why)] = found(bench)
    assert (state, why) == (
        "skipped",
        "the database was restored: it may have left after the backup",
    )


# -- nine years


@pytest.mark.timeout(600)
def test_nine_years_of_fridays_make_one_campaign_each_or_none_with_a_reason(
    sqlite_tables: Database, shop: ModuleType
) -> None:
    """Both clock changes, holidays, two beats, and an outage of three days a year."""
    empty(sqlite_tables)
    begins = datetime(2027, 1, 4, 9, tzinfo=UTC)
    with opened(sqlite_tables, at=begins) as bench:
        with mock.patch("dispatcher.api.operator.Database", return_value=sqlite_tables):
            other = Dispatcher(bench.settings, clock=bench.clock, gateway=bench.gateway)
        offer: dict[str, Any] = {"rule": FRIDAYS, "text": TEXT, "source": "shop_of_series:fridays"}
        series = bench.dispatcher.series
        series.add("day-of", not_after=9 * HOUR, missed="skip", **offer)
        series.add("always", **offer)
        rule = Rule(FRIDAYS, begins.date())
        end = datetime(2036, 1, 1, tzinfo=UTC)
        expected: dict[str, dict[datetime, str]] = {"day-of": {}, "always": {}}
        for number, start in enumerate(rule.all_after(begins)):
            if start >= end:
                break
            outage = number % 52 == 20
            ticks = [start + timedelta(days=2)] if outage else [start - HOUR, start]
            for tick in ticks:
                bench.clock.forward(seconds=(tick - bench.clock()).total_seconds())
                for beat in (bench.dispatcher, other, bench.dispatcher):
                    beat.make_occurrences()
            [(day, name)] = bench.dispatcher.windows.closed_days_after(start, "metropole", 1)
            closed = name if day == start.astimezone(PARIS).date() else ""
            why = closed and f"it would expire before the window opens: {closed}"
            expected["day-of"][start] = "missed: no worker made it in time" if outage else why
            expected["always"][start] = ""
        bench.clock.forward(seconds=(end - bench.clock()).total_seconds())
        for name, reasons in expected.items():
            past = {one.at: one for one in series.occurrences(name, limit=1000) if one.at < end}
            assert past.keys() == reasons.keys()
            for start, why in reasons.items():
                one = past[start]
                assert f"{one.at.astimezone(PARIS):%a %H:%M}" == "Fri 10:00"
                assert one.reason.split(", ")[0] == why or one.reason == why
                assert (one.campaign is None) == bool(why)
        campaigns = bench.campaigns()
        made = [why for reasons in expected.values() for why in reasons.values() if not why]
        assert len(campaigns) == len({one.reference for one in campaigns}) == len(made)
        assert sum("window opens" in why for why in expected["day-of"].values()) == 5
        late = [one for one in series.occurrences("always", limit=1000) if one.late]
        assert len(late) == 9
