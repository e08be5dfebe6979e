"""The gateway's webhooks in a project's URLs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.urls import include, path

from dispatcher.contrib.django import dispatcher
from dispatcher.errors import ConfigurationError
from tests import django_project

SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
A = "+33639980001"
STOP = {"type": "stop", "phone_number": A, "text": "STOP", "message_id": 1}


@pytest.fixture
def client() -> Iterator[Client]:
    """A client that is as strict as a browser, of a project that has the webhooks."""
    urls = ModuleType("urls")
    vars(urls)["urlpatterns"] = [path("sms/", include("dispatcher.contrib.django.webhooks"))]
    with (
        override_settings(ROOT_URLCONF=urls),
        django_project.said(SENDER="MaBoutique", WEBHOOK_SECRET=SECRET),
    ):
        yield Client(enforce_csrf_checks=True)


def call(client: Client, kind: str, body: object, *, secret: str = SECRET, **more: Any) -> int:
    data = body if isinstance(body, bytes) else json.dumps(body)
    answer = client.generic("POST", f"/sms/{secret}/{kind}", data, "application/json", **more)
    return answer.status_code


def numbers() -> list[str]:
    return [entry.phone for entry in dispatcher.opt_outs]


def test_stop_posted_twice_is_stored_once_in_the_projects_database(
    shop: str, client: Client
) -> None:
    for _ in range(2):
        assert call(client, "reply", STOP) == 200
    assert numbers() == [A]
    assert [reply.text for reply in dispatcher.replies()] == ["STOP"]


def test_parts_of_a_long_reply_are_joined(shop: str, client: Client) -> None:
    part = {"msisdn": A[1:], "to": "33639989000", "concat": "true", "concat-ref": "5"}
    for number, text in ((2, "monde"), (1, "bonjour ")):
        about = {"messageId": str(number), "concat-part": str(number), "concat-total": "2"}
        assert call(client, "reply", part | about | {"text": text}) == 200
    assert [reply.text for reply in dispatcher.replies()] == ["bonjour monde"]


def test_stop_is_committed_before_its_answer_with_atomic_requests(
    shop: str, client: Client
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        assert call(client, "reply", STOP) == 200
    assert not connection.in_atomic_block
    assert numbers() == [A]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"type=STOP&phone_number=0639980001&text=arr%EAtez", "application/x-www-form-urlencoded"),
        (
            b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\nSTOP\r\n--b\r\n%b'
            % b'Content-Disposition: form-data; name="phone_number"\r\n\r\n0639980001\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_stop_in_any_form_is_heard(
    sqlite_shop: str, client: Client, body: bytes, content_type: str
) -> None:
    answer = client.generic("POST", f"/sms/{SECRET}/reply/", body, content_type)
    assert answer.status_code == 200
    assert numbers() == [A]


@pytest.mark.parametrize("body", [b"", b"{", b"x" * 100_000, b"\xff"])
def test_unreadable_body_is_stored_and_the_secret_is_not_logged(
    sqlite_shop: str, client: Client, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    caplog.set_level("DEBUG")
    assert call(client, "reply", body) == 200
    assert len(dispatcher.inbox.unread()) == bool(body)
    assert call(client, "nothing", STOP) == 404
    assert call(client, "reply", STOP, secret="wrong-" + SECRET) == 404
    assert client.put(f"/sms/{SECRET}/reply").status_code == 405
    assert numbers() == []
    assert ("a call to reply cannot be read" in caplog.text) == bool(body)
    assert SECRET not in caplog.text


def test_missing_secret_is_named(sqlite_shop: str) -> None:
    urls = ModuleType("urls")
    vars(urls)["urlpatterns"] = [path("", include("dispatcher.contrib.django.webhooks"))]
    with (
        override_settings(ROOT_URLCONF=urls),
        pytest.raises(ConfigurationError, match="WEBHOOK_SECRET is not set"),
    ):
        Client().post(f"/{SECRET}/reply")
