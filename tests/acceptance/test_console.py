"""The console alone, in a real browser: signed in, every page looked at, a campaign sent off."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from dispatcher.sandbox.process import Sandbox
from tests.acceptance.browser import OpenPage, chromium, open_page, width_of
from tests.acceptance.console_office import filled, running, served
from tests.acceptance.console_people import (
    AROUND_EASTER,
    SECRET,
    after_easter,
    before_easter,
    compose,
    let_go,
    serious,
    signed_in,
)
from tests.integration.cli.test_run import KEY, Running, environment, gateway
from tests.libraries import needs_workers

__all__ = ["chromium", "environment", "gateway", "open_page"]

PAGES = (
    "/",
    "/new/",
    "/drafts/",
    "/drafts/1/",
    "/drafts/1/test/",
    "/drafts/2/",
    "/testers/",
    "/campaigns/",
    "/campaigns/1/",
    "/campaigns/3/",
    "/campaigns/2/cancel/",
    "/series/",
    "/series/new/",
    "/series/1/",
    "/series/2/",
    "/series/3/",
    "/series/1/plan/",
    "/series/3/plan/",
    "/series/1/change/",
    "/series/1/skip/",
    "/series/4/resume/",
    "/batches/1/",
    "/doubts/",
    "/opt-outs/",
    "/unreachable/",
    "/replies/",
    "/spend/",
    "/spend/?by=tag",
    "/weekly-cap/",
    "/installation/",
    "/installation/settings/",
    "/installation/record/",
)
#: a colour scheme for each width: the colours of a scheme are the same at both
SCREENS = ((1280, "light"), (390, "dark"))


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a console with something on every page."""
    with filled(Path(tmp_path_factory.mktemp("console"))) as address:
        yield address


def picture_of(path: str, width: int) -> str:
    """The name of the file with the picture of a page."""
    return f"{re.sub(r'[^a-z0-9]+', '-', path).strip('-') or 'home'}-{width}.png"


def test_every_page_can_be_used_at_both_widths(
    console: str, open_page: OpenPage, tmp_path: Path
) -> None:
    """It leaves a picture of each in the folder that ``CONSOLE_PICTURES`` names."""
    pictures = Path(os.environ.get("CONSOLE_PICTURES") or tmp_path)
    page = signed_in(open_page(locale="fr", viewport={"width": 1280, "height": 900}), console)
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    found = []
    for width, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in PAGES:
            page.goto(f"{console}{path}")
            assert width_of(page) == width, path
            found += serious(page)
            page.screenshot(path=pictures / picture_of(path, width), full_page=True)
    assert found == []
    # such as what the Content-Security-Policy keeps a page from
    assert refused == []


def test_campaign_is_written_in_french_and_sent_off_once(console: str, open_page: OpenPage) -> None:
    page = signed_in(open_page(locale="fr", viewport={"width": 390, "height": 900}), console)
    compose(page, console)
    let_go(page, "Envoyer cette campagne")
    expect(page.get_by_role("heading", name="soldes", exact=True)).to_be_visible()
    expect(page.locator("#live")).to_be_visible()
    assert width_of(page) == 390
    page.goto(f"{console}/campaigns/?reference_prefix=soldes")
    expect(page.get_by_role("link", name="soldes", exact=True)).to_have_count(1)


def test_people_of_another_campaign_are_left_out_by_a_choice(
    console: str, open_page: OpenPage
) -> None:
    page = signed_in(open_page(locale="fr", viewport={"width": 390, "height": 900}), console)
    compose(page, console, "rappel")
    page.get_by_text("Les personnes d'autres campagnes").click()
    page.get_by_label("Écarter les personnes de").select_option(label="soldes-hiver")
    expect(page.locator("#plan")).to_contain_text("à cause de la campagne soldes-hiver")
    assert serious(page) == []
    assert width_of(page) == 390
    page.reload()
    expect(page.get_by_label("Écarter les personnes de")).to_have_values(["1"])


def test_draft_is_written_and_sent_off_without_javascript(
    console: str, open_page: OpenPage
) -> None:
    page = signed_in(open_page(locale="fr", java_script_enabled=False), console)
    page.goto(f"{console}/new/")
    page.get_by_label("Nom de la campagne").fill("sans script")
    page.get_by_role("button", name="Commencer").click()
    page.locator("#pasted").fill("06 39 98 00 41\n06 39 98 00 42")
    page.get_by_label("Texte", exact=True).fill("Les soldes !")
    page.get_by_role("button", name="Enregistrer et montrer le plan").click()
    expect(page.locator("#plan")).to_contain_text("Les soldes !")
    page.get_by_role("button", name="ligne suivante").click()
    expect(page.locator("#sample")).to_contain_text("Ligne 2 sur 2")
    let_go(page, "Envoyer cette campagne")
    expect(page.locator("#live")).to_be_visible()


