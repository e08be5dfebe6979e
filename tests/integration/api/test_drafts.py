"""Drafts: written, planned, handed in, approved by somebody else, submitted as planned."""

from __future__ import annotations

import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import func, select

from dispatcher import (
    DraftChanged,
    IllegalMove,
    InvalidCampaign,
    NotAllowed,
    NotFound,
    PlanChanged,
    ReferenceTaken,
)
from dispatcher.api import actor, submit
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.draft import Draft
from dispatcher.campaigns.states import DraftState
from dispatcher.recipients.files import open_recipients
from dispatcher.storage.database import Database
from dispatcher.storage.tables import DraftRow
from tests.integration.bench import Bench, opened, people

TEXT = "Bonjour {{ prenom }}, soldes demain"
ROWS = [
    {"mobile": phone, "prenom": name}
    for phone, name in zip(people(3), ("Zoé", "Luc", "Anne"), strict=True)
]


class Desk:
    """Who is signed in: a test sets it."""

    def __init__(self) -> None:
        self.person: str | None = "zoe"

    @contextmanager
    def as_(self, person: str | None) -> Iterator[None]:
        before, self.person = self.person, person
        yield
        self.person = before


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk()
    monkeypatch.setattr(actor, "_signed_in", [lambda: desk.person])
    return desk


def written(bench: Bench, reference: str = "soldes", **options: Any) -> Draft:
    draft = bench.dispatcher.drafts.create(reference, TEXT, **options)
    return bench.dispatcher.drafts.set_list(
        reference, ROWS, version=draft.version, source="clients.csv"
    )


def handed_in(bench: Bench, reference: str = "soldes", **options: Any) -> Draft:
    draft = written(bench, reference, **options)
    drafts = bench.dispatcher.drafts
    draft, _ = drafts.plan(reference, version=draft.version)
    return drafts.hand_in(reference, version=draft.version)


def stored_rows(bench: Bench) -> int:
    with bench.dispatcher.database.read() as session:
        return session.scalar(select(func.count()).select_from(DraftRow)) or 0


# -- writing


def test_territory_of_the_draft_decides_which_number_it_is(bench: Bench, desk: Desk) -> None:
    options: dict[str, Any] = {
        "territory": "nouvelle-caledonie",
        "commercial": False,
        "reason": "alert at sea",
    }
    draft = bench.dispatcher.drafts.create("alerte", "Alerte", **options)
    rows = [{"mobile": "687751234"}, {"mobile": people(1)[0]}]
    bench.dispatcher.drafts.set_list("alerte", rows, version=draft.version)
    kept: list[str] = []

    def note(batch: PlannedBatch, _: set[str]) -> None:
        kept.extend(phone for phone, _ in batch.messages)

    bench.dispatcher.drafts.preview("alerte", each=note)
    assert kept == ["+687751234", people(1)[0]]


def test_column_that_is_chosen_decides_between_several_numbers(bench: Bench, desk: Desk) -> None:
    drafts = bench.dispatcher.drafts
    version = drafts.create("soldes", "Soldes demain").version
    with open_recipients(BytesIO(b"0639980000;0639980001\n")) as people_:
        version = drafts.set_list("soldes", people_, version=version).version
    assert [one.code for one in drafts.rejected("soldes")] == ["several_numbers"]

    drafts.set_column("soldes", "2", version=version)

    assert list(drafts.rejected("soldes")) == []
    assert [row.phone for row in drafts.rows("soldes")] == ["+33639980001"]


def test_row_whose_number_the_territory_of_the_campaign_would_choose_is_rejected(
    bench: Bench, desk: Desk
) -> None:
    """A draft keeps one number of each row, and its territory may come later."""
    drafts = bench.dispatcher.drafts
    draft = drafts.create("soldes", "Soldes demain", territory="nouvelle-caledonie")
    rows = b"Nom;Tel 1;Tel 2\nAnne;75 12 34;06 39 98 00 00\n"
    with open_recipients(BytesIO(rows)) as people_:
        drafts.set_list("soldes", people_, version=draft.version)

    assert [one.code for one in drafts.rejected("soldes")] == ["several_numbers"]


