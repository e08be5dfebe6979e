"""What two people do with the console in a browser, the one on its own and that of a project."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dispatcher.sandbox.process import Sandbox
from tests.acceptance.console_office import PASSWORD
from tests.waiting import eventually

PEOPLE = "prénom;mobile\nZoé;06 39 98 00 31\nLuc;06 39 98 00 32\nAnna;12345\n"
LISTED = ("+33639980031", "+33639980032")
#: the evening before Easter Sunday and Easter Monday, and the morning after both
AROUND_EASTER = datetime(2027, 3, 27, 20, tzinfo=UTC), datetime(2027, 3, 30, 8, tzinfo=UTC)
#: part of the address to which the gateway posts
SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"


def signed_in(page: Page, console: str, name: str = "zoe") -> Page:
    page.goto(f"{console}/login/")
    page.get_by_label("Nom").fill(name)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.locator("main").get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", name="Accueil")).to_be_visible()
    return page


def serious(page: Page) -> list[str]:
    """What axe-core finds that keeps people from using a page."""
    page.wait_for_load_state()
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{page.url}: {one['id']} {one['nodes'][0]['html'][:120]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def compose(page: Page, console: str, name: str = "soldes") -> None:
    """Write a campaign, without a click that saves."""
    page.goto(f"{console}/new/")
    page.get_by_label("Nom de la campagne").fill(name)
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


def before_easter(author: Page, approver: Page, console: str, gateway: Sandbox) -> tuple[str, str]:
    """One writes, tests and hands in, the other approves; it waits over Sunday and Monday.

    The paths of this campaign, and of another that is paused.
    """
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
    return campaign, pause_another(author, approver, console).removeprefix(console)


def after_easter(
    author: Page,
    console: str,
    other: str,
    gateway: Sandbox,
    answers: str,
    directory: Path,
    credit: Decimal,
) -> None:
    """The author, on the campaign's page, watches it finish, reads a reply and takes the results.

    ``answers`` is the address to which the gateway posts replies, ``credit`` what it had before.
    """
    campaign = author.url
    # nobody reloads the page
    expect(author.locator("#live .state")).to_have_text("terminée")
    expect(author.locator(".legend").first).to_contain_text("2 distribués")
    [luc] = [
        entry for entry in gateway.entries() if LISTED[1] in [text.phone for text in entry.texts]
    ]
    gateway.reply(LISTED[1], "Merci, à demain !", message_id=luc.message_id, url=answers)
    read_reply(author, console, "Merci, à demain !")
    author.goto(campaign)
    taken = take_results(author, directory)
    author.goto(f"{console}{other}")
    expect(author.locator("#live .state")).to_have_text("en pause")
    charged = credit - Decimal(str(gateway.state()["credit"]))
    sent = [text for entry in gateway.entries() for text in entry.texts]
    assert gateway.texted() == {"+33639980031": 1, "+33639980032": 1, "+33639980090": 1}
    segments = sum(text.units for text in sent if text.phone in LISTED)
    assert taken == {"delivered": 2, "segments": segments, "cost": charged}


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
