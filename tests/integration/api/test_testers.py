"""Test messages: declared testers get the text of a row, and nothing counts it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from dispatcher import (
    IllegalMove,
    InvalidCampaign,
    InvalidPhone,
    NotFound,
    ReferenceTaken,
    UnusableInput,
)
from dispatcher.campaigns.testers import MARK
from dispatcher.storage import tables as rows
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened, people

INES, YANN = people(2, start=7201)
CLIENTS = people(2, start=7301)
TEXT = "Bonjour {{ prenom }}, soldes"
#: a Sunday, with the window closed until Monday
SUNDAY = datetime(2026, 11, 29, 10, tzinfo=UTC)


def drafted(bench: Bench, reference: str = "soldes", **options: Any) -> None:
    drafts = bench.dispatcher.drafts
    draft = drafts.create(reference, TEXT, **options)
    rows = [{"mobile": CLIENTS[0], "prenom": "Zoé"}, {"mobile": CLIENTS[1], "prenom": "Luc"}]
    drafts.set_list(reference, rows, version=draft.version)


def ready(bench: Bench, **options: Any) -> None:
    drafted(bench, **options)
    bench.dispatcher.testers.add("Inès", INES)
    bench.dispatcher.testers.add("Yann", YANN, any_hour=True)


def texts(bench: Bench) -> list[tuple[str, str]]:
    return [pair for body in bench.gateway.bodies for pair in body.texts.items()]


def stored_fields(bench: Bench) -> set[str | None]:
    with bench.dispatcher.database.read() as session:
        return set(session.scalars(select(rows.Recipient.fields)))


# -- testers


def test_testers_are_declared_and_removed(bench: Bench) -> None:
    testers = bench.dispatcher.testers
    testers.add(" Inès ", "06 39 98 72 01")
    testers.add("Yann", YANN, any_hour=True)

    assert [(one.name, one.phone, one.any_hour) for one in testers.all()] == [
        ("Inès", INES, False),
        ("Yann", YANN, True),
    ]
    assert INES not in repr(testers.all())
    testers.remove("Inès")
    assert [one.name for one in testers.all()] == ["Yann"]
    assert [action.reason for action in bench.actions("remove tester")] == ["Inès"]


def test_unusable_testers_are_refused(bench: Bench) -> None:
    testers = bench.dispatcher.testers
    testers.add("Inès", INES)
    with pytest.raises(ReferenceTaken):
        testers.add("Inès", YANN)
    with pytest.raises(InvalidPhone):
        testers.add("Yann", "12")
    with pytest.raises(InvalidCampaign):
        testers.add(" ", YANN)
    with pytest.raises(NotFound):
        testers.remove("nobody")


def test_erased_tester_is_gone(bench: Bench) -> None:
    bench.dispatcher.testers.add("Inès", INES)
    assert bench.dispatcher.persons.show(INES)["testers"][0]["name"] == "Inès"

    bench.dispatcher.persons.erase(INES, reason="left the company")

    assert not bench.dispatcher.testers.all()
    with bench.dispatcher.database.read() as session:
        assert session.scalars(select(rows.Tester.phone)).all() == []


# -- tests


def test_text_of_the_row_goes_to_the_testers_alone(bench: Bench) -> None:
    ready(bench)

    [send] = bench.dispatcher.testers.send("soldes", row=2, to=["Inès", "Yann"])
    bench.work()

    assert send.testers == ("Inès", "Yann")
    assert sorted(texts(bench)) == [
        (INES, f"{MARK}Bonjour Luc, soldes"),
        (YANN, f"{MARK}Bonjour Luc, soldes"),
    ]
    [progress] = bench.dispatcher.testers.sent("soldes")
    assert (progress.messages, progress.test_of) == ({"sent": 2}, "soldes")
    [action] = bench.actions("test")
    assert action.reason == "soldes, row 2, to Inès, Yann"


def test_draft_without_a_list_is_tested_if_its_text_has_no_field(bench: Bench) -> None:
    bench.dispatcher.testers.add("Inès", INES)
    bench.dispatcher.drafts.create("court", "Soldes samedi")
    bench.dispatcher.drafts.create("long", TEXT)

    bench.dispatcher.testers.send("court", to=["Inès"])
    bench.work()

    assert texts(bench) == [(INES, f"{MARK}Soldes samedi")]
    with pytest.raises(UnusableInput, match="prenom"):
        bench.dispatcher.testers.send("long", to=["Inès"])
    with pytest.raises(NotFound, match="no row 2"):
        bench.dispatcher.testers.send("court", row=2, to=["Inès"])


def test_tester_is_texted_once_whatever_is_repeated(bench: Bench) -> None:
    ready(bench)
    send = bench.dispatcher.testers.send
    first = send("soldes", to=["Inès"], once="form-1")
    assert send("soldes", to=["Inès"], once="form-1") == first

    for _ in range(3):
        bench.work()
        bench.pass_by(minutes=5)

    assert len(texts(bench)) == 1


def test_worker_that_dies_leaves_the_test_in_doubt(bench: Bench) -> None:
    """It goes through the same claim as every message: nothing is sent again on a guess."""
    ready(bench)
    bench.dispatcher.testers.send("soldes", to=["Inès"])
    bench.gateway.behave = bench.gateway.swallow
    bench.work()
    bench.gateway.behave = bench.gateway.take

    bench.pass_by(minutes=10)

    [doubt] = bench.dispatcher.doubts()
    assert doubt.messages == 1


def test_tests_are_in_no_list_and_no_count(bench: Bench) -> None:
    ready(bench)
    bench.dispatcher.testers.send("soldes", to=["Inès"])
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)

    assert not bench.dispatcher.campaigns()
    assert bench.dispatcher.page(0, 10).total == 0
    assert bench.dispatcher.testers.sent()[0].messages == {"delivered": 1}
    with bench.dispatcher.database.read() as session:
        assert not session.scalars(select(rows.Event.kind)).all()


def test_test_changes_no_fingerprint_and_warns_of_no_repeat(tables: Database) -> None:
    with opened(tables, repeat_mode="block") as bench:
        ready(bench)
        drafts = bench.dispatcher.drafts
        draft, before = drafts.plan("soldes", version=drafts.get("soldes").version)
        for _ in range(2):
            bench.dispatcher.testers.send("soldes", to=["Inès"])
            bench.work()

        assert drafts.preview("soldes").fingerprint == before.fingerprint
        assert drafts.preview("soldes").warnings == before.warnings
        drafts.submit("soldes", version=draft.version)
        bench.work()
        assert bench.messages() == {"sent": 2}


def test_caps_neither_count_nor_hold_tests(tables: Database) -> None:
    with opened(tables, daily_recipients=2, weekly_messages=1) as bench:
        ready(bench)
        for _ in range(3):
            bench.dispatcher.testers.send("soldes", to=["Inès"])
            bench.work()
        assert len(texts(bench)) == 3

        bench.dispatcher.submit("pour-ines", "Bonjour", [INES, YANN])
        bench.work()

        assert bench.messages("pour-ines") == {"sent": 2}
        bench.dispatcher.testers.send("soldes", to=["Inès"])
        bench.work()
        assert len(texts(bench)) == 6


def test_tests_of_a_day_are_limited(tables: Database) -> None:
    with opened(tables, tests_a_day=3) as bench:
        ready(bench)
        testers = bench.dispatcher.testers
        testers.send("soldes", to=["Inès", "Yann"])
        assert testers.left_today() == 1

        with pytest.raises(IllegalMove, match="1 test message too many today"):
            testers.send("soldes", to=["Inès", "Yann"])

        assert testers.left_today() == 1
        bench.clock.forward(days=1)
        assert testers.left_today() == 3


def test_test_waits_for_the_window_but_for_testers_of_any_hour(tables: Database) -> None:
    with opened(tables, at=SUNDAY) as bench:
        ready(bench)

        late, now = bench.dispatcher.testers.send("soldes", to=["Inès", "Yann"])
        bench.work()

        assert (late.testers, now.testers) == (("Inès",), ("Yann",))
        assert "Sunday" in late.why
        assert late.waits_until is not None
        assert (now.why, now.waits_until) == ("", None)
        assert [phone for phone, _ in texts(bench)] == [YANN]
        bench.clock.forward(days=1)
        bench.work()
        assert [phone for phone, _ in texts(bench)] == [YANN, INES]


def test_removed_tester_gets_no_test_that_waits(tables: Database) -> None:
    with opened(tables, at=SUNDAY) as bench:
        ready(bench)
        testers = bench.dispatcher.testers
        testers.add("Luc", CLIENTS[1])
        testers.send("soldes", to=["Inès", "Luc"])

        testers.remove("Luc")
        bench.pass_by(days=1)

        assert [phone for phone, _ in texts(bench)] == [INES]
        assert testers.sent()[0].messages == {"sent": 1, "opted_out": 1}
        bench.pass_by(days=1)
        assert len(texts(bench)) == 1


def test_tester_who_is_removed_before_the_claim_gets_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(bench)
    bench.dispatcher.testers.send("soldes", to=["Inès"])
    # a worker connects between gathering and the claim
    monkeypatch.setattr(bench.gateway, "connect", lambda: bench.dispatcher.testers.remove("Inès"))

    bench.work()

    assert not texts(bench)
    assert bench.dispatcher.testers.sent()[0].messages == {"opted_out": 1}


def test_waiting_test_of_a_discarded_draft_does_not_leave(tables: Database) -> None:
    with opened(tables, at=SUNDAY) as bench:
        ready(bench)
        bench.dispatcher.testers.send("soldes", to=["Inès", "Yann"])
        bench.work()
        drafts = bench.dispatcher.drafts

        drafts.discard("soldes", version=drafts.get("soldes").version)
        bench.pass_by(days=1)

        assert [phone for phone, _ in texts(bench)] == [YANN]
        assert stored_fields(bench) == {None}


@pytest.mark.parametrize("submitted", [False, True])
def test_tests_forget_an_erased_person_of_the_list(tables: Database, submitted: bool) -> None:
    with opened(tables) as bench:
        ready(bench)
        bench.dispatcher.testers.send("soldes", to=["Inès"])
        bench.work()
        bench.gateway.deliver()
        if submitted:
            drafts = bench.dispatcher.drafts
            draft, _ = drafts.plan("soldes", version=drafts.get("soldes").version)
            drafts.submit("soldes", version=draft.version)
        assert any("Zoé" in (fields or "") for fields in stored_fields(bench))

        bench.dispatcher.persons.erase(CLIENTS[0], reason="asked for it")
        bench.pass_by(hours=1)

        assert not any("Zoé" in (fields or "") for fields in stored_fields(bench))


def test_tests_keep_their_draft_if_an_erasure_makes_two_references_equal(bench: Bench) -> None:
    for number in (spellings := (CLIENTS[0], f"0{CLIENTS[0][3:]}")):
        drafted(bench, f"for {number}")
    bench.dispatcher.testers.add("Inès", INES)
    for number in spellings:
        bench.dispatcher.testers.send(f"for {number}", to=["Inès"])
    bench.work()

    bench.dispatcher.persons.erase(CLIENTS[0], reason="asked for it")

    names = [draft.reference for draft in bench.dispatcher.drafts.all()]
    assert sorted(test.test_of for test in bench.dispatcher.testers.sent()) == sorted(names)
    assert len({*names}) == 2


def test_test_outside_of_the_window_says_that_it_is_not_commercial(tables: Database) -> None:
    with opened(tables, at=SUNDAY) as bench:
        ready(bench)

        bench.dispatcher.testers.send("soldes", to=["Yann"])

        [campaign] = bench.campaigns()
        assert not campaign.commercial
        assert campaign.test_of == "soldes"


def test_tester_who_opted_out_is_not_texted(bench: Bench) -> None:
    ready(bench)
    bench.dispatcher.opt_out(INES)

    bench.dispatcher.testers.send("soldes", to=["Inès"])
    bench.work()

    assert not texts(bench)
    assert bench.dispatcher.testers.sent()[0].messages == {"opted_out": 1}


def test_test_that_cannot_be_sent_says_why(bench: Bench) -> None:
    ready(bench)
    send = bench.dispatcher.testers.send
    for row in (0, 3, -1):
        with pytest.raises(NotFound, match=f"no row {row}"):
            send("soldes", row=row, to=["Inès"])
    with pytest.raises(NotFound, match="no tester 'Luc'"):
        send("soldes", to=["Luc"])
    with pytest.raises(InvalidCampaign, match="needs a tester"):
        send("soldes", to=[])
    with pytest.raises(NotFound, match="no draft"):
        send("autre", to=["Inès"])
    assert not bench.campaigns()


def test_tests_need_no_approval_where_campaigns_do(tables: Database) -> None:
    with opened(tables, approval="required", consent_required=True) as bench:
        ready(bench)

        bench.dispatcher.testers.send("soldes", to=["Inès"])
        bench.work()

        assert len(texts(bench)) == 1
