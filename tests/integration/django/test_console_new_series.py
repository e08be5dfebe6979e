"""Setting a series up in the console, and approving one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from dispatcher.campaigns.series import Series
from dispatcher.contrib.django import dispatcher, lazy
from dispatcher.contrib.django.console.durations import typed, written
from dispatcher.errors import StorageError
from tests.integration.bench import people
from tests.integration.django.console_users import SignIn, sign_in, text
from tests.integration.django.test_console_operations import Office
from tests.integration.django.test_console_series import sent_by

__all__ = ["sign_in"]
URL = "/sms/series/new/"
TEXT = "Bonjour, la boutique ouvre samedi"
TYPED = {"name": "hebdo", "text": TEXT, "often": "weekly", "days": ["FR"], "hour": "10:00"}


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "clients.csv"
    rows = (f"{phone};a" for phone in people(2))
    path.write_text("\n".join(["portable;cle", *rows]), encoding="utf-8")
    return path


@pytest.fixture
def office(sqlite_shop: str, listed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr("dispatcher.dispatch.safeguards.MOST_SKEW", timedelta.max)
    office = Office(series_lists=str(listed), approval="required", prices="metropole=0.04")
    lazy._wrapped = office.dispatcher
    yield office
    lazy.forget()


def shown(client: Client, **typed: Any) -> Any:
    """The page once the form was filled in and what comes was asked for."""
    form = sent_by(client.get(URL)) | TYPED | typed
    return client.post(URL, form | {"preview": "1"})


def add(client: Client, page: Any, **typed: Any) -> Any:
    """Add what the page shows."""
    form = sent_by(page) | TYPED | typed
    return client.post(URL, form | {"add": "1", "agreed": "on"})


def test_series_is_added_once_what_comes_was_read(office: Office, sign_in: SignIn) -> None:
    client = sign_in("writes", language="en")
    page = shown(client, tags="lyon", lead="3h")
    for words in ("Every Friday at 10:00", "Friday 10:00", "closed: Christmas Day"):
        assert words in text(page), words
    assert dispatcher.series.all() == ()

    answer = add(client, page, tags="lyon", lead="3h")

    [series] = dispatcher.series.all()
    assert answer["Location"] == f"/sms/series/{series.id}/"
    assert (series.name, series.rule, series.text) == (
        "hebdo",
        "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10",
        TEXT,
    )
    assert (series.lead, series.options["tags"]) == (timedelta(hours=3), ["lyon"])
    assert series.writers == ("zoe",)
    [noted] = dispatcher.record.page(verb="add series")
    assert noted.actor == "zoe"
    [noted] = dispatcher.record.page(verb="confirm consent")
    assert noted.reason.startswith("series hebdo: ")


def test_two_clicks_add_one_series(office: Office, sign_in: SignIn) -> None:
    client = sign_in("writes")
    page = shown(client)
    answers = [add(client, page) for _ in range(2)]
    assert len(dispatcher.series.all()) == 1
    assert len({one["Location"] for one in answers}) == 1


@pytest.mark.parametrize(
    "typed",
    [
        {"hour": "15:00"},
        {"lead": "3h"},
        {"lasts": "5h"},
        {"numbers": "portable"},
        {"per_hour": "5"},
    ],
)
def test_another_series_of_the_same_name_is_not_taken_for_a_second_click(
    office: Office, sign_in: SignIn, typed: dict[str, str]
) -> None:
    client = sign_in("writes", language="en")
    add(client, shown(client))
    page = add(client, shown(client, **typed), **typed)
    assert "There is a series 'hebdo'" in text(page)
    assert sent_by(page).items() >= typed.items()
    [series] = dispatcher.series.all()
    assert series.version == 1
    assert len(dispatcher.record.page(verb="confirm consent")) == 1


def test_no_series_is_added_whose_consent_cannot_be_put_on_record(
    office: Office, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise StorageError("the disk is full")

    client = sign_in("writes")
    page = shown(client)
    client.raise_request_exception = False
    monkeypatch.setattr("dispatcher.api.action_record.ActionRecords.note", fail)
    assert add(client, page).status_code >= 500
    assert dispatcher.series.all() == ()


def test_series_is_not_added_unread_or_without_consent(office: Office, sign_in: SignIn) -> None:
    client = sign_in("writes", language="en")
    page = shown(client)
    form = sent_by(page) | TYPED | {"add": "1"}
    assert "have consented" in text(client.post(URL, form))
    changed = client.post(URL, form | {"hour": "11:30", "agreed": "on"})
    assert "This is what comes now" in text(changed)
    assert "Every Friday at 11:30" in text(changed)
    assert dispatcher.series.all() == ()
    add(client, changed, hour="11:30")
    assert dispatcher.series.get("hebdo").rule == "FREQ=WEEKLY;BYDAY=FR;BYHOUR=11;BYMINUTE=30"


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        ({"often": "weekly", "days": ["TU", "TH"]}, "FREQ=WEEKLY;BYDAY=TU,TH;BYHOUR=10"),
        ({"often": "fortnightly"}, "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;BYHOUR=10"),
        ({"often": "monthly", "days": ["SA"]}, "FREQ=MONTHLY;BYDAY=1SA;BYHOUR=10"),
        ({"often": "monthly", "which": "-1"}, "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=10"),
        (
            {"often": "rule", "rule": "FREQ=DAILY;BYHOUR=9;COUNT=3", "days": []},
            "FREQ=DAILY;BYHOUR=9;COUNT=3",
        ),
    ],
)
def test_rule_is_chosen_or_written(
    office: Office, sign_in: SignIn, typed: dict[str, Any], rule: str
) -> None:
    client = sign_in("writes")
    add(client, shown(client, **typed), **typed)
    assert dispatcher.series.get("hebdo").rule == rule


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"name": "offre 1"}, "The name of a series has 1 to 80 letters"),
        ({"days": []}, "Choose a day."),
        ({"hour": ""}, "Give an hour."),
        ({"often": "rule", "rule": ""}, "Give a rule."),
        ({"often": "rule", "rule": "FREQ=MINUTELY"}, "more often than hourly"),
        ({"days": ["SU"], "lasts": "2h"}, "falls on closed days only"),
        ({"lead": "deux heures"}, "is a duration: 90min, 2h or 3d"),
        ({"lasts": "0h"}, "of no time would let nothing leave"),
        ({"text": "Bonjour {{ prenom }}"}, "prenom"),
        ({"numbers": "mobile"}, "mobile"),
        ({"transactional": "on"}, "give a reason"),
        ({"source": "/etc/passwd"}, "not one of the available choices"),
    ],
)
def test_what_cannot_be_used_is_told_beside_what_was_typed(
    office: Office, sign_in: SignIn, typed: dict[str, Any], says: str
) -> None:
    page = shown(sign_in("writes", language="en"), **typed)
    assert page.status_code == 200
    assert says in text(page)
    kept = page.content.decode()
    assert (typed.get("text") or TEXT) in kept
    assert f'value="{typed.get("name", "hebdo")}"' in kept
    assert dispatcher.series.all() == ()


def test_name_that_exists_is_told(office: Office, sign_in: SignIn, listed: Path) -> None:
    dispatcher.series.add("hebdo", rule="FREQ=DAILY;BYHOUR=9", source=listed, text=TEXT, by="bob")
    client = sign_in("writes", language="en")
    page = add(client, shown(client))
    assert "There is a series 'hebdo'" in text(page)
    assert len(dispatcher.series.all()) == 1


def test_series_is_made_of_a_draft_with_its_options(office: Office, sign_in: SignIn) -> None:
    client = sign_in("writes", language="en")
    draft = dispatcher.drafts.create(
        "soldes", "Texte du brouillon", commercial=False, reason="avis", priority="high"
    )
    page = client.get(f"{URL}?draft={draft.id}")
    assert "With the options of the draft soldes" in text(page)
    form = sent_by(page) | {"name": "hebdo", "days": ["FR"], "transactional": "on"}
    assert (form["text"], form["reason"]) == ("Texte du brouillon", "avis")
    page = client.post(URL, form | {"preview": "1"})
    form |= sent_by(page) | {"days": ["FR"], "transactional": "on"}
    assert client.post(URL, form | {"add": "1"}).status_code == 302
    options = dispatcher.series.get("hebdo").options
    assert (options["priority"], options["commercial"], options["reason"]) == (
        "high",
        False,
        "avis",
    )


def test_who_wrote_the_draft_has_written_the_series(office: Office, sign_in: SignIn) -> None:
    ada = sign_in("writes", "approves", name="ada", language="en")
    ada.post("/sms/new/", {"reference": "soldes"})
    draft = dispatcher.drafts.get("soldes")
    client = sign_in("writes", name="luc", language="en")
    page = client.get(f"{URL}?draft={draft.id}")
    form = sent_by(page) | {"name": "hebdo", "days": ["FR"], "text": TEXT}
    page = client.post(URL, form | {"preview": "1"})
    form = sent_by(page) | {"days": ["FR"], "add": "1", "agreed": "on"}
    answers = [client.post(URL, form) for _ in range(2)]
    series = dispatcher.series.get("hebdo")
    assert {one["Location"] for one in answers} == {f"/sms/series/{series.id}/"}
    assert series.writers == ("ada", "luc")
    url = f"/sms/series/{series.id}/approve/"
    page = ada.post(url, sent_by(ada.get(url)) | {"recipients": "5"})
    assert "has written in this series" in text(page)
    assert dispatcher.series.get("hebdo").approval is None


def test_draft_that_was_discarded_meanwhile_is_told_beside_what_was_typed(
    office: Office, sign_in: SignIn
) -> None:
    client = sign_in("writes", language="en")
    draft = dispatcher.drafts.create("soldes", "Texte du brouillon")
    form: dict[str, Any] = {**sent_by(client.get(f"{URL}?draft={draft.id}"))}
    form |= {"name": "hebdo", "days": ["FR"], "text": "Un long texte"}
    dispatcher.drafts.discard(draft.id, version=draft.version)
    page = client.post(URL, form | {"preview": "1"})
    assert page.status_code == 200
    assert "The draft was discarded meanwhile" in text(page)
    kept = sent_by(page)
    assert (kept["name"], kept["text"], kept.get("draft")) == ("hebdo", "Un long texte", None)
    form = {**kept, "days": ["FR"]}
    form |= sent_by(client.post(URL, form | {"preview": "1"})) | {"days": ["FR"]}
    assert client.post(URL, form | {"add": "1", "agreed": "on"}).status_code == 302
    series = dispatcher.series.get("hebdo")
    assert series.text == "Un long texte"
    # whoever wrote the draft may still not approve what is made of it
    assert set(draft.writers) < set(series.writers)
    assert client.get(f"{URL}?draft={draft.id}").status_code == 404


def test_reason_and_week_that_cannot_be_used_are_told_beside_them(
    office: Office, sign_in: SignIn
) -> None:
    client = sign_in("writes", language="en")
    page = shown(client, transactional="on", reason="x" * 201, often="monthly", which="9")
    content = page.content.decode()
    assert re.search(r'name="reason"[^>]*><span class="wrong">', content)
    assert re.search(r'</select><span class="wrong">[^<]*9', content)


def test_without_named_lists_the_page_says_who_helps(
    office: Office, sign_in: SignIn, sqlite_shop: str
) -> None:
    lazy._wrapped = Office().dispatcher
    assert "DISPATCHER_SERIES_LISTS" in text(sign_in("writes").get(URL))


@pytest.mark.parametrize("role", ["approves", "operates"])
def test_only_who_writes_adds_a_series(office: Office, sign_in: SignIn, role: str) -> None:
    client = sign_in(role)
    assert client.get(URL).status_code == client.post(URL, TYPED).status_code == 403
    assert URL not in client.get("/sms/series/").content.decode()
    assert URL in sign_in("writes", name="ada").get("/sms/series/").content.decode()


# -- approval


@pytest.fixture
def series(office: Office, listed: Path) -> Series:
    return office.dispatcher.series.add(
        "hebdo", rule="FREQ=WEEKLY;BYDAY=FR;BYHOUR=10", source=listed, text=TEXT, by="bob"
    )


@pytest.mark.parametrize(
    ("typed", "read"), [("1 000", 1000), ("1\u202f000", 1000), ("1.000", None)]
)
def test_cap_of_recipients_has_no_decimals(
    series: Series, sign_in: SignIn, typed: str, read: int | None
) -> None:
    client, url = sign_in("approves", name="zoe"), f"/sms/series/{series.id}/approve/"
    client.post(url, sent_by(client.get(url)) | {"recipients": typed, "reason": "lu"})
    found = dispatcher.series.get("hebdo").approval
    assert (None if found is None else found.recipients) == read


def test_series_is_approved_up_to_a_cap_and_its_page_shows_by_whom(
    series: Series, sign_in: SignIn
) -> None:
    client, url = sign_in("approves", language="en"), f"/sms/series/{series.id}/approve/"
    assert url in client.get(f"/sms/series/{series.id}/").content.decode()
    page = client.get(url)
    assert "People 2" in text(page)
    form = sent_by(page) | {"recipients": "500", "euros": "30", "reason": "lu"}
    assert client.post(url, form).status_code == 302
    found = dispatcher.series.get(series.id).approval
    assert found is not None
    assert (found.by, found.recipients) == ("zoe", 500)
    assert found.euros == 30
    shown = text(client.get(f"/sms/series/{series.id}/"))
    for words in ("Approved by zoe", "at most 500 recipients each", "at most 30.00 €"):
        assert words in shown, words

    ask = f"/sms/series/{series.id}/end-approval/"
    assert client.post(ask, {"reason": "trop"}).status_code == 302
    assert dispatcher.series.get(series.id).approval is None
    assert client.get(ask).status_code == 302  # there is none


def test_who_approves_sees_all_that_a_series_says(
    office: Office, listed: Path, sign_in: SignIn
) -> None:
    series = office.dispatcher.series.add(
        "hebdo",
        rule="FREQ=WEEKLY;BYDAY=FR;BYHOUR=10",
        source=listed,
        text=TEXT,
        by="bob",
        commercial=False,
        reason="avis",
        sender="BANQUE",
        tags=["lyon"],
        over=7200,
        not_after=timedelta(hours=3),
    )
    page = text(sign_in("approves", language="en").get(f"/sms/series/{series.id}/approve/"))
    for words in (
        "BANQUE",
        "read 2 h before",
        "3 h after its hour",
        "not commercial: avis",
        "Tags lyon",
        "evenly over 2 h of opening hours",
    ):
        assert words in page, words


def test_cap_that_cannot_be_kept_is_told_beside_what_was_typed(
    series: Series, sign_in: SignIn
) -> None:
    client, url = sign_in("approves", language="en"), f"/sms/series/{series.id}/approve/"
    form = sent_by(client.get(url)) | {"reason": "lu"}
    assert "up to a cap" in text(client.post(url, form))
    page = client.post(url, form | {"euros": "beaucoup"})
    assert "at most two decimals" in text(page)
    assert 'value="beaucoup"' in page.content.decode()
    page = client.post(url, form | {"euros": "1,000"})
    assert "1,000 is one amount in English and another in French" in text(page)
    assert dispatcher.series.get(series.id).approval is None


def test_form_that_others_have_overtaken_shows_what_the_series_says_now(
    series: Series, sign_in: SignIn
) -> None:
    client, url = sign_in("approves", language="en"), f"/sms/series/{series.id}/approve/"
    form = sent_by(client.get(url)) | {"recipients": "5", "reason": "lu"}
    dispatcher.series.change(series.id, text="Un autre texte", by="bob")
    page = client.post(url, form)
    assert dispatcher.series.get(series.id).approval is None
    assert "changed meanwhile. This is what it says now" in text(page)
    assert "Un autre texte" in text(page)
    again = sent_by(page)
    assert (again["recipients"], again["reason"]) == ("5", "lu")
    assert client.post(url, again).status_code == 302
    assert dispatcher.series.get(series.id).approval is not None


def test_who_has_written_the_series_sees_no_button_and_cannot_approve_it(
    series: Series, sign_in: SignIn
) -> None:
    client, url = sign_in("writes", "approves", language="en"), f"/sms/series/{series.id}/approve/"
    change = f"/sms/series/{series.id}/change/"
    client.post(change, sent_by(client.get(change)) | {"text": "Autre"})
    assert url not in client.get(f"/sms/series/{series.id}/").content.decode()
    page = client.post(url, sent_by(client.get(url)) | {"recipients": "5"})
    assert "has written in this series" in text(page)
    assert dispatcher.series.get(series.id).approval is None


@pytest.mark.parametrize("role", ["writes", "operates"])
def test_only_who_approves_approves_a_series(series: Series, sign_in: SignIn, role: str) -> None:
    client, url = sign_in(role), f"/sms/series/{series.id}/approve/"
    assert client.get(url).status_code == client.post(url, {"recipients": "5"}).status_code == 403


def test_change_says_that_the_approval_has_ended(series: Series, sign_in: SignIn) -> None:
    approver, writer = sign_in("approves"), sign_in("writes", name="ada", language="en")
    url = f"/sms/series/{series.id}/approve/"
    approver.post(url, sent_by(approver.get(url)) | {"recipients": "5"})
    change = f"/sms/series/{series.id}/change/"
    page = writer.post(change, sent_by(writer.get(change)) | {"text": "Autre"}, follow=True)
    assert "Its approval has ended" in text(page)


# -- durations to the second


def test_form_that_nobody_touches_keeps_the_seconds(
    office: Office, listed: Path, sign_in: SignIn
) -> None:
    odd = timedelta(minutes=90, seconds=30)
    series = office.dispatcher.series.add(
        "hebdo",
        rule="FREQ=MONTHLY;BYDAY=1FR;BYHOUR=10",
        source=listed,
        text=TEXT,
        by="bob",
        over=odd,
        lead=odd,
        not_after=timedelta(hours=9, seconds=20),
    )
    draft = office.dispatcher.drafts.create("soldes", TEXT, over=odd)
    client = sign_in("writes", language="en")
    for url in (f"/sms/series/{series.id}/change/", f"/sms/drafts/{draft.id}/"):
        assert client.post(url, sent_by(client.get(url))).status_code == 302
    assert dispatcher.series.get(series.id) == series
    assert dispatcher.drafts.get(draft.id).options == draft.options

    url = f"/sms/series/{series.id}/change/"
    client.post(url, sent_by(client.get(url)) | {"over": "2h"})
    assert dispatcher.series.get(series.id).options["over"] == 7200


def test_duration_that_a_form_shows_can_be_typed() -> None:
    for duration in (timedelta(minutes=10_001), timedelta(hours=2), timedelta(days=31)):
        assert typed("over", written(duration), None) == duration
