"""What the console answers to a request that it cannot follow, and what it shows to whom."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import draft_page
from tests.django_project import said
from tests.integration.django.console_users import SignIn, sign_in, text
from tests.integration.django.test_console_drafts import (
    PAGE,
    begin,
    form,
    handed_in,
    seen,
    upload,
    written,
)

__all__ = ["sign_in"]

#: a text with a number to call, which is a shop's or a person's
CALL = "Appelez le 06 39 98 00 77"


@pytest.mark.parametrize("path", [f"{PAGE}saved/", PAGE])
def test_paste_that_is_too_large_is_refused_with_its_cure(sign_in: SignIn, path: str) -> None:
    client = sign_in("writes")
    begin(client)
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000):
        answer = client.post(path, form(pasted="06 39 98 00 01\n" * 100))
    assert answer.status_code == 413
    assert "donnez-la en fichier" in text(answer)
    assert dispatcher.drafts.get(1).rows == 0


def test_paste_that_is_too_large_needs_no_token_to_be_refused(
    sign_in: SignIn,
) -> None:
    begin(sign_in("writes"))
    strict = Client(enforce_csrf_checks=True)
    strict.login(username="zoe", password="soleil-vert-27")
    strict.get(PAGE)
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000):
        assert strict.post(PAGE, {"pasted": "1" * 2000}).status_code == 413
    assert strict.post(PAGE, {"text": "Autre"}).status_code == 403
    assert dispatcher.drafts.get(1).text == ""


@pytest.mark.parametrize("query", ["by=moon", "from=2027-02-30", "from=2027-03-01&to=2027-02-01"])
def test_query_of_the_spend_file_that_cannot_be_read_is_a_bad_request(
    sign_in: SignIn, query: str
) -> None:
    answer = sign_in("writes").get(f"/sms/spend/file/?format=csv&{query}")
    assert answer.status_code == 400
    assert "Demande impossible" in text(answer)


@pytest.mark.parametrize("act", ["", "approve", "hand in", "HAND-IN"])
def test_unknown_act_hands_nothing_in_and_saves_nothing(sign_in: SignIn, act: str) -> None:
    client = sign_in("writes")
    written(client)
    asked = form(act=act, agreed="on", fingerprint=seen(client), text="Autre")
    assert client.post(PAGE, asked).status_code == 400
    draft = dispatcher.drafts.get(1)
    assert draft.state == "draft"
    assert draft.text != "Autre"


def test_faulty_list_for_a_draft_that_is_handed_in_is_refused_in_words(sign_in: SignIn) -> None:
    client = sign_in("writes")
    draft = handed_in(client)
    answer = client.post(PAGE, form(file=upload("")), follow=True)
    assert "Pas enregistré :" in text(answer)
    assert "à valider" in text(answer)
    assert dispatcher.drafts.get(1) == draft


def test_list_for_a_draft_that_is_handed_in_takes_it_back(sign_in: SignIn) -> None:
    client = sign_in("writes")
    handed_in(client)
    client.post(PAGE, form(file=upload("mobile\n06 39 98 00 05\n")), follow=True)
    draft = dispatcher.drafts.get(1)
    assert draft.state == "draft"
    assert draft.rows == 1


def test_draft_that_is_read_is_masked_unless_permitted(sign_in: SignIn) -> None:
    zoe = sign_in("writes")
    begin(zoe)
    zoe.post(PAGE, form(text=CALL, pasted="06 39 98 00 01"))
    luc = sign_in("approves", name="luc")
    page = luc.get(PAGE).content.decode()
    assert "Appelez le" in page
    assert "98 00 77" not in page
    assert dispatcher.record.page(verb="see numbers").total == 0

    anna = sign_in("approves", sees_numbers=True, name="anna")
    full = text(anna.get(PAGE))
    assert CALL in full
    assert dispatcher.record.page(verb="see numbers").items[0].actor == "anna"


def test_replies_to_a_campaign_are_linked_for_whoever_may_read_them(sign_in: SignIn) -> None:
    from django.contrib.auth.models import Permission, User

    dispatcher.submit("soldes", "Bonjour", ["06 39 98 00 01"], sender="MaBoutique")
    link = "/sms/replies/?campaign=soldes"
    assert link in sign_in("writes").get("/sms/campaigns/1/").content.decode()
    client = sign_in(name="luc")
    luc = User.objects.get(username="luc")
    luc.user_permissions.set(
        Permission.objects.filter(codename__in=["view_campaign", "view_optout"])
    )
    assert link not in client.get("/sms/campaigns/1/").content.decode()


def test_agreement_that_was_confirmed_is_on_record(sign_in: SignIn) -> None:
    client = sign_in("writes")
    written(client)
    sent = form(act="submit", fingerprint=seen(client))
    client.post(PAGE, sent)
    assert dispatcher.record.page(verb="confirm consent").total == 0
    for _ in range(2):
        client.post(PAGE, {**sent, "agreed": "on"})
    [one] = dispatcher.record.page(verb="confirm consent").items
    assert one.actor == "zoe"
    assert one.reason.startswith("soldes: ")
    assert sent["fingerprint"] in one.reason


def test_campaign_leads_to_its_draft_and_back(sign_in: SignIn) -> None:
    client = sign_in("writes")
    written(client)
    client.post(PAGE, form(act="submit", agreed="on", fingerprint=seen(client)))
    assert f'href="{PAGE}?written"' in client.get("/sms/campaigns/1/").content.decode()
    page = client.get(f"{PAGE}?written")
    assert "parti en campagne" in text(page)
    assert 'href="/sms/campaigns/1/"' in page.content.decode()
    assert client.get(PAGE)["Location"] == "/sms/campaigns/1/"


def test_plan_shows_its_dearest_row(sign_in: SignIn) -> None:
    client = sign_in("writes")
    begin(client)
    long = "é" * 200
    listed = f"mobile;mot\n06 39 98 00 01;a\n06 39 98 00 02;{long}\n06 39 98 00 03;b\n"
    client.post(PAGE, form(text="Bonjour {{ mot }}", file=upload(listed)))
    page = client.get(PAGE)
    assert "Le plus cher" in text(page)
    assert 'name="row" value="2"' in page.content.decode()
    client.post(PAGE, form(text="Bonjour"))
    assert "Le plus cher" not in text(client.get(PAGE))


def test_page_of_a_long_list_does_not_plan_it(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in("writes")
    handed_in(client)
    monkeypatch.setattr(draft_page, "LIVE_ROWS", 1)
    page = text(client.get(PAGE))
    assert "Personnes 2" in page
    assert "Montrer le plan" in page
    assert "12345" not in page
    whole = text(client.get(f"{PAGE}?plan=1"))
    assert "Montrer le plan" not in whole
    assert "1 ligne est refusée" in whole


@pytest.mark.parametrize(
    ("path", "entry", "here"),
    [
        ("/sms/campaigns/", "/sms/campaigns/", "page"),
        ("/sms/campaigns/1/", "/sms/campaigns/", "true"),
        ("/sms/batches/1/", "/sms/campaigns/", "true"),
        ("/sms/installation/record/", "/sms/installation/", "true"),
    ],
)
def test_menu_shows_to_which_part_a_page_belongs(
    sign_in: SignIn, path: str, entry: str, here: str
) -> None:
    dispatcher.submit("soldes", "Bonjour", ["06 39 98 00 01"], sender="MaBoutique")
    page = sign_in("operates").get(path).content.decode()
    menu = page[page.index('<ul class="pages">') :].partition("</ul>")[0]
    assert f'<a href="{entry}" aria-current="{here}">' in menu
    assert menu.count("aria-current") == 1


def test_settings_page_describes_each_setting_and_hides_secrets(sign_in: SignIn) -> None:
    with said(API_KEY="a-key-of-the-tests", SENDER="MaBoutique"):
        page = text(sign_in("operates").get("/sms/installation/settings/"))
    assert "clé de SMS Partner" in page
    assert "a-key-of-the-tests" not in page
