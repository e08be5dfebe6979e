"""Unreachable numbers in the console: who sees them, who finds one, who lifts it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from dispatcher.contrib.django import lazy
from tests.integration.bench import OPEN, TEXT, people
from tests.integration.django.test_console_operations import Office, text_of
from tests.statements import end_undelivered

UNREACHABLE = "/sms/unreachable/"
ANNE, BRUNO = people(2)


@pytest.fixture
def office(shop: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr("dispatcher.dispatch.safeguards.MOST_SKEW", timedelta.max)
    office = Office(unreachable_after=1)
    lazy._wrapped = office.dispatcher
    office.dispatcher.submit("soldes", TEXT, people(2))
    end_undelivered(office.dispatcher, "soldes", OPEN - timedelta(days=2))
    yield office
    lazy.forget()


def test_page_lists_masked_numbers_with_their_reports(office: Office) -> None:
    client = office.client("view_optout")
    shown = text_of(client, UNREACHABLE)
    assert "do not text a number after 1 undelivered message." in shown
    assert shown.count("soldes · ") == 2
    assert ANNE not in client.get(UNREACHABLE).content.decode()
    assert "Unreachable numbers" in text_of(client, "/sms/opt-outs/")


def test_number_is_shown_in_full_to_whoever_may_see_it(office: Office) -> None:
    client = office.client("view_optout", "show_full_numbers")
    text_of(client, UNREACHABLE)
    page = office.dispatcher.record.page(verb="see numbers")
    assert [one.reason for one in page] == ["of unreachable numbers"]


def test_found_number_is_lifted_with_a_reason(office: Office) -> None:
    client = office.client("view_optout", "take_back_optout")
    found = text_of(client, UNREACHABLE, phone="06 39 98 00 00", search="1")
    assert "Not texted by commercial campaigns." in found

    def lifted(reason: str) -> str:
        return text_of(client, UNREACHABLE, phone=ANNE, lift="1", reason=reason)

    assert "A reason is needed" in lifted(" ")
    assert "The number is texted again." in lifted("called")
    assert "The number was not unreachable." in lifted("called")
    again = text_of(client, UNREACHABLE, phone=ANNE, search="1")
    assert "Not unreachable." in again
    assert "Lifted: " in again
    assert "zoe · called" in again
    [entry] = office.dispatcher.record.page(verb="lift")
    assert (entry.actor, entry.reason) == ("zoe", "called")


def test_number_that_is_none_is_refused_in_a_sentence(office: Office) -> None:
    client = office.client("view_optout")
    assert 'role="alert"' in client.post(UNREACHABLE, {"phone": "12"}).content.decode()


def test_permissions_are_those_of_the_opt_outs(office: Office) -> None:
    text_of(office.client("view_campaign", name="ann"), UNREACHABLE, status=403)
    client = office.client("view_optout")
    found = client.post(UNREACHABLE, {"phone": ANNE, "search": "1"}).content.decode()
    assert 'name="lift"' not in found
    text_of(client, UNREACHABLE, status=403, phone=ANNE, reason="called", lift="1")
    assert office.dispatcher.unreachable.get(ANNE).unreachable


def test_plan_and_campaign_say_how_many(office: Office) -> None:
    campaign = office.dispatcher.submit("noel", TEXT, people(3))
    for batch in office.dispatcher.batches("noel"):
        office.dispatcher.steps.send_batch(batch.id)
    shown = text_of(office.client("view_campaign"), f"/sms/campaigns/{campaign}/")
    assert "2 of the rejected are unreachable." in shown


def test_page_says_that_the_setting_is_missing(office: Office) -> None:
    lazy._wrapped = Office().dispatcher
    shown = text_of(office.client("view_optout"), UNREACHABLE)
    assert "DISPATCHER_UNREACHABLE_AFTER is not set" in shown
