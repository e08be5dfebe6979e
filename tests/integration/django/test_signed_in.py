"""Who acts in a request of the project is on record by the name of who is signed in."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, override_settings

from dispatcher.contrib.django import dispatcher

FORM = {"reference": "soldes", "text": "Soldes !"}


@pytest.fixture(autouse=True)
def customers(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "mallory")
    call_command("loaddata", "customers", verbosity=0)


def test_signed_in_user_is_on_record_and_not_the_user_of_the_system() -> None:
    client = Client()
    client.force_login(User.objects.create_user("zoe"))

    assert client.post("/", FORM).status_code == 302

    assert dispatcher.actions("soldes")[0].actor == "zoe"


def test_stranger_launches_nothing_and_follows_nothing() -> None:
    dispatcher.submit("hiver", "Soldes !", ["+33639980001"])
    for path, form in (("/", FORM), ("/campaigns/hiver/", None)):
        answer = Client().post(path, form) if form else Client().get(path)

        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/admin/login/")
    assert dispatcher.page().total == 1


@override_settings(ROOT_URLCONF="tests.integration.django.open_urls")
def test_request_of_nobody_is_on_record_as_that() -> None:
    assert Client().get("/launch/").status_code == 200

    assert dispatcher.actions("soldes")[0].actor == "nobody signed in"


@override_settings(ROOT_URLCONF="tests.integration.django.open_urls")
def test_name_that_a_view_gives_is_on_record() -> None:
    assert Client().get("/launch/?by=luc").status_code == 200

    assert dispatcher.actions("soldes")[0].actor == "luc"


@override_settings(ROOT_URLCONF="tests.integration.django.open_urls")
@pytest.mark.parametrize(
    ("by", "recorded"), [("luc", "luc (signed in: zoe)"), ("zoe", "zoe"), ("", "zoe")]
)
def test_name_that_a_view_gives_does_not_hide_who_is_signed_in(by: str, recorded: str) -> None:
    client = Client()
    client.force_login(User.objects.create_user("zoe"))

    assert client.get("/launch/", {"by": by}).status_code == 200

    assert dispatcher.actions("soldes")[0].actor == recorded


@override_settings(ROOT_URLCONF="tests.integration.django.open_urls")
def test_campaign_after_a_commit_is_recorded_for_who_asked_for_it() -> None:
    client = Client()
    client.force_login(User.objects.create_user("zoe"))

    assert client.get("/later/", {"by": "luc"}).status_code == 200

    assert dispatcher.actions("soldes")[0].actor == "luc (signed in: zoe)"


def test_campaign_that_does_not_exist_is_a_404_of_the_example() -> None:
    client = Client()
    client.force_login(User.objects.create_user("zoe"))

    assert client.get("/campaigns/nothing/").status_code == 404


def test_user_of_the_system_is_on_record_for_a_command() -> None:
    dispatcher.submit("soldes", "Soldes !", ["+33639980001"])

    assert dispatcher.actions("soldes")[0].actor == "mallory"
