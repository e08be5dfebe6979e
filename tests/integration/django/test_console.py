"""The pages of the console in a project: who may do what, in which language, with which headers."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from sqlalchemy import make_url
from sqlalchemy import text as text_of

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import server
from dispatcher.contrib.django.console.roles import FULL_NUMBERS, ROLES, group_of
from dispatcher.contrib.django.console.views import spend
from dispatcher.storage import opt_outs, probable_refusals
from tests.integration.django.console_users import SignIn, sign_in, text

__all__ = ["sign_in"]

PAGES = (
    "/sms/",
    "/sms/new/",
    "/sms/drafts/",
    "/sms/drafts/1/",
    "/sms/drafts/1/test/",
    "/sms/testers/",
    "/sms/campaigns/",
    "/sms/campaigns/1/",
    "/sms/batches/1/",
    "/sms/doubts/",
    "/sms/opt-outs/",
    "/sms/unreachable/",
    "/sms/replies/",
    "/sms/spend/",
    "/sms/weekly-cap/",
    "/sms/installation/",
    "/sms/installation/settings/",
    "/sms/installation/record/",
)
PEOPLE = [f"+3363998{number:04d}" for number in range(3)]


def something(reference: str = "soldes") -> None:
    """A campaign, a draft and a tester."""
    dispatcher.submit(reference, "Soldes !", PEOPLE)
    draft = dispatcher.drafts.create(f"draft {reference}", "Bonjour {{ mobile }}")
    people = [{"mobile": phone} for phone in PEOPLE]
    dispatcher.drafts.set_list(draft.id, people, version=draft.version)
    dispatcher.testers.add("Inès", PEOPLE[2])


def test_roles_have_their_permissions(sqlite_shop: str, sign_in: SignIn) -> None:
    from django.contrib.auth.models import Group

    for role, names in ROLES.items():
        group = Group.objects.get(name=group_of(role))
        assert {f"dispatcher.{one.codename}" for one in group.permissions.all()} == set(names)
    assert not any("show_full_numbers" in name for names in ROLES.values() for name in names)


def test_nobody_is_shown_a_page_without_a_login(sqlite_shop: str) -> None:
    something()
    for path in PAGES:
        answer = Client().get(path)
        assert (answer.status_code, answer["Location"][:16]) == (302, "/sms/login/?next")
        assert answer["Cache-Control"] == "no-store"


def test_new_user_and_each_sign_in_are_on_record(sign_in: SignIn) -> None:
    server.make_user("luc", "soleil-vert-27", ["writes"], sees_numbers=True)
    form = {"username": "luc", "password": "wrong"}
    Client().post("/sms/login/", form)
    Client().post("/sms/login/", {**form, "password": "soleil-vert-27"})
    entered, added = dispatcher.record.page()
    assert (added.verb, added.reason) == ("add user", "luc of the console: writes, sees numbers")
    assert (entered.actor, entered.verb, entered.reason) == ("luc", "sign in", "to the console")
    assert entered.origin == "Django, from 127.0.0.1"


def test_new_user_waits_for_whoever_writes_at_the_same_time(
    sign_in: SignIn, sqlite_shop: str
) -> None:
    from django.contrib.auth.models import User
    from django.db.models.signals import m2m_changed

    path = str(make_url(sqlite_shop).database)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode=WAL")  # as a worker sets it

    written: list[str] = []

    def write(action: str, **_: Any) -> None:
        """As a worker does, once the roles were read and before they are written."""
        with closing(sqlite3.connect(path, timeout=0)) as other, suppress(sqlite3.OperationalError):
            other.executescript("CREATE TABLE written (x); DROP TABLE written")
        written.append(action)

    roles = User.groups.through
    m2m_changed.connect(write, sender=roles)
    try:
        server.make_user("luc", "soleil-vert-27", ["writes"], sees_numbers=True)
    finally:
        m2m_changed.disconnect(write, sender=roles)
    assert written[:1] == ["pre_add"]
    assert User.objects.get(username="luc").has_perm(FULL_NUMBERS)


def test_user_without_a_role_is_refused(sign_in: SignIn) -> None:
    something()
    client = sign_in()
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code == 403
        assert "Votre rôle ne le permet pas" in text(answer)


def test_every_page_is_protected(sign_in: SignIn) -> None:
    something()
    client = sign_in(*ROLES)
    for path in (*PAGES, "/sms/campaigns/1/pause/", "/sms/campaigns/9/"):
        answer = client.get(path)
        assert answer.status_code in {200, 404}, path
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Content-Type-Options"] == "nosniff"
        page = answer.content.decode()
        assert " style=" not in page
        assert " onclick=" not in page
        assert re.search(r"<script(?! src=)", page) is None


def test_pages_mask_numbers_unless_permitted(sign_in: SignIn) -> None:
    something("for 06 39 98 00 00")
    dispatcher.opt_outs.add(PEOPLE[:1], reason="06 39 98 00 00 called")
    dispatcher.pause(1, reason="06 39 98 00 00 complained", by="for 06 39 98 00 00")
    masked, full = sign_in(*ROLES), sign_in(*ROLES, sees_numbers=True, name="luc")

    for path in PAGES:
        assert "639980" not in re.sub(r"[\s.+]", "", text(masked.get(path))), path
    assert PEOPLE[1] in text(full.get("/sms/batches/1/"))
    assert dispatcher.record.page(verb="see numbers").total > 0


def test_wait_is_told_in_the_readers_language(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime

    before_easter = datetime(2027, 3, 27, 20, tzinfo=UTC)
    monkeypatch.setattr(dispatcher._installation, "clock", lambda: before_easter)
    monkeypatch.setattr(dispatcher, "clock", lambda: before_easter)
    dispatcher.submit("soldes", "Soldes !", PEOPLE)
    client = sign_in("writes")

    said = "Attend jusqu'à mardi 8 h : dimanche, lundi de Pâques"
    for path in ("/sms/", "/sms/campaigns/", "/sms/campaigns/1/"):
        assert said in text(client.get(path))
    client.post("/sms/language/", {"language": "en", "next": "/sms/"})
    assert "Waits until Tuesday 08:00: Sunday, Easter Monday" in text(client.get("/sms/"))


def test_language_goes_back_to_own_pages_only(sign_in: SignIn) -> None:
    answer = sign_in("writes").post(
        "/sms/language/", {"language": "en", "next": "https://evil.example/"}
    )
    assert answer["Location"] == "/sms/"


@pytest.mark.parametrize("name", ["pause", "cancel"])
def test_action_needs_permission_reason_and_token(sign_in: SignIn, name: str) -> None:
    from django.contrib.auth.models import User

    dispatcher.submit("soldes", "Soldes !", PEOPLE)
    path = f"/sms/campaigns/1/{name}/"
    assert sign_in("writes").post(path, {"reason": "stock"}).status_code == 403
    client = sign_in("operates", name="luc")
    assert "Nothing" not in text(client.get(path))
    assert "Indiquez un motif" in text(client.post(path, {"reason": " "}))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="luc"))
    assert strict.post(path, {"reason": "stock"}).status_code == 403
    assert dispatcher.progress(1).state == "running"

    for _ in range(2):  # clicked twice
        assert client.post(path, {"reason": "stock"})["Location"] == "/sms/campaigns/1/"
    assert [one.verb for one in dispatcher.actions(1)].count(name) == 1
    assert dispatcher.actions(1)[0].actor == "luc"


def test_live_part_stops_when_nothing_moves(sign_in: SignIn) -> None:
    dispatcher.submit("soldes", "Soldes !", PEOPLE, commercial=False, reason="an alert")
    client = sign_in("writes")
    assert 'data-next="3"' in client.get("/sms/campaigns/1/live/").content.decode()
    dispatcher.cancel(1)
    assert 'data-next="0"' in client.get("/sms/campaigns/1/live/").content.decode()


def test_opt_out_is_added_found_and_taken_back(sign_in: SignIn) -> None:
    writer, operator = sign_in("writes"), sign_in("operates", name="luc")
    path = "/sms/opt-outs/"
    writer.post(path, {"add": "1", "phone": "06 39 98 00 01", "reason": "au téléphone"})
    assert PEOPLE[1] in dispatcher.opt_outs
    assert "Sur la liste" in text(writer.post(path, {"search": "1", "phone": PEOPLE[1]}))
    back = {"take_back": "1", "phone": PEOPLE[1], "reason": "en boutique", "consent": "2027-01-02"}
    assert writer.post(path, back).status_code == 403
    assert operator.post(path, {**back, "consent": ""}).status_code == 200
    assert PEOPLE[1] in dispatcher.opt_outs
    operator.post(path, back)
    assert PEOPLE[1] not in dispatcher.opt_outs
    assert dispatcher.opt_outs.history(PEOPLE[1])[-1].reason == "en boutique, 2027-01-02"


def test_probable_refusal_is_decided_without_its_number_in_the_page(sign_in: SignIn) -> None:
    client = sign_in("writes")
    now = dispatcher.clock()
    with dispatcher.database.write() as session:
        for phone in PEOPLE[:2]:
            opt_outs.add(session, [phone], source=probable_refusals.SOURCE, now=now, probable=True)
    page = client.get("/sms/replies/").content.decode()
    assert not [phone for phone in PEOPLE if phone[1:] in page]
    first, second = re.findall(r'name="person" value="([^"]+)"', page)

    client.post("/sms/replies/", {"person": first, "refused": "1"})
    client.post("/sms/replies/", {"person": second, "kept": "1"})
    client.post("/sms/replies/", {"person": "nobody", "kept": "1"})

    assert dispatcher.opt_outs.undecided() == []
    assert [entry.phone for entry in dispatcher.opt_outs] == [PEOPLE[0]]


def test_number_typed_beside_a_file_is_an_opt_out_too(sign_in: SignIn) -> None:
    client = sign_in("writes")
    for typed in ("06 39 98 00 02", "06 39"):
        file = SimpleUploadedFile("people.csv", f"phone\n{PEOPLE[1]}\n".encode())
        answer = client.post(
            "/sms/opt-outs/", {"add": "1", "phone": typed, "file": file, "reason": "letters"}
        )
    assert answer.status_code == 200  # says what is wrong with the second number
    assert {entry.phone for entry in dispatcher.opt_outs} == {PEOPLE[1], PEOPLE[2]}


def test_file_of_opt_outs_adds_every_number_and_tells_of_rejected_rows(sign_in: SignIn) -> None:
    client = sign_in("writes")
    rows = f"{PEOPLE[0]},{PEOPLE[1]}\n{PEOPLE[2]},\n06 39 98,\n"
    file = SimpleUploadedFile("people.csv", rows.encode())
    answer = client.post(
        "/sms/opt-outs/", {"add": "1", "phone": "", "file": file, "reason": "letters"}, follow=True
    )
    assert {entry.phone for entry in dispatcher.opt_outs} == set(PEOPLE[:3])
    said = text(answer)
    assert "3 nouveaux, 0 déjà connus, 1 lignes rejetées." in said
    assert "lignes rejetées peut encore recevoir des SMS. ligne 3" in said.replace("\xa0", " ")


def test_export_of_opt_outs_needs_the_numbers_permission(sign_in: SignIn) -> None:
    dispatcher.opt_outs.add(PEOPLE[:1])
    path = "/sms/opt-outs/export/"
    assert sign_in(*ROLES).get(path).status_code == 403
    answer = sign_in("writes", sees_numbers=True, name="luc").get(path)
    assert PEOPLE[0] in answer.getvalue().decode()
    assert dispatcher.record.page(verb="export").total == 1


def test_export_of_opt_outs_has_no_formula(sign_in: SignIn) -> None:
    dispatcher.opt_outs.add(PEOPLE[:1], source="=1+1")

    answer = sign_in("writes", sees_numbers=True, name="luc").get("/sms/opt-outs/export/")

    assert ",'=1+1" in answer.getvalue().decode()


def test_results_are_taken_masked_unless_permitted_and_go_on_record(sign_in: SignIn) -> None:
    people = [{"phone": one, "key": one} for one in PEOPLE]
    dispatcher.submit("soldes", "Soldes !", people, not_before=datetime(2099, 1, 6, 9, tzinfo=UTC))
    path = "/sms/campaigns/1/results/?format=csv&numbers=1"
    assert sign_in().get(path).status_code == 403
    masked, full = sign_in("writes", name="luc"), sign_in("writes", sees_numbers=True, name="ana")
    answer = masked.get(path)
    assert answer["Content-Disposition"] == 'attachment; filename="results-1.csv"'
    assert answer["Cache-Control"] == "no-store"
    rows = answer.getvalue().decode("utf-8-sig").splitlines()
    assert rows[0].replace('"', "").startswith("batch;position;row;phone;key;state;reason;sent_at")
    assert len(rows) == 4
    assert "639980" not in "".join(rows)
    assert "il attend" in rows[1]
    assert PEOPLE[2] in full.get(path).getvalue().decode()
    reasons = [one.reason for one in dispatcher.record.page(verb="export")]
    assert [one.rpartition(": ")[2] for one in reasons] == ["whole numbers", "masked numbers"]


def test_results_of_one_state_and_in_each_form(sign_in: SignIn) -> None:
    dispatcher.submit("soldes", "Soldes !", PEOPLE)
    client = sign_in("writes")
    page = client.get("/sms/campaigns/1/").content.decode()
    assert '<option value="pending">à envoyer (3)</option>' in page
    path = "/sms/campaigns/1/results/"
    assert client.get(f"{path}?format=xlsx").getvalue().startswith(b"PK")
    none = client.get(f"{path}?format=jsonl&state=delivered").getvalue().decode()
    assert [*json.loads(none)] == ["sums"]
    all_of_them = client.get(f"{path}?format=jsonl&state=").getvalue().decode().splitlines()
    assert json.loads(all_of_them[0])["reason"].startswith("it ")
    assert json.loads(all_of_them[-1])["sums"]["messages"]["pending"] == 3


def test_results_are_one_snapshot_of_the_projects_database(
    postgres_shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher.submit("soldes", "Soldes !", PEOPLE)
    with dispatcher.database.stream() as session:
        said = session.execute(text_of("SHOW transaction_isolation")).scalar_one()
        writes = session.execute(text_of("SHOW transaction_read_only")).scalar_one()
    assert (said, writes) == ("repeatable read", "on")
    assert dispatcher.progress("soldes").recipients == 3


def test_spend_by_campaign_shows_the_dearest_where_there_are_too_many(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spend, "_MOST", 2)
    for name, count in (("essai", 1), ("soldes", 3), ("rappel", 2)):
        dispatcher.submit(name, f"Un {name} !", PEOPLE[:count])
    page = text(sign_in("writes").get("/sms/spend/?by=campaign"))
    assert page.index("soldes") < page.index("rappel")
    assert "essai" not in page
    assert "1 autre est dans le fichier" in page


def test_spend_is_shown_by_each_kind_and_as_a_file(sign_in: SignIn) -> None:
    dispatcher.submit("soldes", "Soldes !", PEOPLE, tags=["hiver"])
    client = sign_in("writes")
    for by, says in (
        ("month", "Total"), ("account", "Compte par défaut"), ("tag", "hiver"),
        ("territory", "Métropole"), ("nothing", "Total"),
    ):  # fmt: skip
        assert says in text(client.get(f"/sms/spend/?by={by}"))
    assert "Aucune campagne" in text(client.get("/sms/spend/?from=2020-01&to=2020-02"))
    assert client.get("/sms/spend/?from=2020-99").status_code == 200
    assert client.get("/sms/spend/file/?by=tag&format=xlsx").getvalue().startswith(b"PK")
    rows = client.get("/sms/spend/file/?by=tag&format=csv").getvalue().decode("utf-8-sig")
    assert rows.splitlines()[1].replace('"', "").startswith("hiver;1;3;")


def test_calendar_names_closed_days_and_counts_what_is_planned(sign_in: SignIn) -> None:
    later = datetime(2027, 3, 30, 8, tzinfo=UTC)
    dispatcher.submit("soldes", "Soldes !", PEOPLE, not_before=later)
    client = sign_in("writes")
    page = text(client.get("/sms/?month=2027-03"))
    assert "Mars 2027" in page
    assert "lundi 29 Lundi de Pâques mardi 30 3 prévus" in page
    assert "3 prévus" not in text(client.get("/sms/?month=2027-04"))
    assert client.get("/sms/?month=9999-99").status_code == 200


def test_replies_of_a_campaign_are_turned_by_page(sign_in: SignIn) -> None:
    dispatcher.submit("soldes", "Soldes !", PEOPLE)
    for number in range(51):
        body = {"type": "response", "phone_number": PEOPLE[0], "text": f"Bonjour {number}"}
        dispatcher.inbox.take("reply", json.dumps(body).encode())
    client = sign_in("writes")
    first, second = (text(client.get(f"/sms/replies/?from={at}")) for at in (0, 50))
    assert ("Bonjour 50" in first, "Bonjour 0" in first) == (True, False)
    assert "Bonjour 0" in second
    assert "Bonjour" not in text(client.get("/sms/replies/?campaign=soldes"))


def test_campaign_that_does_not_exist_is_a_page(sign_in: SignIn) -> None:
    client = sign_in(*ROLES)
    for path in ("/sms/campaigns/9/", "/sms/batches/9/", "/sms/campaigns/1/explode/"):
        answer = client.get(path)
        assert (answer.status_code, "Introuvable" in text(answer)) == (404, True)
