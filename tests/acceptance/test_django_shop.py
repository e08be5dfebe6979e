"""The Django example in a real browser: from the button to the last delivery report."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dispatcher.sandbox.process import Sandbox
from tests.acceptance import console_people as people
from tests.acceptance.browser import OpenPage, chromium, open_page
from tests.acceptance.console_office import PASSWORD as OFFICE_PASSWORD
from tests.acceptance.console_people import AROUND_EASTER, SECRET
from tests.acceptance.installation import OPEN, QUICK, ROOT, Child
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually

__all__ = ["chromium", "open_page"]

SHOP = ROOT / "examples" / "django_shop"
#: of the superuser, in a database that only the test uses
PASSWORD = "for-this-test-only"


class Shop:
    """The shop's own processes on a database of their own; only the gateway is a fake."""

    def __init__(self, directory: Path, gateway: Sandbox, offset: float, **more: object) -> None:
        self.directory = directory
        self.gateway = gateway
        self.children: list[Child] = []
        self.port = free_port()
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        quick = {name: value for name, value in QUICK.items() if name != "connections"}
        ours = {**quick, "api_url": gateway.url, "api_key": gateway.key, "clock_offset": offset}
        ours |= more
        self.environment = {
            **kept,
            "PYTHONUNBUFFERED": "1",
            "SHOP_DATABASE": str(directory / "shop.db"),
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            **{f"DISPATCHER_{name.upper()}": str(value) for name, value in ours.items()},
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str) -> str:
        """A command of manage.py, run to its end."""
        done = subprocess.run(
            [sys.executable, str(SHOP / "manage.py"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str, *arguments: str) -> Child:
        """A command of manage.py that keeps running."""
        argv = [sys.executable, str(SHOP / "manage.py"), *arguments]
        child = Child(name, argv, self.environment, self.directory / f"{name}.log")
        self.children.append(child)
        return child

    def wait_until_it_answers(self) -> None:
        def answers() -> bool:
            try:
                urllib.request.urlopen(self.url, timeout=PATIENCE).close()
            except OSError:
                return False
            return True

        eventually(answers, lambda: f"the shop to answer: {self.children[0].log.read_text()}")

    def stop(self) -> None:
        for child in reversed(self.children):
            if child.alive:
                child.stop()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    offset = (OPEN - datetime.now(UTC)).total_seconds()
    ledger = tmp_path / "ledger.jsonl"
    with Sandbox(ledger, clock_offset=offset, delivery_seconds=[0.1, 0.5]) as gateway:
        shop = Shop(tmp_path, gateway, offset)
        shop.manage("migrate", "--verbosity", "0")
        shop.manage("loaddata", "customers", "--verbosity", "0")
        shop.manage(
            "createsuperuser", "--noinput", "--username", "zoe", "--email", "z@shop.example"
        )
        shop.start("web", "runserver", "--noreload", "--nothreading", str(shop.port))
        try:
            shop.wait_until_it_answers()
            yield shop
        finally:
            shop.stop()


def signed_in(shop: Shop, open_page: OpenPage) -> Page:
    """The shop's page, which a stranger is not shown."""
    page = open_page()
    page.goto(shop.url)
    page.get_by_label("Username").fill("zoe")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    return page


def test_campaign_launched_in_the_shop_is_followed_to_its_last_report(
    shop: Shop, open_page: OpenPage
) -> None:
    page = signed_in(shop, open_page)
    # a double click launches one campaign
    page.get_by_role("button", name="Launch").dblclick()
    expect(page.get_by_role("heading")).to_have_text("soldes-2027 is running")
    expect(page.get_by_text("0 of 11 delivered")).to_be_visible()

    # the admin leads to the console, in which one campaign waits for workers
    page.goto(f"{shop.url}/admin/")
    page.get_by_role("link", name="Campaigns", exact=True).first.click()
    page.get_by_role("link", name="soldes-2027").click()
    expect(page.get_by_text("No worker has ever looked").first).to_be_visible()

    # pause and resume, each with a reason
    page.get_by_role("link", name="Pause").click()
    page.get_by_label("Reason").fill("is the text right?")
    page.get_by_role("button", name="Pause").click()
    lead = page.locator(".lead")
    expect(lead).to_contain_text("paused")
    expect(lead).to_contain_text("is the text right?")
    page.get_by_role("link", name="Resume").click()
    page.get_by_label("Reason").fill("it is")
    page.get_by_role("button", name="Resume").click()
    expect(lead).to_contain_text("running")

    # workers, beat and a Redis of their own, with the shop's settings
    run = shop.start("run", "dispatcher", "run", "--workers", "1")
    expect(lead).to_contain_text("finished")
    assert run.alive
    page.get_by_role("link", name="1", exact=True).click()
    expect(page.get_by_text("+33639980001")).to_be_visible()  # zoe may see everything

    page.goto(f"{shop.url}/campaigns/soldes-2027/")
    expect(page.get_by_text("11 of 11 delivered")).to_be_visible()
    assert sorted(shop.gateway.texted().values()) == [1] * 11
    listed = shop.manage("dispatcher", "progress", "soldes-2027", "--json")
    assert '"delivered": 11' in listed

    logs = "".join(child.log.read_text() for child in shop.children)
    assert not re.search(r"39 ?98", logs), "a number is in a log"
    assert "Traceback" not in logs


def test_refused_campaign_is_explained_in_the_form(shop: Shop, open_page: OpenPage) -> None:
    page = signed_in(shop, open_page)
    page.goto(shop.url)
    page.get_by_label("Text").fill("Bonjour {{ nom }} !")
    page.get_by_role("button", name="Launch").click()
    expect(page.locator(".errorlist")).to_contain_text("no such field among the recipients")

    page.get_by_label("Text").fill("Soldes !")
    page.get_by_role("button", name="Launch").click()
    page.goto(shop.url)
    page.get_by_label("Text").fill("Other words")
    page.get_by_role("button", name="Launch").click()
    expect(page.locator(".errorlist")).to_contain_text("was submitted with another body")


_TWO_PEOPLE = """
from django.contrib.auth.models import Group, User
for name, *roles in (("zoe", "writes", "operates"), ("luc", "approves")):
    user = User.objects.create_user(name, password={password!r})
    user.groups.set(Group.objects.filter(name__in=[f"SMS: {{role}}" for role in roles]))
"""


@pytest.mark.timeout(580)  # five processes, two people, and their browser
def test_one_writes_another_approves_in_the_shops_own_project(
    tmp_path: Path, open_page: OpenPage
) -> None:
    """The evening before Easter; then the same shop on the Tuesday after it."""
    saturday, tuesday = ((day - datetime.now(UTC)).total_seconds() for day in AROUND_EASTER)
    with Sandbox(clock_offset=tuesday, delivery_seconds=[0, 0]) as gateway:
        shop = Shop(
            tmp_path,
            gateway,
            saturday,
            approval="required",
            prices="metropole=0.045",
            webhook_secret=SECRET,
        )
        console = f"{shop.url}/sms"
        shop.manage("migrate", "--verbosity", "0")
        shop.manage("shell", "-c", _TWO_PEOPLE.format(password=OFFICE_PASSWORD))
        serve = ("runserver", "--noreload", str(shop.port))
        try:
            shop.start("web", *serve)
            shop.wait_until_it_answers()
            run = shop.start("run", "dispatcher", "run", "--workers", "1")
            author = people.signed_in(open_page(locale="fr"), console)
            approver = people.signed_in(open_page(locale="fr"), console, "luc")
            campaign, other = people.before_easter(author, approver, console, gateway)
            assert run.stop() == 0
            shop.stop()

            credit = Decimal(str(gateway.state()["credit"]))
            shop.environment["DISPATCHER_CLOCK_OFFSET"] = str(tuesday)
            shop.start("web", *serve)
            shop.wait_until_it_answers()
            shop.start("run", "dispatcher", "run", "--workers", "1")
            webhooks = shop.start("webhooks", "dispatcher", "webhooks", "--port", "0")
            eventually(lambda: _port(webhooks) != "", "the webhooks listen")
            answers = f"http://127.0.0.1:{_port(webhooks)}/{SECRET}/reply"
            author.goto(f"{console}{campaign}")
            people.after_easter(author, console, other, gateway, answers, tmp_path, credit)
        finally:
            shop.stop()


def _port(webhooks: Child) -> str:
    """The port of a receiver of webhooks, once it has said it."""
    found = re.search(r"listening on \S+ port (\d+)", webhooks.log.read_text())
    return found[1] if found else ""
