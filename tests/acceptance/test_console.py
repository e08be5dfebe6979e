"""The console alone, in a real browser: signed in, every page looked at, a campaign sent off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dispatcher.sandbox.process import Sandbox
from tests.acceptance.browser import OpenPage, chromium, open_page
from tests.acceptance.console_office import PASSWORD, filled, served
from tests.integration.cli.test_run import Running, environment, gateway
from tests.libraries import needs_workers

__all__ = ["chromium", "environment", "gateway", "open_page"]

PEOPLE = "prénom;mobile\nZoé;06 39 98 00 31\nLuc;06 39 98 00 32\nAnna;12345\n"
PAGES = (
    "/",
    "/new/",
    "/campaigns/",
    "/campaigns/1/",
    "/campaigns/3/",
    "/campaigns/2/cancel/",
    "/batches/1/",
    "/doubts/",
    "/opt-outs/",
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


def signed_in(page: Page, console: str) -> Page:
    page.goto(f"{console}/login/")
    page.get_by_label("Nom").fill("zoe")
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.locator("main").get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", name="Accueil")).to_be_visible()
    return page


def serious(page: Page) -> list[str]:
    """What axe-core finds that keeps people from using a page."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{page.url}: {one['id']} {one['nodes'][0]['html'][:120]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def test_every_page_can_be_used_at_both_widths(console: str, open_page: OpenPage) -> None:
    page = signed_in(open_page(locale="fr", viewport={"width": 1280, "height": 900}), console)
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    found = []
    for width, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in PAGES:
            page.goto(f"{console}{path}")
            assert page.evaluate("document.documentElement.scrollWidth") == width, path
            found += serious(page)
    assert found == []
    # such as what the Content-Security-Policy keeps a page from
    assert refused == []


def compose(page: Page, console: str) -> None:
    """Write a campaign, and send it off with two clicks."""
    page.goto(f"{console}/new/")
    people = {"name": "clients.csv", "mimeType": "text/csv", "buffer": PEOPLE.encode()}
    page.locator("#list").set_input_files(people)  # type: ignore[arg-type]
    page.get_by_label("Nom de la campagne").fill("soldes")
    text = page.get_by_label("Texte", exact=True)
    text.fill("Bonjour ")
    page.get_by_role("button", name="prénom").click()
    text.press_sequentially(", les soldes !")
    plan = page.locator("#plan")
    expect(plan).to_contain_text("Bonjour Zoé, les soldes !")
    expect(plan).to_contain_text("Il manque des chiffres : un mobile français en a dix")
    assert serious(page) == []
    page.get_by_label("Ces personnes ont accepté").check()
    page.get_by_role("button", name="Envoyer cette campagne").dblclick()
    expect(page.get_by_role("heading", name="soldes", exact=True)).to_be_visible()


def test_campaign_is_written_in_french_and_sent_off_once(console: str, open_page: OpenPage) -> None:
    page = signed_in(open_page(locale="fr", viewport={"width": 390, "height": 900}), console)
    compose(page, console)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.goto(f"{console}/campaigns/?reference_prefix=soldes")
    expect(page.get_by_role("link", name="soldes", exact=True)).to_have_count(1)


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
        # nobody reloads the page
        expect(page.locator("#live .state")).to_have_text("terminée")
        expect(page.locator(".legend")).to_contain_text("2 distribués")
        texts = gateway.texted()
    assert sorted(texts.values()) == [1, 1]


def test_failed_logins_have_to_wait(console: str, open_page: OpenPage) -> None:
    page = open_page(locale="fr")
    for _ in range(5):
        page.goto(f"{console}/login/")
        page.get_by_label("Nom").fill("eve")
        page.get_by_label("Mot de passe").fill("wrong")
        page.locator("main").get_by_role("button", name="Se connecter").click()
        page.wait_for_load_state()
    expect(page.get_by_role("heading", name="Patientez")).to_be_visible()