def test_what_is_entered_before_the_script_arrives_is_saved(
    console: str, open_page: OpenPage
) -> None:
    page = signed_in(open_page(locale="fr"), console)
    page.goto(f"{console}/new/")
    page.get_by_label("Nom de la campagne").fill("réseau lent")
    page.get_by_role("button", name="Commencer").click()
    expect(page.locator("#pasted")).to_be_visible()
    held: list[Route] = []
    page.route("**/console.js", lambda route: held.append(route))
    with page.expect_request("**/console.js"):
        page.reload(wait_until="commit")
    page.locator("#pasted").fill("06 39 98 00 43")
    page.get_by_label("Texte", exact=True).fill("Les soldes !")
    held.pop().continue_()
    expect(page.locator("#sample")).to_contain_text("Les soldes !")
    let_go(page, "Envoyer cette campagne")
    expect(page.locator("#live")).to_be_visible()


def test_second_writer_is_told_of_the_first_and_loses_nothing(
    console: str, open_page: OpenPage
) -> None:
    first, second = (signed_in(open_page(locale="fr"), console) for _ in range(2))
    for page in (first, second):
        page.goto(f"{console}/drafts/1/")
    first.get_by_label("Texte", exact=True).fill("Le premier texte")
    expect(first.locator("#sample")).to_contain_text("Le premier texte")
    second.get_by_label("Texte", exact=True).fill("Le second texte")
    expect(second.locator("#status")).to_contain_text("Pas enregistré")
    second.get_by_role("button", name="Enregistrer le mien à sa place").click()
    expect(second.locator("#sample")).to_contain_text("Le second texte")


@needs_workers
def test_newcomer_watches_a_campaign_finish_beside_run_and_the_sandbox(
    tmp_path: Path, environment: dict[str, str], gateway: Sandbox, open_page: OpenPage
) -> None:
    environment |= {"DISPATCHER_SENDER": "MaBoutique", "HOME": str(tmp_path)}
    with (
        Running(tmp_path, environment, "run") as run,
        served(tmp_path, environment) as console,
    ):
        run.wait_for(r"^supervisor +\| worker1 ready$")
        page = signed_in(open_page(locale="fr"), console)
        compose(page, console)
        let_go(page, "Envoyer cette campagne")
        # nobody reloads the page
        expect(page.locator("#live .state")).to_have_text("terminée")
        expect(page.locator(".legend").first).to_contain_text("2 distribués")
        texts = gateway.texted()
    assert sorted(texts.values()) == [1, 1]


@needs_workers
@pytest.mark.timeout(580)  # three processes twice, two people, and their browser
def test_one_writes_another_approves_and_it_waits_over_a_sunday(
    tmp_path: Path, environment: dict[str, str], open_page: OpenPage
) -> None:
    """The evening before Easter; then the same installation on the Tuesday after it."""
    saturday, tuesday = ((day - datetime.now(UTC)).total_seconds() for day in AROUND_EASTER)
    with Sandbox(key=KEY, clock_offset=tuesday, delivery_seconds=[0, 0]) as gateway:
        environment |= {
            "DISPATCHER_API_URL": gateway.url,
            "DISPATCHER_APPROVAL": "required",
            "DISPATCHER_PRICES": "metropole=0.045",
            "DISPATCHER_SENDER": "MaBoutique",
            "DISPATCHER_WEBHOOK_SECRET": SECRET,
            "HOME": str(tmp_path),
        }
        environment["DISPATCHER_CLOCK_OFFSET"] = str(saturday)
        with (
            Running(tmp_path, environment, "run") as run,
            served(tmp_path, environment) as console,
        ):
            run.wait_for(r"^supervisor +\| worker1 ready$")
            author = signed_in(open_page(locale="fr"), console)
            approver = signed_in(open_page(locale="fr"), console, "luc")
            campaign, other = before_easter(author, approver, console, gateway)
            assert run.stop() == 0
        credit = Decimal(str(gateway.state()["credit"]))
        environment["DISPATCHER_CLOCK_OFFSET"] = str(tuesday)
        with (
            Running(tmp_path, environment, "run"),
            Running(tmp_path, environment, "webhooks", "--port", "0") as webhooks,
            running(tmp_path, environment) as console,
        ):
            port = webhooks.wait_for(r"listening on \S+ port (\d+)")[1]
            author = signed_in(open_page(locale="fr"), console)
            answers = f"http://127.0.0.1:{port}/{SECRET}/reply"
            author.goto(f"{console}{campaign}")
            after_easter(author, console, other, gateway, answers, tmp_path, credit)


def test_failed_logins_have_to_wait(console: str, open_page: OpenPage) -> None:
    page = open_page(locale="fr")
    for _ in range(5):
        page.goto(f"{console}/login/")
        page.get_by_label("Nom").fill("eve")
        page.get_by_label("Mot de passe").fill("wrong")
        page.locator("main").get_by_role("button", name="Se connecter").click()
        page.wait_for_load_state()
    expect(page.get_by_role("heading", name="Patientez")).to_be_visible()
