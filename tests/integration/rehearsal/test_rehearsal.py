"""Rehearsed campaigns: each agrees with its plan to the minute, or says where it does not."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dispatcher import (
    InvalidCampaign,
    InvalidText,
    NobodyToText,
    Recipient,
    Rehearsal,
    Settings,
    rehearse,
)
from dispatcher.campaigns import forecast
from dispatcher.campaigns.submission import RecipientInput
from dispatcher.rehearsal import FAULTS
from dispatcher.window import NeverOpen
from tests.integration.bench import people

PARIS = ZoneInfo("Europe/Paris")
TEXT = "Les soldes commencent"
#: a Friday morning without anything special about it
FRIDAY = datetime(2027, 3, 12, 10, tzinfo=PARIS)
#: one send in fifty seconds: three of them before the window closes at 20:00
SLOW = 0.02


#: some look at the clock a hundred times, which takes its time on a busy machine
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection and every lookup of a name."""

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"a rehearsal connects to {arguments[-1]}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def overseas(territory: str, count: int, start: int) -> list[Recipient]:
    return [Recipient(phone, territory=territory) for phone in people(count, start)]


def play(
    phones: Sequence[RecipientInput] | int = 1200,
    start: datetime = FRIDAY,
    *,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> Rehearsal:
    """A rehearsal; of people on the mainland if it only matters how many."""
    if isinstance(phones, int):
        phones = people(phones)
    values = {"sender": "MaBoutique", "prices": "metropole=0.038", **(settings or {})}
    return rehearse(TEXT, phones, start=start, settings=Settings.of(**values), **options)


def told(found: Rehearsal) -> list[tuple[str, str, int, str]]:
    """What left: the day, the territory, how many, and the first and last minute in Paris."""
    return [
        (
            f"{one.day:%d/%m}",
            one.territory,
            one.left.messages,
            "–".join(f"{at.astimezone(PARIS):%H:%M}" for at in (one.left.first, one.left.last)),
        )
        for one in found.days
        if one.left
    ]


def agreed(found: Rehearsal) -> list[tuple[str, str, int, str]]:
    """The same, if it is what the plan said, and everybody got one message."""
    assert (found.differences, found.twice, found.why) == ((), 0, ())
    assert found.agrees
    assert found.progress.state == "finished"
    assert found.left == found.planned == found.progress.messages["delivered"]
    for one in found.days:
        assert one.planned is not None
        assert one.left is not None
        assert abs(one.left.first - one.planned.first) < timedelta(minutes=1)
        assert abs(one.left.last - one.planned.last) < timedelta(minutes=1)
        assert one.left.messages == one.planned.messages
    return told(found)


# -- it agrees with its plan


def test_rehearsal_over_christmas_agrees_with_its_plan() -> None:
    evening = datetime(2027, 12, 24, 19, 57, tzinfo=PARIS)
    found = play(2300, evening, settings={"rate": SLOW})
    # Christmas is a Saturday in 2027
    assert agreed(found) == [
        ("24/12", "metropole", 1500, "19:57–19:58"),
        ("27/12", "metropole", 800, "08:00–08:00"),
    ]


def test_rehearsal_over_a_sunday_agrees_with_its_plan() -> None:
    saturday = datetime(2027, 3, 13, 19, 57, tzinfo=PARIS)
    assert agreed(play(1600, saturday, settings={"rate": SLOW})) == [
        ("13/03", "metropole", 1500, "19:57–19:58"),
        ("15/03", "metropole", 100, "08:00–08:00"),
    ]


def test_rehearsal_over_the_first_of_may_agrees_with_its_plan() -> None:
    eve = datetime(2026, 4, 30, 21, tzinfo=PARIS)  # a Thursday: Friday and Sunday are closed
    assert agreed(play(10, eve)) == [("02/05", "metropole", 10, "08:00–08:00")]


@pytest.mark.parametrize(
    ("start", "opens"),
    [
        (datetime(2027, 3, 27, 20, tzinfo=PARIS), "30/03"),  # Easter Monday is closed, too
        (datetime(2027, 10, 30, 20, tzinfo=PARIS), "02/11"),  # All Saints' Day is closed, too
    ],
    ids=["summer time begins", "summer time ends"],
)
def test_rehearsal_over_a_change_of_the_clocks_agrees_with_its_plan(
    start: datetime, opens: str
) -> None:
    assert agreed(play(700, start)) == [(opens, "metropole", 700, "08:00–08:00")]


def test_smoothed_rehearsal_over_a_closing_agrees_with_its_plan() -> None:
    evening = datetime(2027, 5, 5, 19, 30, tzinfo=PARIS)  # before Ascension
    found = play([*people(1000), *overseas("la-reunion", 50, 1000)], evening, per_hour=1000)
    assert found.plan.per_hour == 1000
    assert agreed(found) == [
        ("05/05", "metropole", 498, "19:30–19:55"),
        ("07/05", "la-reunion", 50, "08:30–08:30"),
        ("07/05", "metropole", 502, "08:00–08:33"),
    ]


def test_rehearsal_over_a_duration_agrees_with_its_plan() -> None:
    found = play(360, FRIDAY, over=timedelta(hours=6))
    assert agreed(found) == [("12/03", "metropole", 360, "10:00–15:55")]


@pytest.mark.parametrize("month", [3, 10])
def test_transactional_rehearsal_in_the_night_of_the_change_agrees_with_its_plan(
    month: int,
) -> None:
    night = datetime(2027, month, 28 if month == 3 else 31, 1, 30, tzinfo=PARIS)
    found = play(2500, night, settings={"rate": 1 / 1200}, commercial=False, reason="an alert")
    agreed(found)
    hours = (found.days[0].left, found.days[0].planned)
    assert [one and (one.last - one.first) for one in hours] == [timedelta(minutes=80)] * 2


def test_rehearsal_in_several_territories_agrees_with_its_plan() -> None:
    phones: list[RecipientInput] = [
        *people(600),
        *overseas("la-reunion", 700, 600),
        *overseas("guadeloupe", 700, 1300),
    ]
    start = datetime(2027, 3, 12, 5, tzinfo=PARIS)
    # one send in two minutes: the turns of the territories count
    assert agreed(play(phones, start, settings={"rate": 1 / 120})) == [
        ("12/03", "guadeloupe", 700, "13:00–13:02"),
        ("12/03", "la-reunion", 700, "08:02–08:06"),
        ("12/03", "metropole", 600, "08:00–08:04"),
    ]


def test_rehearsal_with_other_hours_agrees_with_its_plan() -> None:
    hours = {"window_opens": "10:00", "window_closes": "12:00", "rate": SLOW}
    assert agreed(play(1600, FRIDAY.replace(hour=11, minute=57), settings=hours)) == [
        ("12/03", "metropole", 1500, "11:57–11:58"),
        ("13/03", "metropole", 100, "10:00–10:00"),
    ]


def test_rehearsal_at_its_daily_cap_agrees_with_its_plan() -> None:
    settings = {"daily_recipients": 1200, "daily_euros": "50", "weekly_messages": 1}
    assert agreed(play(1200, settings=settings)) == [("12/03", "metropole", 1200, "10:00–10:00")]


def test_campaign_above_a_cap_is_refused_as_submit_refuses_it() -> None:
    with pytest.raises(InvalidCampaign, match="1,200 recipients exceed the cap of 1,000 per day"):
        play(1200, settings={"daily_recipients": 1000})


def test_rehearsal_through_another_account_agrees_with_its_plan() -> None:
    settings = {"accounts": "shop", "rate_shop": 1 / 120, "sender_shop": "Autre", "rate": 5}
    assert agreed(play(1200, settings=settings, account="shop")) == [
        ("12/03", "metropole", 1200, "10:00–10:04")
    ]
    assert agreed(play(1200, settings=settings)) == [("12/03", "metropole", 1200, "10:00–10:00")]


def test_rehearsal_that_is_handed_over_agrees_with_its_plan() -> None:
    saturday = datetime(2027, 3, 13, 9, tzinfo=PARIS)
    found = play(1200, not_before=saturday, hand_over=True)
    assert agreed(found) == [("13/03", "metropole", 1200, "09:00–09:00")]


def test_what_expires_in_a_rehearsal_is_what_the_plan_calls_late() -> None:
    evening = datetime(2027, 12, 24, 19, 57, tzinfo=PARIS)
    found = play(2300, evening, settings={"rate": SLOW}, not_after=evening + timedelta(hours=1))
    assert found.agrees
    assert (found.left, found.plan.forecast.late) == (1500, 800)
    assert found.progress.messages["expired"] == 800


def test_those_who_opted_out_before_are_neither_planned_nor_texted() -> None:
    found = play(20, opted_out=people(5))
    assert found.agrees
    assert (found.planned, found.left, found.progress.messages["opted_out"]) == (15, 15, 5)
    assert found.stops == 0


def test_consent_of_the_application_is_assumed_and_said() -> None:
    settings = {"consent": "a_module_that_is_not.there:consents"}
    found = play(10, settings=settings, consent="ask")
    agreed(found)
    assert "everybody consents: the application is not asked" in found.assumed


def test_start_in_the_past_is_rehearsed() -> None:
    assert agreed(play(5, datetime(2019, 5, 2, 9, tzinfo=PARIS))) == [
        ("02/05", "metropole", 5, "09:00–09:00")
    ]


# -- faults

#: fault -> whether the plan is kept, and how many messages leave of 2,300
FAULTY = {
    "no-reports": (True, 2300),
    "undelivered": (True, 2300),
    "stops": (True, 2300),
    "stop-list": (False, 2070),
    "refusals": (False, 2070),
    "unreachable": (False, 2300),
    "busy": (False, 2300),
    "slow": (False, 2300),
    "lost-answers": (True, 2300),
    "lost-requests": (False, 1800),
    "blocked": (False, 1000),
    "no-credit": (False, 0),
}


def test_every_fault_has_a_case() -> None:
    assert set(FAULTY) == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTY)
