"""The Flask example with real processes and a real browser."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, expect

from tests.acceptance.browser import OpenPage, chromium, open_page
from tests.acceptance.installation import Child, Installation, people
from tests.integration.flask.webapp import TOKEN

__all__ = ["chromium", "open_page"]
PASSWORD = {"username": "ops", "password": TOKEN}
USERS = f"zoe:other ops:{TOKEN}"
SEND = re.compile("Send to")


def address_of(site: Installation, server: Child) -> str:
    """The address on which ``flask run --port 0`` listens."""
    running = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")
    site.wait(lambda: running.search(server.log.read_text()) or not server.alive, "Flask to listen")
    found = running.search(server.log.read_text())
    assert found, server.log.read_text()
    return found[1]


def serve(site: Installation, name: str = "shop", **environment: str) -> str:
    """Start the example; returns its address."""
    arguments = ("flask", "--app", "examples/flask_shop/app", "run", "--port", "0")
    return address_of(site, site.start(name, *arguments, SHOP_USERS=USERS, **environment))


def launch(page: Page, address: str, **fields: str) -> None:
    page.goto(address)
    for label, value in fields.items():
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name=SEND).click()


def test_double_click_launches_one_campaign_and_its_page_follows_it(
    tmp_path: Path, database_url: str, open_page: OpenPage
) -> None:
    with Installation(tmp_path, database_url, web_token=TOKEN) as site:
        address = serve(site)
        page = open_page(http_credentials=PASSWORD)
        page.goto(address)
        page.get_by_role("button", name=SEND).dblclick()
        expect(page.get_by_role("heading", level=1)).to_have_text("soldes-2027 running")
        # nothing is sent yet: there is no worker
        expect(page.get_by_role("row", name="pending 2", exact=True)).to_be_visible()

        site.worker()
        site.beat()
        # the page reloads by itself
        expect(page.get_by_role("heading", level=1)).to_have_text("soldes-2027 finished")
        expect(page.get_by_role("row", name="delivered 2", exact=True)).to_be_visible()
        expect(page.get_by_role("img", name="100 % have ended")).to_be_visible()
        expect(page.get_by_role("table").nth(1)).to_contain_text("Metropolitan France")

        # launched once more from the form, it is the same campaign
        launch(page, address)
        expect(page).to_have_url(f"{address}/sms/campaigns/1")
        page.get_by_role("link", name="Campaigns").click()
        expect(page.get_by_role("link", name="soldes-2027")).to_have_count(1)
        assert site.dispatcher.page().total == 1
        assert site.dispatcher.actions(1)[-1].actor == "ops"
        assert sum(site.gateway.texted().values()) == 2
        site.check()
        texts = sorted(text.text for entry in site.gateway.entries() for text in entry.texts)
        assert texts == [
            "Bonjour Luc, les soldes commencent samedi ! STOP au 36000",
            "Bonjour Zoé, les soldes commencent samedi ! STOP au 36000",
        ]


def test_refused_form_is_a_page_with_a_sentence(tmp_path: Path, open_page: OpenPage) -> None:
    with Installation(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}", web_token=TOKEN) as site:
        address = serve(site)
        page = open_page(http_credentials=PASSWORD)
        launch(page, address)
        launch(page, address, Text="Another text")
        expect(page.get_by_role("heading")).to_have_text("409 Conflict")
        expect(page.locator("p")).to_have_text(
            "Reference 'soldes-2027' was submitted with another body."
        )
        launch(page, address, Reference="other", Text="Bonjour {{ nom }}")
        expect(page.get_by_role("heading")).to_have_text("422 Unprocessable Entity")
        assert site.dispatcher.page().total == 1

        # without a password no page is shown, and with that of another name none either
        stranger = open_page()
        impostor = open_page(http_credentials={"username": "zoe", "password": TOKEN})
        for path in ("", "/sms/campaigns/1"):
            with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
                stranger.goto(f"{address}{path}")
            answer = impostor.goto(f"{address}{path}")
            assert answer is not None
            assert answer.status == 401

        # a form on another site, here on another port, launches nothing
        other = serve(site, "other")
        page.goto(other)
        page.evaluate(f"document.forms[0].action = '{address}/campaigns'")
        page.get_by_label("Reference").fill("foreign")
        page.get_by_role("button", name=SEND).click()
        expect(page.get_by_role("heading")).to_have_text("Forbidden")
        assert site.dispatcher.page().total == 1


def test_database_that_is_down_is_a_page(tmp_path: Path, open_page: OpenPage) -> None:
    nowhere = "postgresql+psycopg://app:hunter2@127.0.0.1:9/app"
    with Installation(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}", web_token=TOKEN) as site:
        address = serve(site, DISPATCHER_DATABASE_URL=nowhere)
        page = open_page(http_credentials=PASSWORD)
        for path in ("", "/sms/"):
            if path:
                page.goto(f"{address}{path}")
            else:
                launch(page, address)
            expect(page.get_by_role("heading")).to_have_text("503 Service Unavailable")
            expect(page.locator("p").first).to_contain_text("The database is out of reach")
            assert "hunter2" not in page.content()


def test_campaign_is_accepted_without_redis(tmp_path: Path, open_page: OpenPage) -> None:
    with Installation(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}", web_token=TOKEN) as site:
        address = serve(site)
        site.redis.kill()
        page = open_page(http_credentials=PASSWORD)
        launch(page, address)
        expect(page.get_by_role("heading", level=1)).to_have_text("soldes-2027 running")


APP = """
import json
from flask import Flask
from dispatcher.contrib.flask import Dispatcher

app = Flask(__name__)
app.config.from_file({config!r}, load=json.load)
Dispatcher(app)
"""


@pytest.mark.parametrize("embedded", [False, True], ids=["given-redis", "own-redis"])
def test_flask_dispatcher_run_needs_only_the_settings_of_the_app(
    tmp_path: Path, *, embedded: bool
) -> None:
    with Installation(tmp_path, f"sqlite:///{tmp_path / 'shop.db'}") as site:
        config = {name: value for name, value in site.environment.items() if "DISPATCHER" in name}
        if embedded:
            del config["DISPATCHER_BROKER_URL"]
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        app = tmp_path / "shop.py"
        app.write_text(APP.format(config=str(tmp_path / "config.json")), encoding="utf-8")
        others = {name: it for name, it in site.environment.items() if "DISPATCHER" not in name}
        argv = ["-m", "flask", "--app", str(app), "dispatcher", "run", "--workers", "1"]
        run = Child("run", [sys.executable, *argv], others, tmp_path / "run.log")
        site.children.append(run)
        site.submit("soldes", people(3))
        progress = site.wait_finished("soldes")
        assert progress.messages["delivered"] == 3
        assert run.stop() == 0
        assert site.gateway.key not in run.log.read_text()
        site.check()
