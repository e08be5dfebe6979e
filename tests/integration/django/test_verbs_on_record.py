"""Each verb goes on record from a view of Django, and from manage.py."""

from __future__ import annotations

import getpass
import io
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.signed_in import remember_request
from dispatcher.storage.database import Database
from tests.integration import verbs
from tests.integration.bench import Bench, opened
from tests.integration.verbs import CASES, Case, check, known

CLIENT = "192.0.2.7"


@pytest.fixture
def acting(tables: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench on which every verb can be performed."""
    verbs.in_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    with opened(tables, **verbs.SETTINGS) as bench:
        yield bench
        bench.check()


@pytest.mark.parametrize("case", [case for case in CASES if case.do], ids=str)
def test_verb_of_a_view_is_on_record(acting: Bench, case: Case) -> None:
    case.ready(acting)
    before = known(acting)

    def view(request: HttpRequest) -> HttpResponse:
        assert case.do is not None
        case.do(acting.dispatcher, None)
        return HttpResponse(request.path)

    request = RequestFactory().get("/", REMOTE_ADDR=CLIENT)
    request.user = User(username="zoe")
    remember_request(view)(request)
    check(acting, case, before, actor="zoe", origin=f"Django, from {CLIENT}")


def test_command_of_manage_py_is_on_record(shop: str) -> None:
    out = io.StringIO()
    call_command("dispatcher", "opt-outs", "add", verbs.ANNE, "--reason", verbs.WHY, stdout=out)
    [entry] = dispatcher.record.page()
    assert (entry.actor, entry.verb) == (getpass.getuser(), "opt out")
    assert entry.origin == f"the shell on {platform.node()}"
    assert verbs.WHY in entry.reason
    found = dispatcher.record.verify()
    assert (found.late, found.problems) == (0, ())
