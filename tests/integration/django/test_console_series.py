"""Series in the console: what its pages show, and whom they let do what."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from dispatcher.api.occurrences import Occurrences
from dispatcher.campaigns.series import Series
from dispatcher.contrib.django import dispatcher, lazy
from dispatcher.contrib.django.console.rule_words import in_words
from dispatcher.language import ENGLISH, FRENCH
from tests.integration.bench import people
from tests.integration.django.console_users import SignIn, sign_in, text
from tests.integration.django.test_console_operations import Office

__all__ = ["sign_in"]
RULE = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10"
TEXT = "Bonjour, la boutique ouvre samedi"
ACTS = ("skip", "pause", "resume", "end")


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "clients.csv"
    path.write_text("\n".join([*people(2), "12345"]), encoding="utf-8")
    return path


@pytest.fixture
def office(sqlite_shop: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr("dispatcher.dispatch.safeguards.MOST_SKEW", timedelta.max)
    office = Office(series_lists="/srv/others.csv")
    lazy._wrapped = office.dispatcher
    yield office
    lazy.forget()


@pytest.fixture
def series(office: Office, listed: Path) -> Series:
    given: dict[str, Any] = {"rule": RULE, "source": listed, "text": TEXT, "by": "bob"}
    return office.dispatcher.series.add(
        "hebdo", **given, tags=["lyon"], not_after=timedelta(hours=9)
    )


def now(series: Series) -> Series:
    return dispatcher.series.get(series.id)


def sent_by(page: Any) -> dict[str, str]:
    """What the form of the page sends if nothing is typed."""
    main = re.search(r"<main.*</main>", page.content.decode(), re.DOTALL)
    assert main
    found = dict(re.findall(r'<input[^>]*name="(\w+)" value="([^"]*)"', main[0]))
    found |= dict(re.findall(r'<textarea name="(\w+)"[^>]*>\n?([^<]*)<', main[0]))
    for name, options in re.findall(
        r'<select name="(\w+)"[^>]*>(.*?)</select>', main[0], re.DOTALL
    ):
        [found[name]] = re.findall(r'value="([^"]*)" selected', options)
    return {name: html.unescape(value) for name, value in found.items()}


def test_all_series_are_listed_with_their_rule_in_words(series: Series, sign_in: SignIn) -> None:
    page = text(sign_in("writes", language="en").get("/sms/series/"))
    assert "hebdo" in page
    assert "Every Friday at 10:00" in page
    assert "Friday 10:00" in page
    assert "chaque vendredi à 10 h".capitalize() in text(
        sign_in("writes", name="luc").get("/sms/series/")
    ).replace("\xa0", " ")


def test_series_shows_what_comes_and_what_became_of_the_last(
    series: Series, sign_in: SignIn, office: Office
) -> None:
    dispatcher.series.skip(series.id, reason="grève, dit 06 39 98 00 01", by="bob")
    office.clock.forward(seconds=timedelta(days=10, hours=-1).total_seconds())
    Occurrences(dispatcher.series).make_due()
    page = text(sign_in("writes", language="en").get(f"/sms/series/{series.id}/"))
    for words in (TEXT, "clients.csv", "read 2 h before", "9 h after its hour", "lyon",
                  "closed: Christmas Day", "Skipped by bob: grève", "campaign 1"):  # fmt: skip
        assert words in page, words
    assert "98 00" not in page


def test_series_shows_whom_it_leaves_out_and_no_number_of_its_text(
    series: Series, sign_in: SignIn
) -> None:
    dispatcher.submit("soldes", TEXT, people(1))
    said: dict[str, Any] = {
        "text": "Appelez 06 39 98 00 01",
        "options": {"except_campaign": ["soldes"]},
    }
    dispatcher.series.change(series.id, **said, by="bob")
    page = text(sign_in("writes", language="en").get(f"/sms/series/{series.id}/"))
    assert "Leave out the people of soldes" in page
    assert "98 00" not in page


def test_plan_of_the_next_one_counts_the_list_as_it_is_now(
    series: Series, sign_in: SignIn, listed: Path
) -> None:
    client = sign_in("approves", language="en")
    page = text(client.get(f"/sms/series/{series.id}/plan/"))
    assert "People 2" in page
    assert "Rejected rows 1 ·" in page
    assert "its list is read again 2 h before" in page
    listed.unlink()
    answer = client.get(f"/sms/series/{series.id}/plan/")
    assert answer.status_code == 200
    assert "Cannot open" in text(answer)


def test_plan_tells_who_has_had_as_many_as_a_week_allows(
    series: Series, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(dispatcher.series.plan(series.id), capped=2, undecided=1)
    monkeypatch.setattr(type(dispatcher.series), "plan", lambda *_: plan)
    page = text(sign_in("approves", language="en").get(f"/sms/series/{series.id}/plan/"))
    assert "2 will have had as many messages as a week allows and are not texted" in page
    assert "1 person waits until it is certain what becomes of them in that campaign" in page


@pytest.mark.parametrize("act", ACTS)
def test_act_needs_a_post_with_a_reason(series: Series, sign_in: SignIn, act: str) -> None:
    if act == "resume":
        dispatcher.series.pause(series.id, by="bob")
    before, client = now(series), sign_in("writes")
    url = f"/sms/series/{series.id}/{act}/"
    page = client.get(url)
    assert page.status_code == 200
    client.post(url, sent_by(page) | {"reason": " "})
    assert now(series) == before
    answer = client.post(url, sent_by(page) | {"reason": "grève"})
    assert answer.status_code == 302
    after = now(series)
    assert after != before
    verb = "skip occurrence" if act == "skip" else f"{act} series"
    [action] = dispatcher.record.page(verb=verb)
    assert action.actor == "zoe"
    assert action.reason.endswith(": grève")


def test_act_without_the_token_of_the_form_is_refused(series: Series, sign_in: SignIn) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = sign_in("writes").cookies
    for name in (*ACTS, "change"):
        answer = client.post(f"/sms/series/{series.id}/{name}/", {"reason": "x", "rule": "x"})
        assert answer.status_code == 403
    assert now(series) == series


def test_next_one_is_skipped_once_by_two_clicks(series: Series, sign_in: SignIn) -> None:
    client, url = sign_in("operates"), f"/sms/series/{series.id}/skip/"
    asked = sent_by(client.get(url)) | {"reason": "grève"}
    for _ in range(2):
        assert client.post(url, asked).status_code == 302
    client.post(url, {"reason": "grève"})
    assert len(dispatcher.series.occurrences(series.id)) == 1


@pytest.mark.parametrize(
    ("role", "may"),
    [("writes", {*ACTS, "change"}), ("approves", {"pause"}), ("operates", {*ACTS})],
)
def test_role_does_what_it_may_and_sees_no_button_for_the_rest(
    series: Series, sign_in: SignIn, role: str, may: set[str]
) -> None:
    client = sign_in(role)
    for state in ("running", "paused"):
        if state == "paused":
            dispatcher.series.pause(series.id, by="bob")
        page = client.get(f"/sms/series/{series.id}/").content.decode()
        shown = {name for name in (*ACTS, "change") if f"/series/{series.id}/{name}/" in page}
        assert shown == may - {"resume" if state == "running" else "pause"}
    for name in {*ACTS, "change"} - may:
        url = f"/sms/series/{series.id}/{name}/"
        assert client.get(url).status_code == client.post(url, {"reason": "x"}).status_code == 403
    assert now(series).state == "paused"


def test_change_counts_from_the_next_one_on_and_keeps_the_rest(
    series: Series, sign_in: SignIn
) -> None:
    client, url = sign_in("writes"), f"/sms/series/{series.id}/change/"
    said = sent_by(client.get(url))
    assert (said["lead"], said["lasts"], said["tags"]) == ("2h", "9h", "lyon")
    client.post(url, said)
    assert now(series) == series
    said |= {"text": "Autre\r\ntexte", "tags": "lyon, paris", "lasts": "", "lead": "1d"}
    assert client.post(url, said).status_code == 302
    after = now(series)
    assert after.text == "Autre\ntexte"
    assert after.options["tags"] == ["lyon", "paris"]
    assert (after.lasts, after.lead, after.rule) == (None, timedelta(days=1), RULE)
    assert after.changed_by == "zoe"


def test_smoothing_of_a_series_changes_by_its_form(series: Series, sign_in: SignIn) -> None:
    client, page = sign_in("writes", language="en"), f"/sms/series/{series.id}/"
    form = sent_by(client.get(f"{page}change/"))
    client.post(f"{page}change/", form | {"per_hour": "200"})
    assert now(series).options["per_hour"] == 200
    assert list(now(series).options["tags"]) == ["lyon"]
    assert "Smoothed at most 200 messages an hour" in text(client.get(page))
    form = sent_by(client.get(f"{page}change/"))
    assert form["per_hour"] == "200"
    both = text(client.post(f"{page}change/", form | {"over": "2h"}))
    assert "by per_hour or by over, not by both" in both
    client.post(f"{page}change/", form | {"per_hour": "", "over": "2h"})
    assert now(series).options["over"] == 7200
    assert "evenly over 2 h of opening hours" in text(client.get(page))
    form = sent_by(client.get(f"{page}change/"))
    client.post(f"{page}change/", form | {"over": ""})
    assert not {"per_hour", "over"} & set(now(series).options)


def test_change_that_others_have_overtaken_changes_nothing(series: Series, sign_in: SignIn) -> None:
    client, url = sign_in("writes", language="en"), f"/sms/series/{series.id}/change/"
    said = sent_by(client.get(url)) | {"text": "Un"}
    dispatcher.series.change(series.id, text="Deux", by="bob")
    page = client.post(url, said)
    assert page.status_code == 200
    assert "was changed meanwhile" in text(page)
    assert now(series).text == "Deux"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("rule", "FREQ=MINUTELY", "more often than hourly"),
        ("rule", "tous les jours", "is no part of a rule"),
        ("lead", "deux heures", "is a duration: 90min, 2h or 3d"),
        ("lasts", "0h", "of no time would let nothing leave"),
        ("text", "Bonjour {{ prenom }}", "prenom"),
        ("source", "/etc/passwd", "not one of the available choices"),
    ],
)
def test_change_that_cannot_be_used_is_told_beside_what_was_typed(
    series: Series, sign_in: SignIn, field: str, value: str, says: str
) -> None:
    client, url = sign_in("writes", language="en"), f"/sms/series/{series.id}/change/"
    page = client.post(url, sent_by(client.get(url)) | {field: value})
    assert says in text(page)
    if field != "source":
        assert value in page.content.decode()
    assert now(series) == series


def test_series_that_has_ended_cannot_be_changed(series: Series, sign_in: SignIn) -> None:
    client = sign_in("writes")
    dispatcher.series.end(series.id, by="bob")
    for name in (*ACTS, "change"):
        answer = client.post(f"/sms/series/{series.id}/{name}/", {"reason": "x"})
        assert answer.status_code == 302
    page = client.get(f"/sms/series/{series.id}/")
    assert page.status_code == 200
    assert "terminée" in text(page)
    assert f"/series/{series.id}/plan/" not in page.content.decode()


def test_calendar_shows_what_comes_of_series_that_run(series: Series, sign_in: SignIn) -> None:
    client = sign_in("writes")
    url, link = "/sms/?month=2026-12", f'href="/sms/series/{series.id}/"'
    assert client.get(url).content.decode().count(link) == 4
    days = dispatcher.calendar(date(2026, 12, 1)).days
    assert [one.day.day for one in days if one.coming] == [4, 11, 18, 25]
    assert not any(one.coming for one in dispatcher.calendar(date(2028, 12, 1)).days)
    dispatcher.series.pause(series.id, by="bob")
    assert link not in client.get(url).content.decode()


def test_home_links_to_a_series_that_is_blocked(
    series: Series, sign_in: SignIn, office: Office, listed: Path
) -> None:
    listed.unlink()
    office.clock.forward(seconds=timedelta(days=3).total_seconds())
    Occurrences(dispatcher.series).make_due()
    client = sign_in("writes")
    page = client.get("/sms/")
    assert "hebdo ne peut pas créer sa prochaine campagne" in text(page)
    assert f"/sms/series/{series.id}/" in page.content.decode()
    assert "nouvel essai" in text(client.get(f"/sms/series/{series.id}/"))


@pytest.mark.parametrize(
    ("rule", "english", "french"),
    [
        ("FREQ=DAILY;BYHOUR=10", "every day at 10:00", "tous les jours à 10 h"),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;BYHOUR=9;BYMINUTE=30",
            "every 2 weeks, on Tuesday and Thursday, at 09:30",
            "toutes les 2 semaines, le mardi et jeudi, à 9 h 30",
        ),
        (
            "FREQ=MONTHLY;BYDAY=1SA;BYHOUR=11",
            "the first Saturday of the month at 11:00",
            "le premier samedi du mois à 11 h",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=15;BYHOUR=9,14",
            "day 15 of the month at 09:00 and 14:00",
            "le 15 de chaque mois à 9 h et 14 h",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-1;BYHOUR=9",
            "the last day of the month at 09:00",
            "le dernier jour du mois à 9 h",
        ),
        (
            "FREQ=DAILY;BYHOUR=10;COUNT=3",
            "every day at 10:00, 3 times in all",
            "tous les jours à 10 h, 3 fois en tout",
        ),
        (
            "FREQ=DAILY;INTERVAL=3;BYHOUR=10;UNTIL=20271224T235959",
            "every 3 days at 10:00, until 24 December 2027",
            "tous les 3 jours à 10 h, jusqu’au 24 décembre 2027",
        ),
        # whatever has no words is shown as it is
        *(
            (rule, rule, rule)
            for rule in (
                "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1;BYHOUR=9",
                "FREQ=MONTHLY;BYDAY=2MO,4MO;BYHOUR=9",
                "FREQ=YEARLY;BYHOUR=9",
                "FREQ=HOURLY",
                "FREQ=DAILY;BYDAY=MO,WE;BYHOUR=9",
            )
        ),
    ],
)
def test_rule_is_said_in_words(series: Series, rule: str, english: str, french: str) -> None:
    found = replace(series, rule=rule)
    for language, words in ((ENGLISH, english), (FRENCH, french)):
        with translation.override(language.code):
            assert in_words(found, language).replace("\xa0", " ") == words
