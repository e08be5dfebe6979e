from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from dispatcher.campaigns.hand_over import (
    LAG,
    LEAST,
    Cancellation,
    Ending,
    departure,
    ending,
    looked_up,
    too_near,
    waits_here,
)
from dispatcher.campaigns.schedule import Schedule
from dispatcher.campaigns.submission import Submission
from dispatcher.errors import InvalidCampaign
from dispatcher.gateway.smspartner.wire.schedule import slot
from dispatcher.window import Hold, Windows

PARIS = ZoneInfo("Europe/Paris")
MONDAY = datetime(2027, 3, 1, 9, tzinfo=PARIS)
HOUR = datetime(2027, 3, 2, 9, tzinfo=UTC)


def schedule(
    not_before: datetime,
    *,
    now: datetime = MONDAY,
    windows: Windows | None = None,
    **options: object,
) -> Schedule:
    values = {"hand_over": True, **options}
    submission = Submission(reference="r", text="t", not_before=not_before, **values)  # type: ignore[arg-type]
    return Schedule(submission, windows or Windows(), now)


def paris(wall: str) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=PARIS)


# -- the hour


@pytest.mark.parametrize(
    ("not_before", "territory", "hour"),
    [
        pytest.param("2027-03-02 10:00", "metropole", "2027-03-02 10:00", id="on the grid"),
        pytest.param("2027-03-02 10:01", "metropole", "2027-03-02 10:05", id="off the grid"),
        pytest.param("2027-03-02 19:58", "metropole", "2027-03-03 08:00", id="the grid closes"),
        pytest.param("2027-03-06 20:30", "metropole", "2027-03-08 08:00", id="over a Sunday"),
        # Easter Monday, and the change to summer time
        pytest.param("2027-03-27 21:00", "metropole", "2027-03-30 08:00", id="over Easter"),
        # Guadeloupe opens at 08:00 there, 13:00 in Paris in winter
        pytest.param("2027-03-02 08:00", "guadeloupe", "2027-03-02 13:00", id="overseas, west"),
        # La Réunion closes at 20:00 there, 17:00 in Paris
        pytest.param("2027-03-02 17:30", "la-reunion", "2027-03-03 08:00", id="overseas, east"),
        pytest.param("2027-03-26 08:00", "alsace-moselle", "2027-03-27 08:00", id="Good Friday"),
    ],
)
def test_hour_is_the_first_of_the_grid_in_the_recipients_window(
    not_before: str, territory: str, hour: str
) -> None:
    plan = schedule(paris(not_before))
    assert plan.handed(territory) == paris(hour)
    assert plan.hold(territory).until == paris(hour)
    assert Windows().hold(paris(hour), territory) is None
    slot(paris(hour))  # can be asked for


def test_custom_hours_off_the_grid_are_open_at_the_wanted_hour() -> None:
    windows = Windows(opens=time(9, 3))
    assert schedule(paris("2027-03-02 07:00"), windows=windows).handed("metropole") == paris(
        "2027-03-02 09:05"
    )


def test_transactional_hour_that_paris_shows_twice_is_moved() -> None:
    plan = schedule(paris("2027-10-31 02:30"), commercial=False)
    assert plan.handed("metropole") == paris("2027-10-31 03:00")


@pytest.mark.parametrize("minutes", [-60, 0, 3, 5])
def test_hour_in_less_than_ten_minutes_is_not_handed_over(minutes: int) -> None:
    start = MONDAY + timedelta(minutes=minutes)
    near, plain = schedule(start), schedule(start, hand_over=False)
    assert near.handed("metropole") is None
    assert near.hold("metropole") == plain.hold("metropole")


def test_batch_that_expires_by_its_hour_is_not_handed_over() -> None:
    start = paris("2027-03-02 10:00")
    plan = schedule(start, not_after=start + timedelta(hours=2))
    assert plan.handed("metropole") == start
    assert plan.handed("guadeloupe") is None  # opens at 13:00 Paris


def test_campaign_without_hand_over_has_no_hour() -> None:
    assert schedule(paris("2027-03-02 10:00"), hand_over=False).handed("metropole") is None


def test_hand_over_without_an_hour_is_refused() -> None:
    with pytest.raises(InvalidCampaign, match="hand_over needs not_before"):
        Submission(reference="r", text="t", hand_over=True)


@pytest.mark.parametrize(
    "kind", [{"text": "t", "from_number": "+33639980000"}, {"text": "", "survey": "abc"}]
)
def test_hand_over_of_a_call_for_each_person_is_refused(kind: dict[str, str]) -> None:
    with pytest.raises(InvalidCampaign, match="only a text from a sender is handed over"):
        Submission(reference="r", not_before=HOUR, hand_over=True, **kind)  # type: ignore[arg-type]


def test_hour_that_never_opens_gives_none() -> None:
    assert departure(HOUR, lambda at: Hold(at + timedelta(days=1), "never")) is None


# -- right before it is handed over


def test_open_hour_far_enough_away_is_handed_over() -> None:
    assert waits_here(HOUR, HOUR - LEAST, None, unproven=False) is None
    late = waits_here(HOUR, HOUR - LEAST + timedelta(seconds=1), None, unproven=False)
    assert late == Hold(HOUR, "scheduled")
    assert too_near(HOUR, HOUR - timedelta(minutes=9))


def test_past_hour_waits_only_for_the_window() -> None:
    now = HOUR + timedelta(hours=3)
    assert waits_here(HOUR, now, Hold(now, "x"), unproven=False) == Hold(now, "")


def test_hour_that_has_become_closed_is_not_handed_over() -> None:
    opening = Hold(HOUR + timedelta(days=1), "a new holiday")
    assert waits_here(HOUR, HOUR - timedelta(days=1), opening, unproven=False) == opening


def test_unproven_attempt_delays_the_hand_over_until_it_would_show() -> None:
    hold = waits_here(HOUR, HOUR - timedelta(days=1), None, unproven=True)
    assert hold is not None
    assert hold.until == HOUR + LAG


# -- asking for it back


@pytest.mark.parametrize(
    ("answer", "before", "after"),
    [
        (Cancellation.DONE, Ending.BACK, Ending.BACK),
        (Cancellation.ALREADY, Ending.BACK, Ending.BACK),
        (Cancellation.TOO_LATE, Ending.LEAVES, Ending.LEAVES),
        (Cancellation.LEFT, Ending.LEAVES, Ending.LEAVES),
        (Cancellation.UNKNOWN, Ending.AGAIN, Ending.DOUBT),
        (None, Ending.AGAIN, Ending.AGAIN),
    ],
)
def test_every_answer_to_a_cancellation_has_an_outcome(
    answer: Cancellation | None, before: Ending, after: Ending
) -> None:
    assert ending(answer, HOUR, HOUR - timedelta(hours=1)) is before
    assert ending(answer, HOUR, HOUR + timedelta(hours=1)) is after


def test_cancellation_unanswered_for_a_day_is_a_doubt() -> None:
    assert ending(None, HOUR, HOUR + timedelta(days=1)) is Ending.DOUBT


def test_every_answer_has_a_case() -> None:
    assert all(isinstance(ending(answer, HOUR, HOUR), Ending) for answer in Cancellation)


def test_doubt_is_looked_up_soon_after_its_hour() -> None:
    now, later = HOUR - timedelta(hours=2), HOUR + timedelta(days=2)
    assert looked_up(later, HOUR, now) == HOUR + LAG
    assert looked_up(now, HOUR, now) == now
    assert looked_up(later, HOUR, HOUR + LAG) == later
    assert looked_up(later, None, now) == later