def test_draft_remembers_what_is_saved(bench: Bench, desk: Desk) -> None:
    draft = written(bench, sender="Autre", commercial=True)

    assert (draft.text, dict(draft.options)) == (TEXT, {"sender": "Autre"})
    assert (draft.source, draft.rows, draft.columns) == ("clients.csv", 3, ("mobile", "prenom"))
    assert (draft.state, draft.author, draft.version) == (DraftState.DRAFT, "zoe", 2)
    page = bench.dispatcher.drafts.rows("soldes", offset=1, limit=1)
    assert [row.text for row in page] == ["Bonjour Luc, soldes demain"]
    assert (page.total, page[0].position, page[0].problem) == (3, 2, "")
    assert not bench.campaigns()


def test_instants_are_saved_and_read_back_aware(bench: Bench, desk: Desk) -> None:
    at = bench.clock()

    draft = bench.dispatcher.drafts.create("soldes", not_before=at)

    assert draft.options == {"not_before": at}
    assert draft.as_json()["options"] == {"not_before": at.isoformat()}


def test_last_writer_is_told_of_a_conflict(bench: Bench, desk: Desk) -> None:
    drafts = bench.dispatcher.drafts
    draft = drafts.create("soldes", "un")
    with desk.as_("luc"):
        drafts.save("soldes", version=draft.version, text="deux")

    with pytest.raises(DraftChanged, match=r"version 2 by now, saved by luc") as raised:
        drafts.save("soldes", version=draft.version, text="trois")

    assert (raised.value.version, raised.value.by) == (2, "luc")
    assert drafts.get("soldes").text == "deux"


@pytest.mark.parametrize("broken", ["\0", "\ud83d"])
def test_text_that_no_database_stores_is_refused(bench: Bench, desk: Desk, broken: str) -> None:
    drafts = bench.dispatcher.drafts
    with pytest.raises(InvalidCampaign, match="no database stores it"):
        drafts.create("soldes", f"un{broken}")
    draft = drafts.create("soldes", "un")
    with pytest.raises(InvalidCampaign, match="no database stores it"):
        drafts.save("soldes", version=draft.version, options={"reason": "avis\ud83d"})

    assert drafts.get("soldes") == draft


def test_text_that_is_not_complete_is_saved(bench: Bench, desk: Desk) -> None:
    draft = bench.dispatcher.drafts.create("soldes", "Bonjour {{ pre")

    assert draft.text == "Bonjour {{ pre"
    with pytest.raises(Exception, match=r"\{\{"):
        bench.dispatcher.drafts.plan("soldes", version=draft.version)


def test_drafts_of_a_state_are_found_behind_others(bench: Bench, desk: Desk) -> None:
    drafts, waits = bench.dispatcher.drafts, written(bench)
    for number in range(3):
        drafts.create(f"later-{number}")
    [found] = drafts.all(limit=1, states=[DraftState.DRAFT])
    assert found.reference == "later-2"
    drafts.plan(waits.id, version=waits.version)
    bench.pass_by(hours=1)
    drafts.create("last")
    assert drafts.all(limit=1, states=[DraftState.PLANNED]) == (drafts.get("soldes"),)
    assert len(drafts.all()) == 5


def test_reference_of_another_draft_or_campaign_is_refused(bench: Bench, desk: Desk) -> None:
    bench.submit(reference="partie")
    bench.dispatcher.drafts.create("soldes")

    for taken in ("partie", "soldes"):
        with pytest.raises(ReferenceTaken):
            bench.dispatcher.drafts.create(taken)


def test_options_that_no_draft_has_are_refused(bench: Bench, desk: Desk) -> None:
    create = bench.dispatcher.drafts.create
    forbidden: list[Any] = [{"by": "luc"}, {"approved": "x"}, {"colour": "red"}]
    for options in forbidden:
        with pytest.raises(InvalidCampaign, match="no option"):
            create("soldes", **options)
    with pytest.raises(InvalidCampaign, match="account"):
        create("soldes", account="nobody")