def test_fault_explains_all_that_differs(fault: str) -> None:
    as_planned, left = FAULTY[fault]
    found = play(2300, faults=[fault])
    assert found.agrees
    assert (not found.differences, found.left) == (as_planned, left)
    assert {one.explained_by for one in found.differences} <= {(fault,)}
    assert found.twice == 0
    states = found.progress.messages
    match fault:
        case "no-reports":
            assert states["unreported"] == 2300
            assert found.ended_at - FRIDAY >= timedelta(days=3)
        case "undelivered":
            assert 150 < states["undelivered"] < 310
        case "stops":
            assert 150 < found.stops < 310
        case "stop-list":
            assert states["opted_out"] == 230
        case "refusals":
            assert states["rejected"] == 230
        case "unreachable" | "busy":
            (day,) = found.days
            assert day.left is not None
            waited = timedelta(hours=1) if fault == "unreachable" else timedelta(minutes=10)
            assert waited <= day.left.first - FRIDAY < waited + timedelta(minutes=6)
        case "blocked" | "no-credit":
            assert found.progress.state == "paused"
            assert found.why
        case "lost-requests":
            assert found.progress.in_doubt == 1
            assert found.why


def test_without_the_fault_the_same_difference_is_not_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(
        FAULTS,
        "harmless",
        type(FAULTS["stops"])("harmless", "nothing", switches={"stopped": ["+33639980001"]}),
    )
    found = play(5, faults=["harmless"])
    assert not found.agrees
    assert [(one.kind, one.messages) for one in found.unexplained] == [("missing", 1)]


