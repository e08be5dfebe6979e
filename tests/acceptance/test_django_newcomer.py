"""A newcomer's hour in Django: start a project, install, submit in a view, roll back, test, run.

Everything is a process of its own, as in a terminal; only the gateway is a fake.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dispatcher.sandbox.process import Sandbox
from tests.acceptance.installation import OPEN, QUICK, Child
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually

SETTINGS = """
INSTALLED_APPS += ["orders.apps.Orders", "dispatcher.contrib.django"]
DATABASES["default"]["ATOMIC_REQUESTS"] = True
DISPATCHER = {"SENDER": "MaBoutique"}
"""
FILES = {
    "orders/__init__.py": "",
    "orders/apps.py": """
from django.apps import AppConfig

class Orders(AppConfig):
    name = "orders"

    def ready(self):
        from orders import receivers
""",
    "orders/receivers.py": """
from django.dispatch import receiver

from dispatcher.contrib.django.signals import campaign_finished
from orders.models import Order
from workers.thanks import thank

@receiver(campaign_finished)
def finished(event, **_):
    thank(f"{event.campaign} reached {event.counts['delivered']} of {Order.objects.count()}")
""",
    # of the project, and called as ours
    "workers/__init__.py": "",
    "workers/celery.py": "raise SystemExit('the wrong package')",
    "workers/thanks.py": """
from pathlib import Path

def thank(words):
    Path("thanks.txt").write_text(words)
""",
    "orders/models.py": """
from django.db import models

class Order(models.Model):
    name = models.CharField(max_length=60)
    mobile = models.CharField(max_length=30)
""",
    "orders/views.py": """
from django.http import Http404, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from dispatcher import NotFound
from dispatcher.contrib.django import dispatcher
from orders.models import Order

@csrf_exempt
def launch(request, reference):
    for n in range(1, 4):
        Order.objects.create(name=f"Client {n}", mobile=f"06 39 98 00 0{n}")
    method = dispatcher.submit_on_commit if "later" in request.GET else dispatcher.submit
    method(reference, "Bonjour {{ name }}", Order.objects.all())
    if "fail" in request.GET:
        raise ValueError("the order cannot be booked")
    return HttpResponse("launched")
""",
    "orders/pages.py": """
from django.db import transaction
from django.http import Http404, HttpResponse

from dispatcher import NotFound
from dispatcher.contrib.django import dispatcher

@transaction.non_atomic_requests
async def follow(request, reference):
    try:
        progress = await dispatcher.aprogress(reference)
    except NotFound as error:
        raise Http404(str(error)) from None
    return HttpResponse(f"{progress.state} {progress.messages['delivered']}")
""",
    "newshop/urls.py": """
from django.urls import path
from orders.pages import follow
from orders.views import launch

urlpatterns = [path("launch/<reference>/", launch), path("follow/<reference>/", follow)]
""",
    "orders/tests.py": """
from django.test import TestCase

from dispatcher.contrib.django.testing import assert_nothing_submitted, submitted, texts

class LaunchTest(TestCase):
    def test_launch(self):
        with submitted() as campaigns:
            self.client.post("/launch/soldes/?later=1")
        self.assertEqual([one.reference for one in campaigns], ["soldes"])
        self.assertIn("Bonjour Client 1", texts("soldes")["+33639980001"])

    def test_rollback(self):
        self.client.raise_request_exception = False
        with submitted() as campaigns:
            self.assertEqual(self.client.post("/launch/soldes/?fail=1").status_code, 500)
        self.assertEqual(campaigns, [])
        assert_nothing_submitted()
""",
}


class Project:
    """A project of a newcomer's, and its processes."""

    def __init__(self, directory: Path, gateway: Sandbox, offset: float) -> None:
        self.directory, self.gateway = directory, gateway
        self.children: list[Child] = []
        self.port = free_port()
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        quick = {name: value for name, value in QUICK.items() if name != "connections"}
        ours = {**quick, "api_url": gateway.url, "api_key": gateway.key, "clock_offset": offset}
        self.environment = {
            **kept,
            "PYTHONUNBUFFERED": "1",
            # of another project's Celery: nothing listens there
            "CELERY_BROKER_URL": "redis://127.0.0.1:9/0",
            **{f"DISPATCHER_{name.upper()}": str(value) for name, value in ours.items()},
        }

    def run(self, *arguments: str) -> str:
        """A command, run to its end; what it prints."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self, name: str, *arguments: str) -> Child:
        """A command of manage.py that keeps running."""
        argv = [sys.executable, str(self.directory / "manage.py"), *arguments]
        log = self.directory / f"{name}.log"
        self.children.append(Child(name, argv, self.environment, log, cwd=self.directory))
        return self.children[-1]

    def answer(self, path: str, *, post: bool = False) -> tuple[int, str]:
        """Status and body of a page, once the server listens."""
        url = f"http://127.0.0.1:{self.port}{path}"

        def asked() -> tuple[int, str] | None:
            try:
                with urllib.request.urlopen(
                    url, data=b"" if post else None, timeout=PATIENCE
                ) as page:
                    return page.status, page.read().decode()
            except urllib.error.HTTPError as refused:
                with refused:
                    return refused.code, ""
            except OSError:
                return None

        found = eventually(asked, lambda: f"{url}: {self.children[0].log.read_text()}")
        assert found is not None
        return found


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    offset = (OPEN - datetime.now(UTC)).total_seconds()
    with Sandbox(
        tmp_path / "ledger.jsonl", clock_offset=offset, delivery_seconds=[0.1, 0.5]
    ) as gateway:
        directory = tmp_path / "site"
        directory.mkdir()
        project = Project(directory, gateway, offset)
        yield project
        for child in reversed(project.children):
            if child.alive:
                child.stop()


def test_first_hour_ends_with_a_delivered_campaign_and_no_silence(project: Project) -> None:
    # start a project, and install
    project.run("-m", "django", "startproject", "newshop", ".")
    for name, text in FILES.items():
        (project.directory / name).parent.mkdir(exist_ok=True)
        (project.directory / name).write_text(text)
    with (project.directory / "newshop" / "settings.py").open("a") as settings:
        settings.write(SETTINGS)
    assert "no issues" in project.run("manage.py", "check")
    project.run("manage.py", "makemigrations", "orders")
    project.run("manage.py", "migrate", "--verbosity", "0")

    # test: nothing is stored where the project lives
    assert "Ran 2 tests" in project.run("manage.py", "test")

    # submit in a view, and roll back
    project.start("web", "runserver", "--noreload", str(project.port))
    assert project.answer("/follow/soldes/")[0] == 404
    assert project.answer("/launch/soldes/?fail=1", post=True)[0] == 500
    assert project.answer("/launch/soldes/?fail=1&later=1", post=True)[0] == 500
    assert project.answer("/follow/soldes/")[0] == 404
    assert project.answer("/launch/soldes/?later=1", post=True) == (200, "launched")
    assert project.answer("/follow/soldes/") == (200, "running 0")

    # run
    worked = project.start("run", "dispatcher", "run", "--workers", "1")
    thanks = project.directory / "thanks.txt"

    def thanked() -> bool:  # the file is there before it is written
        return not worked.alive or (thanks.exists() and thanks.read_text() != "")

    eventually(thanked, worked.log.read_text)
    assert thanks.read_text() == "soldes reached 3 of 3"
    assert project.answer("/follow/soldes/") == (200, "finished 3")
    assert sorted(project.gateway.texted().values()) == [1] * 3
    assert "Traceback" not in worked.log.read_text()