def test_list_is_bounded(bench: Bench, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from dispatcher.api import draft_lists

    monkeypatch.setattr(draft_lists, "MOST_ROWS", 2)
    draft = bench.dispatcher.drafts.create("soldes")

    with pytest.raises(InvalidCampaign, match="at most 2 rows"):
        bench.dispatcher.drafts.set_list("soldes", ROWS, version=draft.version)
    assert stored_rows(bench) == 0


@pytest.mark.parametrize(("name", "most"), [("MOST_CELLS", 3), ("MOST_CHARACTERS", 30)])
def test_list_of_many_columns_or_long_cells_is_refused(
    bench: Bench, desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    from dispatcher.api import draft_lists

    monkeypatch.setattr(draft_lists, name, most)
    draft = bench.dispatcher.drafts.create("soldes")

    with pytest.raises(InvalidCampaign, match="leave out columns"):
        bench.dispatcher.drafts.set_list("soldes", ROWS, version=draft.version)
    assert stored_rows(bench) == 0


def test_rejected_rows_are_stored_and_say_why(bench: Bench, desk: Desk) -> None:
    drafts = bench.dispatcher.drafts
    draft = drafts.create("soldes", "Bonjour")
    rows = [*people(2), "12", people(1)[0]]

    draft = drafts.set_list("soldes", rows, version=draft.version)

    assert draft.rows == 4
    assert [(one.row, one.code) for one in drafts.rejected("soldes")] == [(3, "too_short")]
    assert drafts.rows("soldes", offset=2, limit=1)[0].problem
    _, plan = drafts.plan("soldes", version=draft.version)
    assert (plan.kept, plan.duplicates, dict(plan.rejected)) == (2, 1, {"too_short": 1})


@pytest.mark.parametrize("column", ["Prénom", "PRENOM", "pré_nom", "prenom"])
def test_row_gets_the_text_that_its_campaign_sends_however_its_column_is_spelled(
    bench: Bench, desk: Desk, column: str
) -> None:
    drafts = bench.dispatcher.drafts
    draft = drafts.create("soldes", TEXT)
    draft = drafts.set_list(
        "soldes",
        [{"mobile": people(1)[0], column: "Zoé"}, {"mobile": people(2)[1], column: "#N/A"}],
        version=draft.version,
    )

    named, nameless = drafts.rows("soldes")
    draft, plan = drafts.plan("soldes", version=draft.version)
    drafts.submit("soldes", version=draft.version)
    bench.work()

    assert (named.text, named.problem) == ("Bonjour Zoé, soldes demain", "")
    assert (nameless.text, dict(plan.rejected)) == ("", {nameless.problem: 1})
    assert [*bench.gateway.bodies[0].texts.values()] == [named.text]


def test_row_that_needs_unicode_is_refused_where_its_sender_has_none(bench: Bench) -> None:
    drafts = bench.dispatcher.drafts
    draft = drafts.create("soldes", TEXT, from_number="+33639988888")
    rows = [{"mobile": people(1)[0], "prenom": "Юлия"}, {"mobile": people(2)[1], "prenom": "Zoé"}]
    draft = drafts.set_list("soldes", rows, version=draft.version)

    refused, taken = drafts.rows("soldes")
    _, plan = drafts.plan("soldes", version=draft.version)

    assert dict(plan.rejected) == {refused.problem: 1}
    assert "no long number sends" in refused.problem
    assert (taken.text, taken.problem) == ("Bonjour Zoé, soldes demain", "")


def test_plan_has_the_fingerprint_of_the_list_itself(bench: Bench, desk: Desk) -> None:
    """Whoever plans the file by the shell approves the same plan."""
    draft = written(bench)

    planned, plan = bench.dispatcher.drafts.plan("soldes", version=draft.version)

    assert planned.fingerprint == plan.fingerprint
    assert plan.fingerprint == bench.dispatcher.plan(TEXT, ROWS).fingerprint
    assert planned.plan is not None
    assert planned.plan["kept"] == 3
    assert "Zoé" not in str(planned.plan)
    assert (planned.planned_by, planned.planned_at) == ("zoe", bench.clock())


def test_draft_that_is_not_commercial_needs_a_reason_to_be_planned(
    bench: Bench, desk: Desk
) -> None:
    draft = written(bench, commercial=False)
    with pytest.raises(InvalidCampaign, match="give a reason"):
        bench.dispatcher.drafts.plan("soldes", version=draft.version)

    options = {"commercial": False, "reason": "delivery notice"}
    draft = bench.dispatcher.drafts.save("soldes", version=draft.version, options=options)
    draft, _ = bench.dispatcher.drafts.plan("soldes", version=draft.version)

    assert bench.dispatcher.drafts.submit("soldes", version=draft.version).campaign


def test_discarded_draft_is_gone_with_its_list(bench: Bench, desk: Desk) -> None:
    draft = written(bench)

    bench.dispatcher.drafts.discard("soldes", version=draft.version)

    with pytest.raises(NotFound):
        bench.dispatcher.drafts.get("soldes")
    assert stored_rows(bench) == 0


# -- approval


def test_approved_draft_runs_exactly_as_planned(tables: Database, desk: Desk) -> None:
    with opened(tables, approval="required") as bench:
        draft = handed_in(bench)
        assert not bench.campaigns()

        with desk.as_("luc"):
            ended = bench.dispatcher.drafts.approve("soldes", fingerprint=draft.fingerprint)

        assert (ended.state, ended.decided_by) == (DraftState.SUBMITTED, "luc")
        [campaign] = bench.campaigns()
        assert (ended.campaign, campaign.plan_fingerprint) == (campaign.id, draft.fingerprint)
        assert stored_rows(bench) == 0
        bench.work()
        assert bench.messages() == {"sent": 3}
        [approval] = bench.actions("approve")
        assert (approval.actor, approval.campaign_id) == ("luc", campaign.id)
        assert "written by zoe" in approval.reason
        bench.check()


@pytest.mark.parametrize("same", ["zoe", "ZOE", "ｚｏｅ", " zoe"])
def test_author_cannot_approve(tables: Database, desk: Desk, same: str) -> None:
    with opened(tables, approval="required") as bench:
        handed_in(bench)

        with desk.as_(same), pytest.raises(NotAllowed, match="somebody else approves"):
            bench.dispatcher.drafts.approve("soldes")
        with desk.as_(same), pytest.raises(NotAllowed):
            bench.dispatcher.drafts.refuse("soldes", reason="non")

        assert bench.dispatcher.drafts.get("soldes").state is DraftState.HANDED_IN
        assert not bench.campaigns()


@pytest.mark.parametrize("same", ["0639980009", "06 39 98 00 09", "+33639980009"])
def test_author_whose_number_was_erased_cannot_approve(
    tables: Database, desk: Desk, same: str
) -> None:
    with opened(tables, approval="required") as bench:
        with desk.as_("0639980009"):
            handed_in(bench)
        with desk.as_("anne"):
            bench.dispatcher.persons.erase("+33639980009", reason="a letter")

        with desk.as_(same), pytest.raises(NotAllowed, match="somebody else approves"):
            bench.dispatcher.drafts.approve("soldes")

        assert bench.dispatcher.drafts.get("soldes").state is DraftState.HANDED_IN


def test_whoever_wrote_a_part_cannot_approve(tables: Database, desk: Desk) -> None:
    with opened(tables, approval="required") as bench:
        drafts = bench.dispatcher.drafts
        draft = written(bench)
        with desk.as_("luc"):
            draft = drafts.save("soldes", version=draft.version, text=TEXT + " !")
        draft, _ = drafts.plan("soldes", version=draft.version)
        drafts.hand_in("soldes", version=draft.version)

        with desk.as_("luc"), pytest.raises(NotAllowed):
            drafts.approve("soldes")
        with desk.as_("anne"):
            assert drafts.approve("soldes").writers == ("zoe", "luc")


def test_author_of_a_page_cannot_approve_by_the_shell_under_the_same_name(
    tables: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log_in(name: str) -> None:
        user = pwd.struct_passwd((name, "", 0, 0, "", "", ""))
        monkeypatch.setattr("dispatcher.api.actor.pwd.getpwuid", lambda _: user)

    with opened(tables, approval="required") as bench:
        handed_in(bench)
        log_in("zoe")
        with desk.as_(None), pytest.raises(NotAllowed):
            bench.dispatcher.drafts.approve("soldes")
        log_in("root")
        with desk.as_(None):
            ended = bench.dispatcher.drafts.approve("soldes")
        assert ended.decided_by == "root (system user)"


def test_nobody_signed_in_writes_and_approves_nothing(tables: Database, desk: Desk) -> None:
    with opened(tables, approval="required") as bench:
        drafts = bench.dispatcher.drafts
        handed_in(bench)
        with desk.as_(""):
            with pytest.raises(NotAllowed, match="nobody is signed in"):
                drafts.create("autre")
            with pytest.raises(NotAllowed, match="nobody is signed in"):
                drafts.approve("soldes")
            with pytest.raises(NotAllowed, match="nobody is signed in"):
                drafts.refuse("soldes", reason="non")
            with actor.holding_token("JSON API"), pytest.raises(NotAllowed, match="token"):
                drafts.approve("soldes")
            with actor.holding_token("JSON API"):
                assert drafts.create("autre").author == "JSON API (token)"


def test_name_with_a_mark_is_no_other_person(tables: Database, desk: Desk) -> None:
    with opened(tables, approval="required") as bench:
        handed_in(bench)
        for forged in ("zoe (system user)", "zoe (token)", "zoe (token) (system user)"):
            with desk.as_(forged), pytest.raises(NotAllowed):
                bench.dispatcher.drafts.approve("soldes")


def test_submitting_is_refused_where_approval_is_asked_for(tables: Database, desk: Desk) -> None:
    with opened(tables, approval="required") as bench:
        with pytest.raises(NotAllowed, match="DISPATCHER_APPROVAL=required"):
            bench.submit()
        draft = written(bench)
        draft, _ = bench.dispatcher.drafts.plan("soldes", version=draft.version)
        with pytest.raises(NotAllowed, match="hand it in"):
            bench.dispatcher.drafts.submit("soldes", version=draft.version)

        assert not bench.campaigns()


def test_draft_is_submitted_by_its_writer_where_no_approval_is_asked_for(
    bench: Bench, desk: Desk
) -> None:
    draft = written(bench)
    draft, _ = bench.dispatcher.drafts.plan("soldes", version=draft.version)

    ended = bench.dispatcher.drafts.submit("soldes", version=draft.version)

    assert (ended.state, ended.decided_by) == (DraftState.SUBMITTED, None)
    bench.work()
    assert bench.messages() == {"sent": 3}


def test_draft_without_a_plan_is_not_handed_in(bench: Bench, desk: Desk) -> None:
    draft = written(bench)

    with pytest.raises(IllegalMove, match="plan it first"):
        bench.dispatcher.drafts.hand_in("soldes", version=draft.version)
    with pytest.raises(IllegalMove, match="not handed in"), desk.as_("luc"):
        bench.dispatcher.drafts.approve("soldes")


def test_refused_draft_goes_back_with_the_reason(bench: Bench, desk: Desk) -> None:
    handed_in(bench)

    with desk.as_("luc"):
        draft = bench.dispatcher.drafts.refuse("soldes", reason="trop cher")

    assert (draft.state, draft.refusal, draft.decided_by) == (DraftState.DRAFT, "trop cher", "luc")
    [refusal] = bench.actions("refuse draft")
    assert (refusal.actor, refusal.reason) == ("luc", "soldes: trop cher")
    with desk.as_("luc"), pytest.raises(IllegalMove):
        bench.dispatcher.drafts.approve("soldes")


def test_draft_is_taken_back_by_its_writer(bench: Bench, desk: Desk) -> None:
    draft = handed_in(bench)

    assert bench.dispatcher.drafts.take_back("soldes", version=draft.version).needs_plan


# -- what voids a plan


def change_text(bench: Bench, draft: Draft) -> None:
    bench.dispatcher.drafts.save("soldes", version=draft.version, text="Autre texte")


def change_options(bench: Bench, draft: Draft) -> None:
    bench.dispatcher.drafts.save("soldes", version=draft.version, options={"sender": "Autre"})


def change_list(bench: Bench, draft: Draft) -> None:
    bench.dispatcher.drafts.set_list("soldes", ROWS[:2], version=draft.version)


@pytest.mark.parametrize(
    ("change", "what"),
    [(change_text, "the text"), (change_options, "the options"), (change_list, "the list")],
)
def test_change_by_a_person_voids_the_plan(
    bench: Bench, desk: Desk, change: Any, what: str
) -> None:
    draft = handed_in(bench)

    change(bench, draft)

    after = bench.dispatcher.drafts.get("soldes")
    assert (after.state, after.fingerprint) == (DraftState.DRAFT, None)
    assert after.changes == (f"{what} was changed by zoe",)
    with desk.as_("luc"), pytest.raises(IllegalMove):
        bench.dispatcher.drafts.approve("soldes")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prices": {"metropole": Decimal("0.05")}}, "the price of metropole was not set"),
        ({"sender": "Enseigne"}, "the sender was MaBoutique and is Enseigne"),
        ({"stop_budget": 20}, "the setting stop_budget was 14 and is 20"),
        ({"window_opens": "09:00"}, "the window and its calendar was"),
        ({"repeat_mode": "block"}, "the setting repeat_mode was warn and is block"),
        ({"campaign_recipients": 9}, "the setting campaign_recipients was not set"),
    ],
)
def test_change_of_the_installation_voids_the_plan_and_says_what(
    tables: Database, desk: Desk, settings: dict[str, Any], said: str
) -> None:
    with opened(tables, approval="required") as bench:
        handed_in(bench)
    with opened(tables, approval="required", **settings) as bench:
        drafts = bench.dispatcher.drafts
        assert any(one.startswith(said) for one in drafts.get("soldes").changes)

        with desk.as_("luc"), pytest.raises(PlanChanged, match=said):
            drafts.approve("soldes")

        after = drafts.get("soldes")
        assert after.state is DraftState.DRAFT
        assert any(one.startswith(said) for one in after.changes)
        assert not bench.campaigns()
        assert bench.actions("void plan of draft")


def test_calendar_of_another_version_voids_the_plan(
    tables: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tables) as bench:
        handed_in(bench)
        monkeypatch.setattr("dispatcher.window.policy.CALENDAR_VERSION", "holidays-99")

        with desk.as_("luc"), pytest.raises(PlanChanged, match=r"calendar was .* is .*holidays-99"):
            bench.dispatcher.drafts.approve("soldes")


def test_approval_of_another_plan_than_was_read_is_refused(bench: Bench, desk: Desk) -> None:
    handed_in(bench)

    with desk.as_("luc"), pytest.raises(PlanChanged, match="not the plan that was read"):
        bench.dispatcher.drafts.approve("soldes", fingerprint="another")

    assert bench.dispatcher.drafts.get("soldes").state is DraftState.HANDED_IN


def test_change_while_it_is_approved_stores_nothing(
    bench: Bench, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction that stores the campaign is the one that ends the draft."""
    handed_in(bench)
    drafts = bench.dispatcher.drafts
    plain = submit.store

    def store_late(*args: Any, **kwargs: Any) -> Any:
        now = drafts.get("soldes")
        with desk.as_("zoe"):
            drafts.save("soldes", version=now.version, text="Autre")
        return plain(*args, **kwargs)

    monkeypatch.setattr("dispatcher.api.drafts.store", store_late)
    with desk.as_("luc"), pytest.raises(DraftChanged):
        drafts.approve("soldes")

    assert not bench.campaigns()
    assert drafts.get("soldes").text == "Autre"


def test_campaign_that_took_the_reference_meanwhile_is_not_approved_with_it(
    bench: Bench, desk: Desk
) -> None:
    handed_in(bench)
    bench.submit(reference="soldes")

    with desk.as_("luc"), pytest.raises(ReferenceTaken):
        bench.dispatcher.drafts.approve("soldes")


def test_draft_is_approved_once(bench: Bench, desk: Desk) -> None:
    handed_in(bench)
    with desk.as_("luc"):
        bench.dispatcher.drafts.approve("soldes")
        with pytest.raises(IllegalMove, match="was submitted"):
            bench.dispatcher.drafts.approve("soldes")
    draft = bench.dispatcher.drafts.get("soldes")
    with pytest.raises(IllegalMove, match="was submitted"):
        bench.dispatcher.drafts.save("soldes", version=draft.version, text="x")
    with pytest.raises(IllegalMove, match="was submitted"):
        bench.dispatcher.drafts.discard("soldes", version=draft.version)
    assert len(bench.campaigns()) == 1


def test_every_decision_is_on_record(bench: Bench, desk: Desk) -> None:
    handed_in(bench)
    with desk.as_("luc"):
        bench.dispatcher.drafts.approve("soldes", reason="bon à tirer")

    for verb, who in (
        *(("write draft", "zoe"), ("plan draft", "zoe"), ("hand in draft", "zoe")),
        ("approve", "luc"),
    ):
        [action] = bench.actions(verb)
        assert action.actor == who
