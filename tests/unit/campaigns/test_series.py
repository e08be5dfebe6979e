from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from dispatcher.campaigns import series, series_checks, series_fields
from dispatcher.campaigns.recurrence import Rule
from dispatcher.campaigns.series import GRACE, Decision, Occurrence, Series, due
from dispatcher.campaigns.states import Missed, OccurrenceState, SeriesState
from dispatcher.errors import InvalidCampaign
from dispatcher.masking import masked
from dispatcher.window import Hold
from dispatcher.window.slots import PARIS

#: a Friday, 10:00 in Paris
AT = datetime(2026, 12, 4, 9, tzinfo=UTC)
NEXT = AT + timedelta(days=7)
#: the clock of Paris changes on its 28th
MARCH = datetime(2027, 2, 28, 23, tzinfo=UTC), datetime(2027, 3, 31, 22, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def weekly(**values: object) -> Series:
    facts: dict[str, object] = {
        "id": 1, "name": "weekly-offer", "account": "", "version": 1,
        "state": SeriesState.RUNNING, "rule": "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10",
        "since": date(2026, 11, 29), "text": "Bonjour", "options": {}, "source": "list.csv",
        "reading": {}, "lead": 2 * HOUR, "lasts": None, "missed": Missed.LATE, "author": "zoe",
        "writers": ("zoe",), "created_at": AT, "changed_at": AT, "changed_by": "zoe",
        "next_at": AT, "due_at": AT,
    }  # fmt: skip
    return Series(**facts | values)  # type: ignore[arg-type]


def never(_: datetime) -> None:
    """What an open window holds."""


def decided(one: Series, now: datetime) -> Decision | None:
    return due(one, now, never)


def test_occurrence_waits_until_its_lead() -> None:
    assert decided(weekly(), AT - 2 * HOUR - MINUTE) is None
    assert decided(weekly(), AT - 2 * HOUR) == Decision(AT)


def test_occurrence_shortly_after_its_start_is_in_time() -> None:
    assert decided(weekly(lead=timedelta(0), missed=Missed.SKIP), AT + GRACE) == Decision(AT)


def test_missed_occurrence_runs_late_or_is_skipped() -> None:
    assert decided(weekly(), AT + HOUR) == Decision(AT, late=True)
    skipped = decided(weekly(missed=Missed.SKIP), AT + HOUR)
    assert skipped is not None
    assert skipped.skipped == "missed: no worker made it in time"


def test_missed_occurrence_says_why_its_list_could_not_be_read() -> None:
    skipped = decided(weekly(missed=Missed.SKIP, problem="cannot open list.csv"), AT + HOUR)
    assert skipped is not None
    assert skipped.skipped == "missed: cannot open list.csv"


def test_of_several_missed_occurrences_the_last_alone_runs_late() -> None:
    now = NEXT + HOUR
    first = decided(weekly(), now)
    assert first is not None
    assert first.skipped.startswith("missed, and the next one is due already")
    assert decided(weekly(next_at=NEXT), now) == Decision(NEXT, late=True)


def test_missed_occurrence_whose_end_has_passed_is_skipped() -> None:
    skipped = decided(weekly(lasts=3 * HOUR), AT + 3 * HOUR)
    assert skipped is not None
    assert skipped.skipped.startswith("missed, and its end has passed")


def test_occurrence_that_would_expire_before_the_window_opens_is_skipped() -> None:
    def hold(at: datetime) -> Hold:
        return Hold(at + timedelta(days=1), "Christmas Day")

    skipped = due(weekly(lasts=3 * HOUR), AT - HOUR, hold)
    assert skipped is not None
    assert skipped.skipped == "it would expire before the window opens: Christmas Day"
    # what is not commercial knows no window; without an end it waits for the window
    alert = weekly(lasts=3 * HOUR, options={"commercial": False})
    assert due(alert, AT - HOUR, hold) == Decision(AT)
    assert due(weekly(), AT - HOUR, hold) == Decision(AT)


def test_missed_occurrence_is_skipped_once_the_next_one_is_made() -> None:
    """A worker is back on Friday at 08:59: that of Thursday would leave beside that of Friday."""
    thursday, daily = AT - DAY, "FREQ=DAILY;BYHOUR=10"
    now = AT - HOUR - MINUTE
    skipped = decided(weekly(rule=daily, next_at=thursday), now)
    assert skipped == Decision(
        thursday, late=True,
        skipped="missed, and the next one is due already: no worker made it in time",
    )  # fmt: skip
    assert decided(weekly(rule=daily, next_at=AT), now) == Decision(AT)


def test_missed_occurrence_that_would_leave_on_the_day_of_the_next_one_is_skipped() -> None:
    thursday, daily = AT - DAY, "FREQ=DAILY;BYHOUR=10"
    shortly = weekly(rule=daily, next_at=thursday, lead=MINUTE)
    skipped = decided(shortly, AT - 2 * HOUR)
    assert skipped is not None
    assert skipped.skipped == (
        "it would leave on the day of the next one: no worker made it in time"
    )
    # before midnight it runs late, unless the window holds it until then
    assert decided(shortly, thursday + 8 * HOUR) == Decision(thursday, late=True)
    held = due(shortly, thursday + 11 * HOUR, lambda at: Hold(at + 11 * HOUR, "after 20:00"))
    assert held is not None
    assert held.skipped == "it would leave on the day of the next one: after 20:00"


def sundays(at: datetime) -> Hold | None:
    """What is closed on Sundays, and from 20:00 to 08:00."""
    wall = at.astimezone(PARIS)
    day, why = wall.date(), "Sunday" if wall.weekday() == 6 else "after 20:00"
    if wall.hour >= 20 or wall.weekday() == 6:
        day += DAY
    if day.weekday() == 6:
        day += DAY
    opens = datetime.combine(day, time(8), PARIS)
    return Hold(opens.astimezone(UTC), why) if opens > wall else None


@pytest.mark.parametrize(
    ("rule", "leave"),
    [
        # Sunday's would leave two hours before Monday's
        ("FREQ=DAILY;BYHOUR=10", ["Fri 10", "Sat 10", "Mon 10", "Tue 10"]),
        # that of Saturday evening would leave with that of Sunday
        ("FREQ=DAILY;BYHOUR=21", ["Sat 08", "Mon 08", "Tue 08"]),
        ("FREQ=DAILY;BYHOUR=7", ["Fri 08", "Sat 08", "Mon 08", "Tue 08"]),
        # what has several a day by itself has them all, but for those that leave at one moment
        ("FREQ=DAILY;BYHOUR=7,18", [
            "Fri 08", "Fri 18", "Sat 08", "Sat 18", "Mon 08", "Mon 18", "Tue 08", "Tue 18",
        ]),
        ("FREQ=DAILY;BYHOUR=6,7,18", [
            "Fri 08", "Fri 18", "Sat 08", "Sat 18", "Mon 08", "Mon 18", "Tue 08", "Tue 18",
        ]),
        ("FREQ=WEEKLY;BYDAY=SU;BYHOUR=10", ["Mon 08"]),
    ],
)  # fmt: skip
def test_two_occurrences_never_leave_on_one_day_unless_the_rule_has_several_a_day(
    rule: str, leave: list[str]
) -> None:
    start = datetime(2026, 12, 4, tzinfo=PARIS).astimezone(UTC)
    end = start + 5 * DAY
    found = []
    for at in Rule(rule, date(2026, 12, 1)).all_after(start):
        if at >= end:
            break
        decision = due(weekly(rule=rule, next_at=at), at - 2 * HOUR, sundays)
        assert decision is not None
        if not decision.skipped:
            held = sundays(at)
            found.append(held.until if held else at)
        else:
            assert decision.skipped.startswith("it would leave on the day of the next one: ")
    assert [f"{at.astimezone(PARIS):%a %H}" for at in found if at < end] == leave


def test_what_knows_no_window_leaves_on_sundays_too() -> None:
    sunday = AT + 2 * DAY
    alert = weekly(rule="FREQ=DAILY;BYHOUR=10", next_at=sunday, options={"commercial": False})
    assert due(alert, sunday - HOUR, sundays) == Decision(sunday)


def test_last_occurrence_of_a_series_waits_for_the_window() -> None:
    sunday = AT + 2 * DAY
    last = weekly(rule="FREQ=DAILY;BYHOUR=10;COUNT=8", next_at=sunday)
    assert last.following(sunday) is None
    assert due(last, sunday - HOUR, sundays) == Decision(sunday)


def test_occurrence_of_a_paused_series_is_skipped_once_it_begins() -> None:
    paused = weekly(state=SeriesState.PAUSED)
    assert decided(paused, AT - MINUTE) is None
    skipped = decided(paused, AT)
    assert skipped is not None
    assert skipped.skipped == "the series was paused"


def test_series_that_has_ended_does_nothing() -> None:
    assert decided(weekly(state=SeriesState.ENDED, next_at=None), AT) is None


def test_reference_is_that_of_the_hour_on_the_wall() -> None:
    assert weekly().reference(AT) == "weekly-offer-2026-12-04-10h00"


def test_day_on_which_the_last_occurrence_leaves_is_taken() -> None:
    def taken(at: datetime, decided_at: datetime, **values: object) -> str:
        last = Occurrence(at=at, reference="", state=OccurrenceState.MADE, decided_at=decided_at)
        end = series.day_taken(weekly(**values), last, sundays)
        return f"{end.astimezone(PARIS):%a %Y-%m-%d %H:%M}"

    assert taken(AT, AT - 2 * HOUR) == "Sat 2026-12-05 00:00"
    # made late, or held by the window
    assert taken(AT, AT + 23 * HOUR) == "Sun 2026-12-06 00:00"
    assert taken(AT + 2 * DAY, AT + 2 * DAY - HOUR) == "Tue 2026-12-08 00:00"
    alert = {"commercial": False}
    assert taken(AT + 2 * DAY, AT + 2 * DAY - HOUR, options=alert) == "Mon 2026-12-07 00:00"


def test_occurrence_that_cannot_be_made_is_tried_again_ever_more_seldom() -> None:
    tries, now = [], AT - DAY
    blocked = weekly(lead=DAY, problem="no list", problem_at=now)
    while now < AT + DAY:
        tries.append(now := series.tried_again(blocked, now))
    first = [round((at - (AT - DAY)) / MINUTE) for at in tries[:8]]
    assert first == [1, 2, 4, 8, 16, 32, 64, 124]
    assert AT in tries  # at its hour, whenever the last try was
    assert len(tries) < 60
    # no try is late for the next one
    assert series.tried_again(blocked, NEXT - DAY - MINUTE) == NEXT - DAY
    assert series.tried_again(weekly(), AT - HOUR) == AT - HOUR + MINUTE


@pytest.mark.parametrize("rule", ["FREQ=WEEKLY;BYDAY=FR;BYHOUR=10", "FREQ=DAILY;BYHOUR=10"])
def test_series_that_would_refuse_its_own_repeats_is_refused(rule: str) -> None:
    often = weekly(rule=rule)
    with pytest.raises(InvalidCampaign, match="too soon for DISPATCHER_REPEAT_MODE=block"):
        series_checks.check_repeats(often, 7 * DAY)
    series_checks.check_repeats(replace(often, options={"commercial": False}), 7 * DAY)
    series_checks.check_repeats(often, timedelta(0))


def test_series_that_repeats_its_text_later_than_it_must_is_taken() -> None:
    series_checks.check_repeats(weekly(), 6 * DAY)
    series_checks.check_repeats(weekly(rule="FREQ=DAILY;BYHOUR=10;COUNT=5"), 7 * DAY)
    # the last Friday of a month and the first of the next one are a week apart
    with pytest.raises(InvalidCampaign, match="DISPATCHER_REPEAT_DAYS=7"):
        series_checks.check_repeats(weekly(rule="FREQ=MONTHLY;BYDAY=1FR,-1FR;BYHOUR=10"), 7 * DAY)


def test_series_without_an_hour_that_is_open_is_refused() -> None:
    night = weekly(lasts=HOUR, rule="FREQ=WEEKLY;BYDAY=FR;BYHOUR=22")
    with pytest.raises(InvalidCampaign, match="before the window opens: after 20:00"):
        series_checks.check_leaves(night, lambda at: Hold(at + 10 * HOUR, "after 20:00"))
    series_checks.check_leaves(
        replace(night, lasts=None), lambda at: Hold(at + 10 * HOUR, "after 20:00")
    )


@pytest.mark.parametrize(
    ("words", "found"), [("90min", 90 * MINUTE), ("2h", 2 * HOUR), (" 3 D ", timedelta(days=3))]
)
def test_duration_is_read_as_people_write_it(words: str, found: timedelta) -> None:
    assert series_fields.duration_of("lead", words) == found


@pytest.mark.parametrize("words", ["", "2", "h", "-2h", "2 weeks", "2h30"])
def test_duration_of_another_kind_is_refused(words: str) -> None:
    with pytest.raises(InvalidCampaign, match="90min, 2h or 3d"):
        series_fields.duration_of("lead", words)


@pytest.mark.parametrize("name", ["", " ", "-x", "a b", "a/b", "x" * 81, "offer\n", "é\0"])
def test_name_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(InvalidCampaign, match="the name of a series"):
        series_fields.name_of(name)


def test_name_with_a_phone_number_is_refused() -> None:
    with pytest.raises(InvalidCampaign, match="at most 8 digits"):
        series_fields.name_of("offer-0639980001")


@pytest.mark.parametrize("name", ["a-06", "06", "boutique.04", "x-00"])
def test_name_that_looks_like_a_number_with_a_date_behind_it_is_refused(name: str) -> None:
    with pytest.raises(InvalidCampaign, match="with a date behind it looks like a phone number"):
        series_fields.name_of(name)


@pytest.mark.parametrize(
    "name", ["weekly-offer", "shop-2026", "06-a", "lyon3", "offer-0", "n-33", "7", "a_6"]
)
def test_reference_of_a_name_that_is_taken_looks_like_no_number(name: str) -> None:
    assert series_fields.name_of(name) == name
    for day in range(3 * 366):
        reference = weekly(name=name).reference(AT + day * DAY)
        assert masked(reference) == reference


@pytest.mark.parametrize("value", [timedelta(days=8), -HOUR])
def test_lead_of_another_length_is_refused(value: timedelta) -> None:
    with pytest.raises(InvalidCampaign, match="lead is a duration"):
        series_fields.lead_of(value)


def coming(one: Series, start: datetime, end: datetime) -> list[datetime]:
    return list(one.coming_in(start, end))


def test_coming_in_begins_at_its_start_and_ends_before_its_end() -> None:
    assert coming(weekly(), AT, NEXT) == [AT]
    assert coming(weekly(), AT + MINUTE, NEXT + MINUTE) == [NEXT]
    assert coming(weekly(), NEXT, NEXT + timedelta(days=7)) == [NEXT]
    assert coming(weekly(), AT - HOUR, AT) == []


def test_coming_in_has_nothing_before_the_next_occurrence() -> None:
    # that of this week is settled already
    assert coming(weekly(next_at=NEXT), AT - HOUR, NEXT + HOUR) == [NEXT]
    assert coming(weekly(next_at=NEXT), AT - HOUR, NEXT) == []


@pytest.mark.parametrize(
    "values", [{"state": SeriesState.PAUSED}, {"state": SeriesState.ENDED, "next_at": None}]
)
def test_series_that_does_not_run_has_nothing_to_come(values: dict[str, object]) -> None:
    assert coming(weekly(**values), AT - HOUR, NEXT + HOUR) == []


def test_coming_in_is_on_the_clock_of_paris_when_it_changes() -> None:
    march = [f"{at:%d %H:%M}" for at in coming(weekly(), *MARCH)]
    assert march == ["05 10:00", "12 10:00", "19 10:00", "26 10:00"]
    april = coming(weekly(), MARCH[1], MARCH[1] + timedelta(days=3))
    assert [f"{at:%d %H:%M}" for at in april] == ["02 10:00"]
