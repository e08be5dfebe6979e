"""The console alone, in a real browser: signed in, every page looked at, a campaign sent off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dispatcher.sandbox.process import Sandbox
from tests.acceptance.browser import OpenPage, chromium, open_page
from tests.acceptance.console_office import PASSWORD, filled, running, served
from tests.integration.cli.test_run import KEY, Running, environment, eventually, gateway
from tests.libraries import needs_workers

__all__ = ["chromium", "environment", "gateway", "open_page"]

PEOPLE = "prénom;mobile\nZoé;06 39 98 00 31\nLuc;06 39 98 00 32\nAnna;12345\n"
LISTED = ("+33639980031", "+33639980032")
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
    "/replies/",
    "/spend/",
    "/spend/?by=tag",
    "/weekly-cap/",
    "/installation/",
    "/installation/settings/",
    "/installation/record/",
)
#: the evening before Easter Sunday and Easter Monday, and the morning after both
AROUND_EASTER = datetime(2027, 3, 27, 20, tzinfo=UTC), datetime(2027, 3, 30, 8, tzinfo=UTC)
#: part of the address to which the gateway posts
SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
#: a colour scheme for each width: the colours of a scheme are the same at both
SCREENS = ((1280, "light"), (390, "dark"))


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a console with something on every page."""
    with filled(Path(tmp_path_factory.mktemp("console"))) as address:
        yield address


def signed_in(page: Page, console: str, name: str = "zoe") -> Page:
    page.goto(f"{console}/login/")
    page.get_by_label("Nom").fill(name)
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
    """Write a campaign, without a click that saves."""
    page.goto(f"{console}/new/")
    page.get_by_label("Nom de la campagne").fill("soldes")
    page.get_by_role("button", name="Commencer").dblclick()
    people = {"name": "clients.csv", "mimeType": "text/csv", "buffer": PEOPLE.encode()}
    page.locator("#list").set_input_files(people)  # type: ignore[arg-type]
    expect(page.locator("#listed")).to_contain_text("clients.csv")
    text = page.get_by_label("Texte", exact=True)
    text.fill("Bonjour ")
    page.get_by_role("button", name="prénom").click()
    text.press_sequentially(", les soldes !")
    expect(page.locator("#sample")).to_contain_text("Bonjour Zoé, les soldes !")
    page.get_by_role("button", name="ligne suivante").click()
    expect(page.locator("#sample")).to_contain_text("Bonjour Luc, les soldes !")
    expect(page.locator("#plan")).to_contain_text("Il manque des chiffres")
    assert serious(page) == []


def let_go(page: Page, button: str) -> None:
    page.get_by_label("Ces personnes ont accepté").check()
    page.get_by_role("button", name=button).dblclick()