def test_same_seed_gives_the_same_rehearsal_and_another_meets_others() -> None:
    one, same, other = (
        play(300, faults=["undelivered", "refusals"], seed=seed).as_json() for seed in (7, 7, 8)
    )
    assert one == same
    assert one["messages"] != other["messages"]


# -- a plan that is wrong is found


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda at: at + timedelta(minutes=2), "early"),
        (lambda at: at - timedelta(minutes=2), "late"),
        (lambda _: None, "extra"),
    ],
)
def test_broken_plan_is_reported_as_a_difference(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[datetime], datetime | None], kind: str
) -> None:
    real = forecast.forecast

    def broken(*arguments: Any, **options: Any) -> forecast.Forecast:
        found = real(*arguments, **options)
        for instants in found.leaves.values():
            instants[:] = [at and change(at) for at in instants]  # type: ignore[index]
        return found

    monkeypatch.setattr("dispatcher.api.departures.forecast", broken)
    found = play(700)
    assert not found.agrees
    assert [(one.kind, one.messages) for one in found.unexplained] == [(kind, 700)]


# -- it touches nothing of the installation


def test_rehearsal_uses_no_secret_no_database_and_no_broker_of_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    secret = "a secret of the tests, of 32 letters"
    found = play(
        5,
        settings={
            "database_url": f"sqlite:///{tmp_path / 'dispatcher.db'}",
            "broker_url": "redis://127.0.0.1:1/0",
            "api_url": "https://api.smspartner.invalid/v1",
            "api_key": "0123456789abcdef0123456789abcdef01234567",
            "pseudonym_key": secret,
            "signing_key": secret,
            "callback_url": "https://shop.invalid/events",
            "callback_secret": secret,
            "webhook_url": "https://shop.invalid/sms",
            "webhook_secret": "a-secret-of-the-tests",
            "receivers": "a_module_that_is_not_there",
            "approval": "required",
        },
    )
    agreed(found)
    assert list(tmp_path.iterdir()) == []
    assert secret not in repr(found.as_json())


# -- bad input


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"start": datetime(2027, 3, 12, 10)}, "has no time zone"),  # noqa: DTZ001
        ({"start": datetime(1999, 1, 1, tzinfo=PARIS)}, "not in the years 2000 to 2100"),
        ({"faults": ["rain"]}, "there is no fault 'rain': there are no-reports, "),
        (
            {"not_after": FRIDAY - timedelta(hours=1)},
            "lies in the past",
        ),
        ({"except_campaign": ["soldes"]}, "a rehearsal knows no other campaign: rehearse without"),
        ({"only_campaign": "soldes:silent"}, "a rehearsal knows no other campaign"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(options: dict[str, Any], sentence: str) -> None:
    start = options.pop("start", FRIDAY)
    with pytest.raises(InvalidCampaign, match=sentence):
        play(5, start, **options)


def test_window_that_never_opens_is_refused() -> None:
    summer = datetime(2027, 6, 15, 10, tzinfo=PARIS)
    with pytest.raises(NeverOpen, match="DISPATCHER_WINDOW_CLOCK"):
        play(overseas("polynesie-francaise", 1, 0), summer)


def test_list_without_anybody_to_text_is_refused() -> None:
    with pytest.raises(NobodyToText):
        play(["01 23 45 67 89"])


def test_text_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InvalidText):
        rehearse("{{ ", people(3), start=FRIDAY, settings=Settings.of(sender="MaBoutique"))
