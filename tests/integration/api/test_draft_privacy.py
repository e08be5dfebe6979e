"""People in the lists of drafts: shown, erased, and deleted when nobody needs them any more."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from dispatcher import DraftChanged
from dispatcher.campaigns.states import DraftState
from dispatcher.masking import is_pseudonym
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Draft, DraftRow
from tests.integration.bench import Bench, opened, people

ANNE, BRUNO = people(2, start=7101)
LOCAL = "06 39 98 71 01"
TEXT = "Bonjour {{ prenom }}"


def written(bench: Bench, reference: str = "soldes", *, row: dict[str, str] | None = None) -> None:
    drafts = bench.dispatcher.drafts
    draft = drafts.create(reference, TEXT)
    anne = {"mobile": LOCAL, "prenom": "Zéphirine", "parrain": ""}
    bruno = {"mobile": BRUNO, "prenom": "Bruno", "parrain": "06.39.98.71.01"}
    drafts.set_list(reference, [anne, row or bruno], version=draft.version)


def counted(bench: Bench, table: type[Draft | DraftRow]) -> int:
    with bench.dispatcher.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def columns(bench: Bench) -> list[tuple[str, str]]:
    with bench.dispatcher.database.read() as session:
        return [(row.phone, row.fields) for row in session.scalars(select(DraftRow))]


def test_person_of_a_draft_is_shown(bench: Bench) -> None:
    written(bench)

    [row] = bench.dispatcher.persons.show(LOCAL)["drafts"]

    assert (row["phone"], row["draft"]) == (ANNE, "soldes")
    assert "Zéphirine" in row["fields"]


def test_erased_person_is_in_no_draft(bench: Bench) -> None:
    written(bench)

    bench.dispatcher.persons.erase(ANNE, reason="a letter")

    [(phone, fields)] = columns(bench)
    assert phone == BRUNO
    assert ANNE[-9:] not in "".join(filter(str.isdecimal, fields))
    assert "person-" in fields
    assert "Zéphirine" not in fields
    assert not bench.dispatcher.persons.show(ANNE).get("drafts")


def test_erasure_makes_the_plan_void(bench: Bench) -> None:
    written(bench)
    drafts = bench.dispatcher.drafts
    draft, _ = drafts.plan("soldes", version=drafts.get("soldes").version)
    drafts.hand_in("soldes", version=draft.version)

    bench.dispatcher.persons.erase(ANNE, reason="a letter")

    after = drafts.get("soldes")
    assert (after.state, after.rows, after.fingerprint) == (DraftState.DRAFT, 1, None)
    assert after.changes == ("a person of the list was erased",)
    with pytest.raises(DraftChanged):
        drafts.take_back("soldes", version=draft.version)


def test_rows_behind_an_erased_one_are_all_shown_and_can_be_tested(bench: Bench) -> None:
    drafts = bench.dispatcher.drafts
    draft = drafts.create("soldes", TEXT)
    rows = [{"mobile": phone, "prenom": "Zoé"} for phone in (ANNE, *people(3, start=7103))]
    drafts.set_list("soldes", rows, version=draft.version)

    bench.dispatcher.persons.erase(ANNE, reason="a letter")

    shown = [one for at in range(3) for one in drafts.rows("soldes", offset=at, limit=1)]
    assert [one.phone for one in shown] == people(3, start=7103)
    assert [one.position for one in shown] == [1, 2, 3]
    bench.dispatcher.testers.add("Inès", people(1, start=7201)[0])
    bench.dispatcher.testers.send("soldes", to=["Inès"])


def test_erased_person_who_comes_in_a_later_list_is_not_texted(bench: Bench) -> None:
    written(bench, "avant")
    bench.dispatcher.persons.erase(ANNE, reason="a letter")
    written(bench)
    drafts = bench.dispatcher.drafts
    draft, plan = drafts.plan("soldes", version=drafts.get("soldes").version)
    assert plan.opted_out == 1

    drafts.submit("soldes", version=draft.version)
    bench.work()

    assert bench.messages() == {"opted_out": 1, "sent": 1}
    assert [is_pseudonym(phone) for _, _, phone, _ in bench.view()] == [True, False]


def test_numbers_in_the_words_of_a_draft_are_replaced(bench: Bench) -> None:
    bench.dispatcher.drafts.create(f"relance {LOCAL}", f"Appelez le {LOCAL}")
    written(bench)

    bench.dispatcher.persons.erase(ANNE, reason="a letter")

    found = bench.dispatcher.drafts.get(f"relance {LOCAL}")
    assert "9871" not in "".join(filter(str.isalnum, found.reference + found.text))


@pytest.mark.parametrize("before", ["n°", "au numéro\u00a0", "appelé"])
def test_number_behind_an_accent_is_replaced_in_the_options_of_a_draft(
    bench: Bench, before: str
) -> None:
    reason = f"{before}{ANNE[1:]}" if before == "appelé" else f"{before}0{ANNE[3:]}"
    bench.dispatcher.drafts.create("relance", TEXT, commercial=False, reason=reason)
    written(bench)

    bench.dispatcher.persons.erase(ANNE, reason="a letter")

    [found] = [one for one in bench.dispatcher.drafts.all() if one.reference == "relance"]
    assert found.options["reason"].startswith(f"{before}person-")


def test_number_in_digits_of_another_script_is_replaced_in_the_options_of_a_draft(
    bench: Bench,
) -> None:
    reason = f"0{ANNE[3:]}".translate({ord(str(it)): chr(0x0660 + it) for it in range(10)})
    bench.dispatcher.drafts.create("relance", TEXT, commercial=False, reason=reason)
    written(bench)

    bench.dispatcher.persons.erase(ANNE, reason="a letter")

    found = bench.dispatcher.drafts.get("relance")
    assert is_pseudonym(found.options["reason"])


def test_draft_is_deleted_some_days_after_its_last_change(bench: Bench) -> None:
    written(bench)
    bench.pass_by(days=29)
    written(bench, "autre")
    bench.dispatcher.steps.prune()
    assert counted(bench, Draft) == 2

    bench.pass_by(days=2)
    bench.dispatcher.steps.prune()

    assert [draft.reference for draft in bench.dispatcher.drafts.all()] == ["autre"]
    assert counted(bench, DraftRow) == 2
    [entry] = bench.dispatcher.record.page(verb="retention")
    assert entry.reason == "1 draft deleted that nobody has changed for 30 days"


def test_draft_stays_where_nothing_is_deleted(tables: Database) -> None:
    with opened(tables, draft_days=0) as bench:
        written(bench)
        bench.pass_by(days=400)
        bench.dispatcher.steps.prune()

        assert counted(bench, Draft) == 1


def test_local_number_of_an_erased_person_is_in_no_draft(bench: Bench) -> None:
    drafts = bench.dispatcher.drafts
    draft = drafts.create("fenua", "Bonjour", territory="polynesie-francaise")
    rows = [{"mobile": "87 98 00 01"}, {"mobile": "87 98 00 02", "note": "voir le 87980001"}]
    drafts.set_list("fenua", rows, version=draft.version)

    bench.dispatcher.persons.erase("+68987980001", reason="asked for it")

    [row] = drafts.rows("fenua").items
    assert row.phone == "87 98 00 02"
    assert "87980001" not in str(row.fields)