def test_campaign_is_written_in_french_and_sent_off_once(console: str, open_page: OpenPage) -> None:
    page = signed_in(open_page(locale="fr", viewport={"width": 390, "height": 900}), console)
    compose(page, console)
    let_go(page, "Envoyer cette campagne")
    expect(page.get_by_role("heading", name="soldes", exact=True)).to_be_visible()
    expect(page.locator("#live")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.goto(f"{console}/campaigns/?reference_prefix=soldes")
    expect(page.get_by_role("link", name="soldes", exact=True)).to_have_count(1)


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
            compose(author, console)
            draft = author.url
            mend(author)
            send_test(author, console, draft)
            eventually(lambda: len(gateway.texted()) == 1, "the test has left")
            hand_in(author, draft)
            approve(approver, console, draft)
            waits = "Attend jusqu'à mardi 8 h : dimanche, lundi de Pâques"
            expect(approver.locator("#live")).to_contain_text(waits)
            campaign = approver.url.removeprefix(console)
            other = pause_another(author, approver, console).removeprefix(console)
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
            author.goto(f"{console}{campaign}")
            # nobody reloads the page
            expect(author.locator("#live .state")).to_have_text("terminée")
            expect(author.locator(".legend").first).to_contain_text("2 distribués")
            answered = f"http://127.0.0.1:{port}/{SECRET}/reply"
            [luc] = [
                entry
                for entry in gateway.entries()
                if LISTED[1] in [text.phone for text in entry.texts]
            ]
            gateway.reply(LISTED[1], "Merci, à demain !", message_id=luc.message_id, url=answered)
            read_reply(author, console, "Merci, à demain !")
            author.goto(f"{console}{campaign}")
            taken = take_results(author, tmp_path)
            author.goto(f"{console}{other}")
            expect(author.locator("#live .state")).to_have_text("en pause")
            credit -= Decimal(str(gateway.state()["credit"]))
            sent = [text for entry in gateway.entries() for text in entry.texts]
            texted = gateway.texted()
    assert texted == {"+33639980031": 1, "+33639980032": 1, "+33639980090": 1}
    segments = sum(text.units for text in sent if text.phone in LISTED)
    assert taken == {"delivered": 2, "segments": segments, "cost": credit}


def pause_another(author: Page, approver: Page, console: str) -> str:
    """Hand in a second campaign, have it approved, and pause it; the address of its page."""
    author.goto(f"{console}/new/")
    author.get_by_label("Nom de la campagne").fill("rappel")
    author.get_by_role("button", name="Commencer").click()
    author.locator("#pasted").fill("06 39 98 00 33")
    author.get_by_label("Texte", exact=True).fill("Dernier jour des soldes !")
    expect(author.locator("#sample")).to_contain_text("Dernier jour")
    draft = author.url
    let_go(author, "Remettre pour validation")
    expect(author.locator(".lead")).to_contain_text("à valider")
    approver.goto(draft)
    approver.get_by_role("button", name="Valider").click()
    expect(approver.locator("#live")).to_be_visible()
    author.goto(draft)
    author.get_by_role("link", name="Mettre en pause").click()
    author.get_by_label("Motif").fill("stock épuisé")
    author.get_by_role("button", name="Mettre en pause").dblclick()
    expect(author.locator("#live")).to_contain_text("stock épuisé")
    return author.url


def take_results(author: Page, directory: Path) -> dict[str, Any]:
    """Download the results; the sums of their rows, which are those that the file names."""
    with author.expect_download() as download:
        author.get_by_role("button", name="Télécharger").click()
    path = directory / "results.xlsx"
    download.value.save_as(path)
    book = pytest.importorskip("openpyxl").load_workbook(path)
    names, *found = book["Results"].iter_rows(values_only=True)
    rows = [dict(zip(names, row, strict=True)) for row in found]
    sums = dict(book["Sums"].iter_rows(values_only=True, min_row=2))
    cost = sum(Decimal(str(row["cost"])) for row in rows)
    assert (int(sums["returned"]), Decimal(str(sums["cost"]))) == (len(rows), cost)
    return {
        "delivered": sum(row["state"] == "delivered" for row in rows),
        "segments": sum(row["segments"] for row in rows),
        "cost": cost,
    }


def read_reply(author: Page, console: str, words: str) -> None:
    author.goto(f"{console}/replies/?campaign=soldes")

    def shown() -> bool:
        author.reload()
        return author.get_by_text(words).count() == 1

    eventually(shown, "the reply is shown")


def mend(author: Page) -> None:
    """Write a letter that makes the text dearer, read the warning, and write another."""
    text = author.get_by_label("Texte", exact=True)
    good = text.input_value()
    text.fill(f"{good} 🎉")
    expect(author.locator("#plan")).to_contain_text("Unicode")
    text.fill(good)
    expect(author.locator("#plan")).not_to_contain_text("Unicode")
    expect(author.locator("#sample")).to_contain_text("les soldes !")


def send_test(author: Page, console: str, draft: str) -> None:
    author.goto(f"{console}/testers/")
    author.get_by_label("Nom").fill("Inès")
    author.get_by_label("Numéro").fill("06 39 98 00 90")
    author.get_by_label("Reçoit les essais à toute heure").check()
    author.get_by_role("button", name="Ajouter").dblclick()
    expect(author.locator("table")).to_contain_text("Inès")
    author.goto(draft)
    author.get_by_role("link", name="Envoyer un essai").click()
    author.get_by_label("Bonjour Luc").check()
    author.get_by_label("Inès").check()
    author.get_by_role("button", name="Envoyer l'essai").dblclick()
    expect(author.locator(".note.success")).to_contain_text("Inès")


def hand_in(author: Page, draft: str) -> None:
    author.goto(draft)
    expect(author.get_by_role("button", name="Envoyer cette campagne")).to_have_count(0)
    let_go(author, "Remettre pour validation")
    expect(author.locator(".lead")).to_contain_text("à valider")
    expect(author.get_by_role("button", name="Valider")).to_have_count(0)
    # the author asks as the approver's page does
    token = author.locator("[name=csrfmiddlewaretoken]").first.input_value()
    forged = {"csrfmiddlewaretoken": token, "fingerprint": "", "by": "luc", "user": "luc"}
    answer = author.request.post(f"{draft}approve/", form=forged, headers={"Referer": draft})  # type: ignore[arg-type]
    assert answer.status == 403


def approve(approver: Page, console: str, draft: str) -> None:
    approver.goto(console)
    needs = approver.locator(".needs")
    expect(needs).to_contain_text("zoe demande une validation")
    needs.get_by_role("link", name="Lire et décider").click()
    assert approver.url == draft
    expect(approver.locator(".seen")).to_contain_text("dimanche, lundi de Pâques")
    assert serious(approver) == []
    approver.get_by_role("button", name="Valider").dblclick()
    expect(approver.locator("#live")).to_be_visible()


def test_failed_logins_have_to_wait(console: str, open_page: OpenPage) -> None:
    page = open_page(locale="fr")
    for _ in range(5):
        page.goto(f"{console}/login/")
        page.get_by_label("Nom").fill("eve")
        page.get_by_label("Mot de passe").fill("wrong")
        page.locator("main").get_by_role("button", name="Se connecter").click()
        page.wait_for_load_state()
    expect(page.get_by_role("heading", name="Patientez")).to_be_visible()
