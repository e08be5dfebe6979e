"""Drafts in a Django project: who acts is the user of the session, whatever the request says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from dispatcher import NotAllowed
from dispatcher.contrib.django import dispatcher
from tests.integration.bench import people


def write(request: HttpRequest) -> HttpResponse:
    drafts = dispatcher.drafts
    draft = drafts.create("soldes", "Bonjour")
    draft = drafts.set_list("soldes", people(2), version=draft.version)
    draft, _ = drafts.plan("soldes", version=draft.version)
    return HttpResponse(drafts.hand_in("soldes", version=draft.version).author)


def approve(request: HttpRequest) -> HttpResponse:
    try:
        with transaction.atomic():
            return HttpResponse(dispatcher.drafts.approve("soldes").decided_by or "")
    except NotAllowed as error:
        return HttpResponse(str(error), status=403)


urlpatterns = [path("write/", write), path("approve/", approve)]


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(name))
    return client


@pytest.fixture(autouse=True)
def shop_of(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "mallory")


@override_settings(ROOT_URLCONF=__name__)
def test_author_cannot_approve_and_another_user_can() -> None:
    author, other = client_of("zoe"), client_of("luc")
    assert author.post("/write/").content == b"zoe"

    forged = {"user": "luc", "by": "luc"}
    headers = {"Remote-User": "luc", "Authorization": "Basic bHVjOmx1Yw=="}
    assert author.post("/approve/", forged, headers=headers).status_code == 403
    assert Client().post("/approve/", forged, headers=headers).status_code == 403
    assert dispatcher.page().total == 0

    assert other.post("/approve/").content == b"luc"
    assert dispatcher.progress("soldes").recipients == 2


@override_settings(ROOT_URLCONF=__name__)
def test_approval_is_a_part_of_the_transaction_of_the_project() -> None:
    client_of("zoe").post("/write/")
    client_of("luc")

    class Undone(Exception):
        pass

    def undo() -> None:
        with transaction.atomic():
            dispatcher.drafts.approve("soldes")  # by whoever has the shell
            raise Undone

    with pytest.raises(Undone):
        undo()

    assert dispatcher.drafts.get("soldes").state == "handed_in"
    assert dispatcher.page().total == 0


def test_list_of_a_draft_may_be_a_queryset_or_models(customers: Callable[..., Any]) -> None:
    drafts = dispatcher.drafts
    draft = drafts.create("soldes", "Bonjour {{ prenom }}")
    asked: Any = {"fields": {"prenom": "first_name"}, "key": "pk"}

    draft = drafts.set_list("soldes", customers(3), version=draft.version, **asked)

    assert [row.text for row in drafts.rows("soldes").items] == [
        "Bonjour Zoé0",
        "Bonjour Zoé1",
        "Bonjour Zoé2",
    ]
    draft, plan = drafts.plan("soldes", version=draft.version)
    assert plan.kept == 3
    draft = drafts.set_list("soldes", [customers(0)[1]], version=draft.version, **asked)
    [row] = drafts.rows("soldes").items
    assert row.text == "Bonjour Zoé1"
    assert row.key
