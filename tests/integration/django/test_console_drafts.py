"""Drafts in the console: written, tested, handed in and approved, by whom the session says."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from dispatcher.campaigns.draft import Draft
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console.draft_page import LIVE_ROWS
from dispatcher.contrib.django.console.roles import ROLES
from tests.django_project import said
from tests.integration.django.console_users import SignIn, sign_in, text

__all__ = ["sign_in"]

PEOPLE = "prénom;mobile;fixe\nZoé;06 39 98 00 01;\nLuc;06 39 98 00 02;\nAnna;12345;\n"
TEXT = "Bonjour {{ prénom }}, les soldes !"
PAGE = "/sms/drafts/1/"
INES = "06 39 98 00 90"


def begin(client: Client, name: str = "soldes") -> None:
    client.post("/sms/new/", {"reference": name})


def form(**values: Any) -> dict[str, Any]:
    """What a browser posts of the form, with the version that the draft has."""
    version = {"version": dispatcher.drafts.get(1).version}
    return {"text": TEXT, "sender": "", **version, **values}


def upload(content: bytes | str = PEOPLE, name: str = "clients.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def written(client: Client) -> Draft:
    """The draft "soldes", with a list of which one row is faulty."""
    begin(client)
    client.post(PAGE, form(file=upload()))
    return dispatcher.drafts.get(1)


def seen(client: Client) -> str:
    """The fingerprint of the plan that the page shows."""
    [found] = re.findall(r'name="fingerprint" value="(\w+)"', client.get(PAGE).content.decode())
    return str(found)


def handed_in(client: Client) -> Draft:
    written(client)
    client.post(PAGE, form(act="hand-in", agreed="on", fingerprint=seen(client)))
    draft = dispatcher.drafts.get(1)
    assert draft.state == "handed_in"
    return draft


def test_draft_is_begun_once_however_often_it_is_clicked(sign_in: SignIn) -> None:
    client = sign_in("writes")
    for _ in range(2):
        assert client.post("/sms/new/", {"reference": "soldes"})["Location"] == PAGE
    other = sign_in("writes", name="luc")
    assert "est prise" in text(other.post("/sms/new/", {"reference": "soldes"}))
    assert [one.author for one in dispatcher.drafts.all()] == ["zoe"]


def test_what_is_typed_is_saved_and_planned(sign_in: SignIn) -> None:
    client = sign_in("writes")
    begin(client)
    answer = client.post(f"{PAGE}saved/", form(file=upload(), tags="Shop-Lyon, hiver"))
    said = text(answer)
    assert "Enregistré par zoe" in said
    assert "Personnes 2" in said
    assert "Bonjour Zoé, les soldes !" in said
    assert "1 ligne est refusée" in said
    assert "il manque des chiffres" in said.lower()
    draft = dispatcher.drafts.get(1)
    assert (draft.text, draft.rows, draft.source) == (TEXT, 3, "clients.csv")
    assert list(draft.options["tags"]) == ["hiver", "shop-lyon"]
    assert dispatcher.campaigns() == []


def test_column_whose_name_is_spelled_otherwise_than_the_field_fills_it(sign_in: SignIn) -> None:
    client = sign_in("writes")
    begin(client)
    people = "Prénom;Mobile\nZoé;06 39 98 00 01\n"
    said = client.post(f"{PAGE}saved/", form(text="Bonjour {{ prenom }} !", file=upload(people)))

    for page in (said, client.get(PAGE), client.get(f"{PAGE}test/")):
        assert "Bonjour Zoé !" in text(page)
        assert "manque" not in text(page)
        assert " disabled" not in page.content.decode()


def test_what_did_not_change_makes_nobody_a_writer(sign_in: SignIn) -> None:
    written(sign_in("writes"))
    before = dispatcher.drafts.get(1)
    sign_in("writes", name="luc").post(f"{PAGE}saved/", form())
    assert dispatcher.drafts.get(1) == before


def test_every_option_is_saved_and_shown_again(sign_in: SignIn) -> None:
    client = sign_in("writes")
    written(client)
    options = {
        "sender": "MaBoutique", "not_before": "2027-03-30T10:00", "not_after": "2027-03-31T18:00",
        "priority": "high", "territory": "la-reunion", "consent": "column:prénom", "strict": "on",
        "check_numbers": "on", "hand_over": "on", "tags": "hiver", "transactional": "on",
        "reason": "rappel de produit",
    }  # fmt: skip
    client.post(PAGE, form(**options))
    draft = dispatcher.drafts.get(1)
    assert draft.options["not_before"].isoformat() == "2027-03-30T08:00:00+00:00"
    assert draft.options["commercial"] is False
    page = client.get(PAGE).content.decode()
    for value in ("2027-03-30T10:00", "2027-03-31T18:00", "rappel de produit", "MaBoutique"):
        assert f'value="{value}"' in page
    version = draft.version
    client.post(PAGE, form(**options))
    assert dispatcher.drafts.get(1).version == version


def nameable(*names: str) -> list[int]:
    """Campaigns of these names that are stored."""
    return [int(dispatcher.submit(name, "Bonjour", [INES])) for name in names]


def test_people_of_other_campaigns_are_left_out_by_the_form(sign_in: SignIn) -> None:
    client = sign_in("writes")
    lyon, france = nameable("lyon", "france 06 39 98 00 95")
    dispatcher.submit("nice", "Bonjour", ["06 39 98 00 01"])
    written(client)
    chosen = {"except_campaign": [lyon, 3], "only_campaign": france, "only_whom": "silent"}
    client.post(PAGE, form(**chosen))
    draft = dispatcher.drafts.get(1)
    assert list(draft.options["except_campaign"]) == ["lyon", "nice"]
    assert draft.options["only_campaign"] == "france 06 39 98 00 95:silent"
    page = client.get(PAGE).content.decode()
    assert f'<option value="{lyon}" selected>lyon</option>' in page
    assert "98 00 95" not in page
    assert "à cause de la campagne nice" in text(client.get(PAGE))
    # the browser has an order of its own, which changes nothing
    client.post(PAGE, form(**{**chosen, "except_campaign": [3, lyon]}))
    assert dispatcher.drafts.get(1).version == draft.version
    client.post(PAGE, form())
    assert not {"except_campaign", "only_campaign"} & set(dispatcher.drafts.get(1).options)


def test_form_keeps_campaigns_that_it_cannot_offer(sign_in: SignIn) -> None:
    """A draft of the shell names what is submitted later, or long ago."""
    client = sign_in("writes")
    dispatcher.drafts.create(
        "soldes", TEXT, except_campaign=["later", "12"], only_campaign="then:texted"
    )
    page = client.get(PAGE).content.decode()
    for name in ("later", "12", "then"):
        assert f'<option value="={name}" selected>{name}</option>' in page
    before = dispatcher.drafts.get(1)
    chosen = {"except_campaign": ["=12", "=later"], "only_campaign": "=then", "only_whom": "texted"}
    client.post(f"{PAGE}saved/", form(**chosen))
    assert dispatcher.drafts.get(1) == before


def test_form_without_campaigns_offers_none(sign_in: SignIn) -> None:
    client = sign_in("writes")
    begin(client)
    assert "except_campaign" not in client.get(PAGE).content.decode()


def test_campaign_that_is_named_twice_or_in_a_circle_is_refused_in_french(sign_in: SignIn) -> None:
    client = sign_in("writes")
    [lyon] = nameable("lyon")
    written(client)
    both = form(except_campaign=[lyon], only_campaign=lyon)
    assert "il ne reste personne" in text(client.post(PAGE, both))
    dispatcher.drafts.create("autre", TEXT, except_campaign=["soldes"])
    assert "tourne en rond" in text(client.post(PAGE, form(except_campaign=["=autre"])))
    assert dispatcher.drafts.get(1).options == {}


def test_who_approves_reads_whose_people_are_left_out(sign_in: SignIn) -> None:
    client = sign_in("writes")
    lyon, france = nameable("lyon", "france")
    written(client)
    client.post(PAGE, form(except_campaign=[lyon], only_campaign=france))
    dispatcher.drafts.plan(1, version=dispatcher.drafts.get(1).version)
    dispatcher.drafts.hand_in(1, version=dispatcher.drafts.get(1).version)
    page = text(sign_in("approves", name="max").get(PAGE))
    assert "Écarter les personnes de lyon" in page
    assert "Seulement les personnes de france" in page


def test_older_version_is_not_saved_and_loses_nothing(sign_in: SignIn) -> None:
    zoe, luc = sign_in("writes"), sign_in("writes", name="luc")
    written(zoe)
    old = form(text="Bonjour de Zoé")
    luc.post(PAGE, form(text="Bonjour de Luc"))

    for path in (PAGE, f"{PAGE}saved/"):
        answer = zoe.post(path, old)
        assert "enregistrée par luc" in text(answer)
        assert dispatcher.drafts.get(1).text == "Bonjour de Luc"
    page = zoe.post(PAGE, old).content.decode()
    assert "Bonjour de Zoé" in page
    [newer] = re.findall(r'<button name="version" value="(\d+)"', page)
    zoe.post(PAGE, {**old, "version": newer})
    assert dispatcher.drafts.get(1).text == "Bonjour de Zoé"


def test_column_of_the_stored_list_can_be_changed(sign_in: SignIn) -> None:
    client = sign_in("writes")
    begin(client)
    people = "a;b\n06 39 98 00 01;06 39 98 00 11\n06 39 98 00 02;06 39 98 00 12\n"
    client.post(PAGE, form(text="Soldes", file=upload(people), column="a"))
    client.post(PAGE, form(text="Soldes", numbers="b", numbers_were="a"))
    assert [row.phone for row in dispatcher.drafts.rows(1)] == ["+33639980011", "+33639980012"]
    assert "<option selected>b</option>" in client.get(PAGE).content.decode()


def test_file_is_read_as_the_form_says(sign_in: SignIn) -> None:
    client = sign_in("writes")
    begin(client)
    people = "Export du 3 mars\nprénom;mobile;vu\nZoé;06 39 98 00 01;03/02/2026\n".encode("cp850")
    said = {"encoding": "cp850", "skip_lines": "1", "contact_column": "vu"}
    client.post(PAGE, form(file=upload(people), **said))
    [row] = dispatcher.drafts.rows(1)
    assert row.text == "Bonjour Zoé, les soldes !"
    assert row.fields["last_contact"] == "03/02/2026"
    wrong = client.post(PAGE, form(file=upload(people), skip_lines="une"))
    assert "nombre entier" in text(wrong)


def test_sheet_of_a_workbook_is_shown_and_can_be_chosen(sign_in: SignIn) -> None:
    client = sign_in("writes")
    begin(client)
    book, file = pytest.importorskip("openpyxl").Workbook(), io.BytesIO()
    book.active.title = "Lyon"
    book.active.append(["mobile"])
    book.active.append(["0639980001"])
    other = book.create_sheet("Paris")
    other.append(["mobile"])
    other.append(["0639980002"])
    book.save(file)

    asked = client.post(
        f"{PAGE}saved/", form(text="Soldes", file=upload(file.getvalue(), "c.xlsx"))
    )
    assert "Paris" in text(asked)
    chosen = upload(file.getvalue(), "c.xlsx")
    answer = client.post(f"{PAGE}saved/", form(text="Soldes", file=chosen, sheet="Paris"))
    assert "c.xlsx (Paris)" in text(answer)
    assert [row.phone for row in dispatcher.drafts.rows(1)] == ["+33639980002"]


def test_rejected_rows_are_a_file_and_masked_unless_permitted(sign_in: SignIn) -> None:
    client = sign_in("writes")
    begin(client)
    client.post(
        PAGE,
        form(file=upload("prénom;mobile\nZoé;0639980001\nLuc;06 39 98 00 02 / 06 39 98 00 03\n")),
    )
    said = client.get(f"{PAGE}rejected/").content.decode()
    assert "several_numbers" in said
    assert "98 00" not in said
    full = sign_in("writes", sees_numbers=True, name="luc").get(f"{PAGE}rejected/")
    assert '"Luc";"06 39 98 00 02 / 06 39 98 00 03"' in full.content.decode()
    assert dispatcher.record.page(verb="see numbers").total > 0


def test_campaign_is_submitted_once_however_often_it_is_clicked(sign_in: SignIn) -> None:
    client = sign_in("writes")
    written(client)
    sent = form(act="submit", fingerprint=seen(client))

    assert "Confirmez d'abord" in text(client.post(PAGE, sent))
    assert dispatcher.campaigns() == []
    for _ in range(2):
        answer = client.post(PAGE, {**sent, "agreed": "on"}, follow=True)
        assert answer.redirect_chain[-1][0] == "/sms/campaigns/1/"
    assert len(dispatcher.campaigns()) == 1
    assert dispatcher.actions(1)[0].actor == "zoe"
    assert "Écrit par zoe" in text(client.get("/sms/campaigns/1/"))


def test_plan_that_was_not_seen_is_not_handed_in(sign_in: SignIn) -> None:
    client = sign_in("writes")
    written(client)
    for fingerprint in ({"fingerprint": ""}, {"fingerprint": "0" * 64}, {}):
        for act in ("hand-in", "submit"):
            asked = form(act=act, agreed="on", **fingerprint)
            assert "Voici le plan à présent" in text(client.post(PAGE, asked))
    changed = form(act="hand-in", agreed="on", fingerprint=seen(client), text="Autre")
    assert "Voici le plan à présent" in text(client.post(PAGE, changed))
    assert dispatcher.drafts.get(1).state != "handed_in"
    assert dispatcher.campaigns() == []


def test_draft_that_a_link_opens_is_not_saved(sign_in: SignIn) -> None:
    client = sign_in("writes")
    before = written(client)
    assert client.get(f"{PAGE}saved/", form(text="Autre"))["Location"] == PAGE
    assert dispatcher.drafts.get(1) == before


def test_row_that_is_looked_at_leaves_the_plan_that_is_shown(sign_in: SignIn) -> None:
    client = sign_in("writes")
    written(client)
    shown = client.post(f"{PAGE}saved/", form(row="2", fingerprint=seen(client))).content.decode()
    assert "Bonjour Luc" in shown
    assert 'data-place="plan"' not in shown
    other = client.post(f"{PAGE}saved/", form(text="Autre", fingerprint=seen(client)))
    assert 'data-place="plan"' in other.content.decode()


def test_plan_of_a_long_list_is_made_when_it_is_asked_for(sign_in: SignIn) -> None:
    client = sign_in("writes")
    begin(client)
    many = "".join(
        f"06 39 98 {number // 100:02} {number % 100:02}\n" for number in range(LIVE_ROWS)
    )
    given = client.post(f"{PAGE}saved/", form(text="Soldes", pasted=f"{many}06 39 98 99 99\n"))
    assert "Personnes" in text(given)

    typed = text(client.post(f"{PAGE}saved/", form(text="Les soldes")))
    assert "Les soldes" in typed
    assert "Montrer le plan" in typed
    assert "Personnes" not in typed
    asked = client.post(f"{PAGE}saved/", form(text="Les soldes", plan="1"))
    assert "Personnes" in text(asked)
    assert "Personnes" not in text(client.get(PAGE))
    assert "Personnes" in text(client.get(f"{PAGE}?plan=1"))


@pytest.mark.parametrize("moment", ["0001-01-01T00:00", "9999-12-31T23:59"])
@pytest.mark.parametrize("name", ["not_before", "not_after"])
def test_moment_that_no_calendar_has_is_refused_in_a_sentence(
    sign_in: SignIn, name: str, moment: str
) -> None:
    client = sign_in("writes")
    written(client)
    for path in (PAGE, f"{PAGE}saved/"):
        answer = client.post(path, form(**{name: moment}))
        assert answer.status_code == 200
        assert "Pas enregistré" in text(answer)


def test_end_that_has_passed_is_told_on_the_clock_of_the_reader(sign_in: SignIn) -> None:
    client = sign_in("writes")
    written(client)
    shown = text(client.post(f"{PAGE}saved/", form(not_after="2020-03-31T18:00")))
    assert "La date limite (mardi 31 mars 2020 à 18 h, heure de Paris) est passée" in shown.replace(
        "\xa0", " "
    )


def test_user_of_the_system_is_named_in_french(sign_in: SignIn) -> None:
    dispatcher.drafts.create("soldes", "Soldes !")
    client = sign_in("writes")
    for path in ("/sms/drafts/", PAGE, "/sms/installation/record/"):
        page = text(
            client.get(path) if "record" not in path else sign_in("operates", name="max").get(path)
        )
        assert "(utilisateur du système)" in page
        assert "(system user)" not in page


def test_number_for_a_testers_name_is_masked(sign_in: SignIn) -> None:
    operator = sign_in("operates")
    tester = {"name": INES, "phone": INES, "any_hour": "on"}
    for asked in (tester, tester, {"name": INES, "remove": "1"}):
        answer = operator.post("/sms/testers/", asked, follow=True)
        assert "9800" not in re.sub(r"\W", "", text(answer))


def test_author_cannot_approve_by_any_request_and_another_can(sign_in: SignIn) -> None:
    with said(APPROVAL="required"):
        author, other = sign_in(*ROLES), sign_in("approves", name="luc")
        draft = handed_in(author)
        forged = {
            "fingerprint": draft.fingerprint, "by": "luc", "user": "luc", "decided_by": "luc",
            "writers": "[]", "version": draft.version, "reason": "je suis luc",
        }  # fmt: skip
        headers = {
            "Remote-User": "luc",
            "X-Forwarded-User": "luc",
            "Authorization": "Basic bHVjOmE=",
        }
        assert author.post(f"{PAGE}approve/", forged, headers=headers).status_code == 403
        assert author.post(f"{PAGE}refuse/", forged, headers=headers).status_code == 403
        author.post(PAGE, {**form(), **forged, "act": "submit", "agreed": "on"})
        assert Client().post(f"{PAGE}approve/", forged, headers=headers)["Location"][:10] == (
            "/sms/login"
        )
        assert "Vous y avez écrit" in text(author.get(PAGE))
        assert "Lire et décider" not in text(author.get("/sms/"))
        assert dispatcher.campaigns() == []

        assert "zoe demande une validation" in text(other.get("/sms/"))
        assert "Envoyer cette campagne" not in text(author.get(PAGE))
        for _ in range(2):  # clicked twice
            answer = other.post(f"{PAGE}approve/", {"fingerprint": draft.fingerprint}, follow=True)
            assert answer.redirect_chain[-1][0] == "/sms/campaigns/1/"
        assert [one.actor for one in dispatcher.actions(1) if one.verb == "approve"] == ["luc"]
        assert "Validé par luc" in text(author.get("/sms/campaigns/1/"))


def test_approval_needs_permission_token_post_and_the_plan_that_was_read(sign_in: SignIn) -> None:
    from django.contrib.auth.models import User

    draft = handed_in(sign_in("writes"))
    told = {"fingerprint": draft.fingerprint or ""}
    assert (
        sign_in("writes", "operates", name="max").post(f"{PAGE}approve/", told).status_code == 403
    )
    luc = sign_in("approves", name="luc")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="luc"))
    assert strict.post(f"{PAGE}approve/", told).status_code == 403
    luc.get(f"{PAGE}approve/", told)
    for other in ({}, {"fingerprint": "0" * 64}):
        answer = luc.post(f"{PAGE}approve/", other, follow=True)
        assert "le brouillon a été modifié entre-temps" in text(answer)
    assert luc.post(PAGE, form(text="Autre")).status_code == 403
    assert dispatcher.campaigns() == []


def test_change_after_handing_in_voids_it_and_the_page_says_what(sign_in: SignIn) -> None:
    zoe, luc = sign_in("writes"), sign_in("approves", name="luc")
    draft = handed_in(zoe)
    with said(SENDER="MaBoutique", PRICES="metropole=0.05"):
        assert "Le prix de metropole était non défini, il est 0,05 €" in text(luc.get(PAGE))
        answer = luc.post(f"{PAGE}approve/", {"fingerprint": draft.fingerprint}, follow=True)
        assert "Son plan ne tient plus" in text(answer)
    assert dispatcher.drafts.get(1).state == "draft"
    assert dispatcher.campaigns() == []


def test_refusal_goes_back_to_its_author_with_its_reason(sign_in: SignIn) -> None:
    zoe, luc = sign_in("writes"), sign_in("approves", name="luc")
    handed_in(zoe)
    assert "un motif" in text(luc.post(f"{PAGE}refuse/", {"reason": " "}, follow=True)).lower()
    for _ in range(2):
        luc.post(f"{PAGE}refuse/", {"reason": "trop tôt"})
    for path in ("/sms/", PAGE):
        assert "luc l'a refusé : trop tôt" in text(zoe.get(path)).replace("\xa0", " ")
    assert "refusé" in text(zoe.get("/sms/drafts/"))


def test_draft_is_taken_back_by_a_writer_and_deleted_once(sign_in: SignIn) -> None:
    zoe, luc = sign_in("writes"), sign_in("approves", name="luc")
    draft = handed_in(zoe)
    assert luc.post(f"{PAGE}take-back/", {"version": draft.version}).status_code == 403
    zoe.post(f"{PAGE}take-back/", {"version": draft.version - 1})
    assert dispatcher.drafts.get(1).state == "handed_in"
    for _ in range(2):
        zoe.post(f"{PAGE}take-back/", {"version": draft.version})
    draft = dispatcher.drafts.get(1)
    assert draft.state == "draft"
    for _ in range(2):
        answer = zoe.post(f"{PAGE}delete/", {"version": draft.version})
        assert answer["Location"] == "/sms/drafts/"
    assert dispatcher.drafts.all() == ()


def test_test_is_sent_once_to_testers_who_are_declared(sign_in: SignIn) -> None:
    zoe, operator = sign_in("writes"), sign_in("operates", name="max")
    written(zoe)
    tester = {"name": "Inès", "phone": INES, "any_hour": "on"}
    assert zoe.post("/sms/testers/", tester).status_code == 403
    operator.post("/sms/testers/", tester)
    assert "déjà" in text(operator.post("/sms/testers/", tester))
    page = zoe.get(f"{PAGE}test/")
    assert "Bonjour Luc, les soldes !" in text(page)
    assert "0090" not in re.sub(r"\W", "", text(page))
    [once] = re.findall(r'name="once" value="([\w-]+)"', page.content.decode())

    for _ in range(2):
        zoe.post(f"{PAGE}test/", {"row": "2", "to": ["Inès"], "once": once})
    [one] = dispatcher.testers.sent(1)
    assert sum(one.messages.values()) == 1
    assert dispatcher.campaigns() == []
    # a number is no tester, and the list has no such row
    faulty: list[dict[str, Any]] = [{"to": [INES]}, {"to": []}, {"to": ["Inès"], "row": "99"}]
    for wrong in faulty:
        answer = zoe.post(f"{PAGE}test/", {"row": "1", "once": "x", **wrong})
        assert answer.status_code == 200
    assert sign_in("approves", name="luc").get(f"{PAGE}test/").status_code == 403
    assert len(dispatcher.testers.sent(1)) == 1

    for _ in range(2):
        operator.post("/sms/testers/", {"remove": "1", "name": "Inès"})
    assert dispatcher.testers.all() == ()


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}test/", f"{PAGE}rejected/", f"{PAGE}approve/"])
def test_draft_that_does_not_exist_is_not_found(sign_in: SignIn, path: str) -> None:
    assert sign_in(*ROLES).get(path).status_code in {302, 404}


def test_smoothing_is_saved_planned_and_shown(sign_in: SignIn) -> None:
    client = sign_in("writes")
    written(client)
    client.post(PAGE, form(per_hour="2000"))
    assert dict(dispatcher.drafts.get(1).options) == {"per_hour": 2000}
    page = client.get(PAGE).content.decode()
    assert 'name="per_hour" value="2000"' in page
    assert "Étalée : environ 2000 messages par heure." in text(client.get(PAGE))
    client.post(PAGE, form(over="6h"))
    draft = dispatcher.drafts.get(1)
    assert dict(draft.options) == {"over": 6 * 3600}
    assert 'name="over" value="6h"' in client.get(PAGE).content.decode()
    # what did not change is not saved again
    client.post(PAGE, form(over="360min"))
    assert dispatcher.drafts.get(1).version == draft.version
    client.post(PAGE, form())
    assert dispatcher.drafts.get(1).options == {}


def test_unusable_smoothing_is_told_in_french(sign_in: SignIn) -> None:
    client = sign_in("writes")
    written(client)
    assert "pas avec les deux" in text(client.post(PAGE, form(per_hour="5", over="6h")))
    assert "Over est une durée" in text(client.post(PAGE, form(over="soon")))
    assert dispatcher.drafts.get(1).options == {}


def test_who_approves_reads_how_it_is_smoothed(sign_in: SignIn) -> None:
    client = sign_in("writes")
    written(client)
    approver = sign_in("approves", name="max")
    for values, says in (
        ({"per_hour": "2000"}, "Étalement au plus 2000 messages par heure"),
        ({"over": "90min"}, "Étalement régulièrement sur 90 min d'ouverture"),
    ):
        client.post(PAGE, form(**values))
        dispatcher.drafts.plan(1, version=dispatcher.drafts.get(1).version)
        dispatcher.drafts.hand_in(1, version=dispatcher.drafts.get(1).version)
        assert says in text(approver.get(PAGE)).replace("\xa0", " ")
        dispatcher.drafts.take_back(1, version=dispatcher.drafts.get(1).version)
