from __future__ import annotations

import pickle
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text

from dispatcher import (
    InvalidCampaign,
    NotFound,
    Recipient,
    ReferenceTaken,
    Rejection,
    Settings,
    StorageError,
    UnusableInput,
)
from dispatcher.api import Dispatcher
from dispatcher.errors import NobodyToText
from dispatcher.storage import schema
from dispatcher.storage.campaigns import plans
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Base, Batch
from tests.integration.bench import OPEN, TEXT, Bench, opened, people
from tests.waiting import PATIENCE

PARIS = ZoneInfo("Europe/Paris")
#: one minute past the closing on the eve of Easter
EASTER_EVE = datetime(2027, 3, 27, 20, 0, tzinfo=PARIS)
NAIVE = datetime(2026, 11, 25, 9, tzinfo=UTC).replace(tzinfo=None)
AFTER_EASTER = datetime(2027, 3, 30, 8, 0, tzinfo=PARIS)


def stored(bench: Bench) -> dict[str, int]:
    """How many rows each table has."""
    with bench.dispatcher.database.read() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


def phones_of(bench: Bench) -> list[str]:
    return [phone for _, _, phone, _ in bench.view()]


# -- batches


def test_long_list_is_stored_in_batches_of_500_and_one_territory(bench: Bench) -> None:
    overseas = [f"+2626929800{n:02d}" for n in range(3)]
    mixed = [*people(500), *overseas, *people(501, start=500)]
    bench.dispatcher.submit("soldes", TEXT, mixed)
    batches = bench.batches()
    assert [batch.number for batch in batches] == [1, 2, 3, 4]
    sizes = sorted((batch.territory, batch.size) for batch in batches)
    assert sizes == [("la-reunion", 3), ("metropole", 1), ("metropole", 500), ("metropole", 500)]
    assert all(batch.state == "pending" and batch.attempt == 0 for batch in batches)
    assert bench.messages() == {"pending": 1004}
    assert sorted(phones_of(bench)) == sorted(mixed)


def test_many_batches_keep_their_recipients(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_STRIDE", 2)
    bench.dispatcher.submit("soldes", TEXT, people(2600))
    assert [batch.size for batch in bench.batches()] == [500] * 5 + [100]
    for batch in bench.batches():
        assert batch.size == len(batch.states)
    assert phones_of(bench) == people(2600)


def test_id_of_a_submitted_campaign_has_the_warnings_of_its_plan(bench: Bench) -> None:
    values = [{"telephone": people(1)[0], "nom": "Noël"}]
    planned = bench.dispatcher.plan("Bonjour {{ nom }}", values)
    campaign = bench.dispatcher.submit("soldes", "Bonjour {{ nom }}", values)
    assert campaign == bench.progress().id
    assert campaign.warnings == planned.warnings
    assert "1 of 1 loses an accent: “Noël” arrives as “Noel” (line 1)" in campaign.warnings
    again = bench.dispatcher.submit("autre", "Bonjour  {{ nom }}\u200b", values)
    assert "the same text reaches 1 of these people within 7 days under 'soldes'" in again.warnings
    same = bench.dispatcher.submit("soldes", "Bonjour {{ nom }}", values)
    assert (same, same.warnings) == (campaign, campaign.warnings)


def test_list_with_emoji_submitted_again_is_the_same_campaign(bench: Bench) -> None:
    names = ["Marie", "Zoé 🌸", "Noël", "Zoé\u200e", ""]
    values = [
        {"telephone": phone, "nom": name} for phone, name in zip(people(5), names, strict=True)
    ]
    text = 'Bonjour {{ nom | default("STOP au 36180") }}'
    first = bench.dispatcher.submit("soldes", text, values)
    assert len(bench.batches()) == 3
    assert bench.dispatcher.submit("soldes", text, values[::-1]) == first


def test_number_in_three_spellings_is_stored_once(bench: Bench) -> None:
    result: list[Rejection] = []
    given = ["06 39 98 00 01", "+33639980001", "0033639980001", "06 39 98 00 02", "12"]
    bench.dispatcher.submit("soldes", TEXT, given, reject=result.append)
    progress = bench.progress()
    assert (progress.rows, progress.duplicates, progress.unusable) == (5, 2, 1)
    assert progress.recipients == 2
    assert [rejection.row for rejection in result] == [5]


# -- one transaction


def test_list_that_fails_midway_stores_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Iterator[str]:
        yield from people(2600)  # some batches are written by now
        raise RuntimeError("the file ended in the middle")

    monkeypatch.setattr(plans, "_STRIDE", 2)
    before = stored(bench)
    with pytest.raises(RuntimeError, match="in the middle"):
        bench.dispatcher.submit("soldes", TEXT, broken())
    assert stored(bench) == before
    bench.submit(3)  # and the reference is still free
    assert bench.messages() == {"pending": 3}


@pytest.mark.parametrize(
    ("recipients", "options", "words"),
    [
        pytest.param([], {}, "no recipients", id="nobody"),
        pytest.param(["12", "abc"], {}, "none of 2 rows", id="nobody who can be texted"),
        pytest.param([*people(2), "12"], {"strict": True}, "1 of 3 rows", id="strict, one bad row"),
        pytest.param(people(1), {"territory": "atlantis"}, "unknown territory", id="no such place"),
        pytest.param(people(1), {"sender": "Ma Boutique"}, "sender", id="a sender with a space"),
        pytest.param(people(1), {"not_before": NAIVE}, "time zone", id="naive not_before"),
        pytest.param(people(1), {"not_after": NAIVE}, "time zone", id="naive not_after"),
        pytest.param(
            people(1),
            {"not_before": OPEN + timedelta(days=1), "not_after": OPEN + timedelta(days=1)},
            "later than not_before",
            id="it ends when it begins",
        ),
        pytest.param(
            people(1),
            {"not_after": OPEN},
            "^not_after, Tuesday 2026-11-24 10:00 in Paris, lies in the past$",
            id="it is over by now",
        ),
        pytest.param(
            people(1),
            {"not_after": datetime(2026, 11, 23, 12, tzinfo=UTC), "territory": "mayotte"},
            "^not_after, Monday 2026-11-23 13:00 in Paris, lies in the past$",
            id="it was over yesterday",
        ),
        pytest.param(
            people(1),
            # Tuesday 20:00 to Wednesday 08:00 in Paris
            {
                "not_before": datetime(2026, 11, 24, 19, tzinfo=UTC),
                "not_after": datetime(2026, 11, 25, 7, tzinfo=UTC),
            },
            "after 20:00",
            id="it would only live at night",
        ),
    ],
)
def test_invalid_campaign_raises_and_stores_nothing(
    bench: Bench, recipients: list[str], options: dict[str, Any], words: str
) -> None:
    before = stored(bench)
    with pytest.raises(UnusableInput, match=words):
        bench.dispatcher.submit("soldes", TEXT, recipients, **options)
    assert stored(bench) == before


def test_strict_list_of_valid_rows_is_stored(bench: Bench) -> None:
    bench.submit(3, strict=True)
    assert bench.messages() == {"pending": 3}


def test_invalid_row_does_not_stop_the_others(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", TEXT, [*people(2), "12"])
    assert bench.messages() == {"pending": 2}
    assert bench.progress().unusable == 1


# -- references


def test_submitted_again_is_the_same_campaign(bench: Bench) -> None:
    names = [{"telephone": phone, "prenom": phone[-1]} for phone in people(700)]
    text = "Bonjour {{ prenom }}"
    first = bench.dispatcher.submit("soldes", text, names)
    before = stored(bench)
    assert bench.dispatcher.submit("soldes", text, names) == first
    assert bench.dispatcher.submit("soldes", text, reversed(names)) == first
    assert bench.dispatcher.submit("soldes", text, (name for name in names)) == first
    again = [Recipient(name["telephone"], {"prenom": name["prenom"]}) for name in names]
    assert bench.dispatcher.submit("soldes", text, again) == first
    assert stored(bench) == before


@pytest.mark.parametrize(
    ("text", "recipients", "options"),
    [
        pytest.param("Autre chose", people(3), {}, id="another text"),
        pytest.param(TEXT, people(4), {}, id="one person more"),
        pytest.param(TEXT, people(2), {}, id="one person less"),
        pytest.param(TEXT, people(3, start=1), {}, id="other people"),
        pytest.param(TEXT, [], {}, id="nobody"),
        pytest.param(TEXT, people(3), {"sender": "Autre"}, id="another sender"),
        pytest.param(TEXT, people(3), {"commercial": False}, id="no longer commercial"),
        pytest.param(TEXT, people(3), {"territory": "alsace-moselle"}, id="another territory"),
        pytest.param(
            TEXT, people(3), {"not_before": OPEN + timedelta(hours=1)}, id="another beginning"
        ),
        pytest.param(TEXT, people(3), {"not_after": OPEN + timedelta(days=1)}, id="another end"),
    ],
)
def test_another_body_under_one_reference_raises_reference_taken(
    bench: Bench, text: str, recipients: list[str], options: dict[str, Any]
) -> None:
    bench.submit(3)
    before = stored(bench)
    with pytest.raises(ReferenceTaken, match="soldes"):
        bench.dispatcher.submit("soldes", text, recipients, **options)
    assert stored(bench) == before


def test_submitted_again_in_another_time_zone_is_the_same_campaign(bench: Bench) -> None:
    instant = OPEN + timedelta(hours=2)
    bench.submit(3, not_before=instant)
    bench.submit(3, not_before=instant.astimezone(PARIS))
    assert len(bench.campaigns()) == 1


def test_submitted_again_after_sending_is_the_same_campaign(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.send(batch)
    assert bench.submit(3) == batch
    assert bench.gateway.texted.total() == 3


def test_concurrent_submits_of_one_reference_store_one_campaign(bench: Bench) -> None:
    ids: list[int] = []
    # the first one is held up in the middle of its list until the second one has begun
    begun = threading.Barrier(2, timeout=PATIENCE)

    def given() -> Iterator[str]:
        yield from people(600)

    def submit() -> None:
        begun.wait()
        ids.append(bench.dispatcher.submit("soldes", TEXT, given()))

    threads = [threading.Thread(target=submit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert len(bench.campaigns()) == 1
    assert len(bench.batches()) == 2
    assert len(bench.actions("submit")) == 1


def test_submit_during_a_slow_submit_wins_and_both_get_its_campaign(
    bench: Bench,
) -> None:
    reading, go_on = threading.Event(), threading.Event()
    ids: list[int] = []

    def slow() -> Iterator[str]:
        yield from people(600)
        reading.set()
        assert go_on.wait(PATIENCE)

    first = threading.Thread(
        target=lambda: ids.append(bench.dispatcher.submit("soldes", TEXT, slow()))
    )
    first.start()
    assert reading.wait(PATIENCE)
    second = threading.Thread(
        target=lambda: ids.append(bench.dispatcher.submit("soldes", TEXT, people(600)))
    )
    second.start()
    go_on.set()
    for thread in (first, second):
        thread.join(PATIENCE)
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert len(bench.batches()) == 2


# -- when


def test_submitted_on_easter_eve_waits_until_tuesday_with_the_reason(bench: Bench) -> None:
    bench.clock.at = EASTER_EVE.astimezone(UTC)
    batch = bench.submit(3)
    assert bench.batch(batch).not_before == AFTER_EASTER
    progress = bench.progress()
    assert progress.waits_until == AFTER_EASTER
    assert progress.why == "Sunday, Easter Monday"


def test_submitted_inside_the_window_is_due_at_once(bench: Bench) -> None:
    bench.submit(3)
    progress = bench.progress()
    assert (progress.waits_until, progress.why) == (None, "")
    assert bench.tick().send == [bench.batches()[0].id]


def test_not_before_inside_the_window_is_waited_for(bench: Bench) -> None:
    start = OPEN + timedelta(hours=3)
    batch = bench.submit(3, not_before=start)
    assert bench.batch(batch).not_before == start
    assert bench.progress().why == "scheduled"
    assert not bench.tick().send


def test_not_before_outside_the_window_moves_to_the_next_opening(bench: Bench) -> None:
    bench.submit(3, not_before=EASTER_EVE)
    assert bench.progress().waits_until == AFTER_EASTER
    assert bench.progress().why == "Sunday, Easter Monday"


def test_not_before_in_the_past_means_now(bench: Bench) -> None:
    batch = bench.submit(3, not_before=OPEN - timedelta(days=3))
    assert bench.batch(batch).not_before == OPEN
    assert bench.tick().send == [batch]


def test_not_commercial_campaign_is_due_at_once(bench: Bench) -> None:
    bench.clock.at = EASTER_EVE.astimezone(UTC)
    batch = bench.submit(3, commercial=False, reason="notice")
    assert bench.tick().send == [batch]
    assert bench.progress().why == ""


@pytest.mark.parametrize("reason", ["", " \t", "\x00", "x" * 2000])
def test_not_commercial_campaign_without_a_readable_reason_is_refused(
    bench: Bench, reason: str
) -> None:
    with pytest.raises(InvalidCampaign, match="a reason"):
        bench.submit(3, commercial=False, reason=reason)
    assert not bench.dispatcher.campaigns()


def test_reason_of_a_not_commercial_campaign_goes_on_record_without_numbers(bench: Bench) -> None:
    bench.submit(3, commercial=False, reason="parcels of 06 39 98 00 01\nand others")
    [entry] = bench.dispatcher.actions("soldes").items
    assert entry.reason.startswith("not commercial: parcels of ")
    assert entry.reason.endswith(" and others")
    assert "98 00 01" not in entry.reason


def test_not_commercial_campaign_that_is_stored_is_known_again_without_a_reason(
    bench: Bench,
) -> None:
    first = bench.dispatcher.submit("avis", TEXT, people(3), commercial=False, reason="notice")
    assert bench.dispatcher.submit("avis", TEXT, people(3), commercial=False) == first


def test_each_territory_waits_for_its_own_clock(bench: Bench) -> None:
    """At 10:00 in Paris it is 05:00 in Martinique and 13:00 in La Réunion."""
    given = ["+33639980001", "+262692980001", "+596696980001"]
    bench.dispatcher.submit("soldes", TEXT, given)
    batches = {batch.territory: batch for batch in bench.batches()}
    assert set(batches) == {"metropole", "la-reunion", "martinique"}
    assert batches["metropole"].not_before == OPEN
    assert batches["la-reunion"].not_before == OPEN
    martinique = datetime(2026, 11, 24, 8, tzinfo=ZoneInfo("America/Martinique"))
    assert batches["martinique"].not_before == martinique
    assert batches["martinique"].why == "before 08:00 in Martinique"
    assert sorted(bench.tick().send) == sorted([batches["metropole"].id, batches["la-reunion"].id])


def test_paris_clock_holds_an_overseas_number_too(bench: Bench) -> None:
    """20:00 in Paris is 15:00 in Martinique: the gateway would hold it, so do we."""
    bench.clock.at = datetime(2026, 11, 24, 20, tzinfo=PARIS).astimezone(UTC)
    bench.dispatcher.submit("soldes", TEXT, ["+596696980001"])
    (batch,) = bench.batches()
    opening = datetime(2026, 11, 25, 8, tzinfo=ZoneInfo("America/Martinique"))
    assert batch.not_before == opening


#: a mobile of La Réunion, where it is evening two or three hours before Paris
REUNION = "+262692980001"


def test_not_after_is_checked_in_the_territories_of_the_list(bench: Bench) -> None:
    # Paris is open at 18:00, when it is 21:00 in La Réunion
    bench.clock.at = datetime(2026, 11, 24, 18, tzinfo=PARIS)
    not_after = datetime(2026, 11, 24, 20, tzinfo=PARIS)
    before = stored(bench)
    for act in (
        lambda: bench.dispatcher.plan(TEXT, [REUNION], not_after=not_after),
        lambda: bench.dispatcher.submit("soldes", TEXT, [REUNION], not_after=not_after),
    ):
        with pytest.raises(InvalidCampaign) as refusal:
            act()
        assert str(refusal.value) == (
            "not_after, Tuesday 2026-11-24 20:00 in Paris, is before the next opening,"
            " Wednesday 2026-11-25 08:00 (after 20:00 in La Réunion)"
        )
    assert stored(bench) == before


def test_territory_that_opens_after_not_after_warns_and_expires(
    bench: Bench,
) -> None:
    bench.clock.at = datetime(2026, 11, 24, 18, tzinfo=PARIS)
    not_after = datetime(2026, 11, 24, 20, tzinfo=PARIS)
    both = [REUNION, *people(2)]
    plan = bench.dispatcher.plan(TEXT, both, not_after=not_after)
    assert plan.forecast.late == 1
    assert any(
        warning.endswith("they would expire, all those for La Réunion among them")
        for warning in plan.warnings
    )
    bench.dispatcher.submit("soldes", TEXT, both, not_after=not_after)
    bench.work()
    bench.clock.at = not_after
    bench.work()
    assert bench.messages() == {"sent": 2, "expired": 1}
    assert REUNION not in bench.gateway.texted


def test_overseas_list_is_not_refused_because_metropole_is_closed(tables: Database) -> None:
    """08:00 in La Réunion is 05:00 in Paris, where nobody of the list lives."""
    with opened(
        tables, window_clock="recipient", at=datetime(2026, 11, 24, 4, tzinfo=UTC)
    ) as bench:
        not_after = datetime(2026, 11, 24, 7, tzinfo=PARIS)
        bench.dispatcher.submit("soldes", TEXT, [REUNION], not_after=not_after)
        bench.work()
        assert bench.messages() == {"sent": 1}


@pytest.mark.parametrize("given", ["+33639980001", {"mobile": "+33639980001"}])
def test_single_value_as_a_list_raises_unusable_input(bench: Bench, given: Any) -> None:
    before = stored(bench)
    with pytest.raises(UnusableInput, match="a list of recipients is needed, not one"):
        bench.dispatcher.submit("soldes", TEXT, given)
    assert stored(bench) == before


@pytest.mark.parametrize("reason", ["\0", "\ud83d", "   "])
def test_empty_reason_raises_invalid_campaign(bench: Bench, reason: str) -> None:
    bench.submit(3)
    with pytest.raises(InvalidCampaign, match="goes on record"):
        bench.dispatcher.pause("soldes", reason=reason)
    assert bench.progress().state == "running"


def test_polynesia_in_summer_is_left_out_with_the_reason_and_the_rest_goes(bench: Bench) -> None:
    """No hour of a summer day is open in Paris and in Papeete."""
    bench.clock.at = datetime(2026, 6, 2, 8, tzinfo=UTC)
    rejected: list[Rejection] = []
    bench.dispatcher.submit("soldes", TEXT, [*people(600), "+68987980001"], reject=rejected.append)
    assert bench.progress().recipients == 600
    (one,) = rejected
    assert (one.row, one.code) == (601, "never_open")
    assert "polynesie-francaise: no opening common to Paris" in one.detail
    assert "DISPATCHER_WINDOW_CLOCK" in one.detail


def test_list_of_polynesia_alone_in_summer_raises_invalid_campaign(bench: Bench) -> None:
    bench.clock.at = datetime(2026, 6, 2, 8, tzinfo=UTC)
    before = stored(bench)
    with pytest.raises(InvalidCampaign, match=r"no opening common to Paris.*WINDOW_CLOCK"):
        bench.dispatcher.submit("soldes", TEXT, ["+68987980001"])
    assert stored(bench) == before


def test_rows_without_a_number_are_left_out_and_the_rest_goes(bench: Bench) -> None:
    rejected: list[Rejection] = []
    listed: list[Any] = [{"nom": "Zoé"}, None, *people(2), {"mobile": ["x"]}, "01 39 98 09 07"]
    bench.dispatcher.submit("soldes", TEXT, listed, reject=rejected.append)
    assert bench.progress().recipients == 2
    assert [(one.row, one.code) for one in rejected] == [
        (1, "no_number"),
        (2, "not_a_recipient"),
        (5, "unusable_value"),
        (6, "landline"),
    ]


def test_list_that_nobody_of_can_be_texted_says_why_with_counts(bench: Bench) -> None:
    with pytest.raises(NobodyToText, match=r"none of 3 rows .*2 × landline .*1 × not_a") as caught:
        bench.dispatcher.submit("soldes", TEXT, ["0139980907", "abc", "0139980908"])
    assert caught.value.reasons == {"landline": 2, "not_a_number": 1}
    assert pickle.loads(pickle.dumps(caught.value)).reasons == caught.value.reasons


def test_fields_of_a_mapping_are_found_without_accents_and_case(bench: Bench) -> None:
    listed = [{"mobile": people(1)[0], "Prénom": "Zoé", "N° client": 7, "payé": 12.5}]
    text = "{{ prenom }} {{ n° client }} {{ PAYE }}"
    assert bench.dispatcher.plan(text, listed).longest == ("Zoé 7 12,5",)


def test_null_of_a_database_is_no_value_and_a_person_may_be_called_so(bench: Bench) -> None:
    one, two = people(2)
    listed = [{"mobile": one, "nom": "Nan", "ville": "NULL"}, {"mobile": two, "nom": "NULL"}]
    plan = bench.dispatcher.plan(
        "{{ nom | default('client') }}, {{ ville | default('Lyon') }}", listed
    )
    assert sorted(plan.longest) == ["Nan, Lyon", "client, Lyon"]


def test_people_who_share_a_number_are_counted_and_the_first_is_named(bench: Bench) -> None:
    one, two = people(2)
    plan = bench.dispatcher.plan(TEXT, [two, one, two, one, one, one])
    assert plan.duplicates == 4
    (warning,) = [each for each in plan.warnings if "more than once" in each]
    assert warning == (
        "2 numbers are there more than once and get one text each: 2 people share the first, in"
        " rows 1 and 3"
    )


def test_row_left_out_for_its_hours_casts_no_doubt_on_the_column(bench: Bench) -> None:
    june = datetime(2027, 6, 10, 8, tzinfo=UTC)
    plan = bench.dispatcher.plan(TEXT, [*people(1), "+68987123456"], not_before=june)
    assert (plan.kept, len(plan.rejected)) == (1, 1)
    assert not [each for each in plan.warnings if "the right column" in each]


@pytest.mark.parametrize(
    "value", ["L&#039;Oréal &amp; Fils", "Chlo&eacute;", "Chlo&eacute", "a &#xe9; b", "x&nbsp;€ 🌸"]
)
def test_entities_of_html_are_warned_of_with_row_and_value(bench: Bench, value: str) -> None:
    values = ["Zoé", value, "Dupont & Fils", "R&D;", "https://ex.fr/?a=1&copy=2&b=3"]
    people_ = [{"mobile": p, "nom": v} for p, v in zip(people(5), values, strict=True)]
    plan = bench.dispatcher.plan("Bonjour {{ nom }}", people_)
    (warning,) = [each for each in plan.warnings if "HTML" in each]
    assert warning == (
        f"1 of 5 holds entities of HTML, which are texted as they stand: “{value}” (line 2)"
    )
    submitted = bench.dispatcher.submit("entities", "Bonjour {{ nom }}", people_)
    assert warning in submitted.warnings
    assert not [each for each in submitted.impersonal if value in each]


@pytest.mark.parametrize("value", ["ZoÃ©", "l’Ã¢ne", "Zo\ufffd", "lâ€™Oréal"])
def test_garbled_letters_are_warned_of_with_row_and_value(bench: Bench, value: str) -> None:
    values = ["Zoé", "SÃO", value]
    people_ = [{"mobile": p, "nom": v} for p, v in zip(people(3), values, strict=True)]
    plan = bench.dispatcher.plan("Bonjour {{ nom }}", people_)
    (warning,) = [each for each in plan.warnings if "garbled" in each]
    assert warning == (
        f"1 of 3 holds garbled letters, which are texted as they stand: “{value}” (line 3)"
    )


def test_several_numbers_in_a_cell_are_said_so(bench: Bench) -> None:
    plan = bench.dispatcher.plan(TEXT, [*people(1), "06 39 98 00 08 / 06 39 98 00 09"])
    assert plan.rejected == {"several_numbers": 1}


# -- people who said STOP


def test_opted_out_number_is_counted_and_never_texted(bench: Bench) -> None:
    bench.opt_out(people(3)[1])
    bench.send(bench.submit(3))
    assert bench.messages() == {"sent": 2, "opted_out": 1}
    assert set(bench.gateway.texted) == {people(3)[0], people(3)[2]}


def test_batch_of_opted_out_numbers_only_is_done_without_a_request(bench: Bench) -> None:
    for phone in people(3):
        bench.opt_out(phone)
    batch = bench.submit(3)
    bench.send(batch)
    assert bench.batch(batch).state == "done"
    assert bench.gateway.requests == []
    bench.tick()
    assert bench.progress().state == "finished"
    assert bench.messages() == {"opted_out": 3}


# -- without Redis


def test_submit_without_redis_succeeds_quickly(database_url: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refused at once
        port = closed.getsockname()[1]
        dispatcher = Dispatcher(
            Settings.of(
                database_url=database_url,
                broker_url=f"redis://127.0.0.1:{port}/0",
                sender="MaBoutique",
            )
        )
        dispatcher.prepare()
        began = time.monotonic()
        dispatcher.submit("soldes", TEXT, people(3))
        took = time.monotonic() - began
    assert dispatcher.progress("soldes").recipients == 3
    assert took < 60  # a broker that is retried takes minutes
    with dispatcher.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Batch)) == 1
    dispatcher.database.close()


@pytest.mark.parametrize("name", ["not_before", "not_after"])
def test_instant_outside_2000_to_2100_raises_invalid_campaign(bench: Bench, name: str) -> None:
    east, west = timezone(timedelta(hours=5)), timezone(timedelta(hours=-5))
    for at in (datetime(1, 1, 1, tzinfo=east), datetime(9999, 12, 31, 23, tzinfo=west)):
        query: dict[str, Any] = {name: at}
        with pytest.raises(InvalidCampaign, match=f"{name} .* is not within 2000 to 2100"):
            bench.submit(**query)
    assert bench.campaigns() == []


def test_reference_that_no_row_can_hold_raises_not_found(bench: Bench) -> None:
    for name in (2**63, -(2**63) - 1, 10**40, "a\0b", "\ud800"):
        with pytest.raises(NotFound):
            bench.dispatcher.progress(name)


def test_reason_is_recorded_as_one_printable_line(bench: Bench) -> None:
    bench.submit()
    paused = bench.dispatcher.pause("soldes", reason=" the shop\n\x1b[31mis \0closed\ud800 ")
    assert paused.why == "paused: the shop [31mis closed"


@pytest.mark.parametrize("reason", ["", " \n", "\0", "\ud800 \x1b"])
def test_reason_without_printable_characters_raises_invalid_campaign(
    bench: Bench, reason: str
) -> None:
    bench.submit()
    with pytest.raises(InvalidCampaign, match="it goes on record"):
        bench.dispatcher.pause("soldes", reason=reason)
    assert bench.progress().state == "running"


def test_reference_submitted_while_its_whole_list_is_stored_waits_for_nobody(
    tables: Database,
) -> None:
    with opened(tables) as bench:
        if tables.is_sqlite:
            pytest.skip("one writer")
        again: list[int] = []

        def submit_again(*_: int) -> None:
            again.append(bench.dispatcher.submit("soldes", TEXT, people(3)))

        first = bench.dispatcher.submit("soldes", TEXT, people(3), strict=True, stored=submit_again)
        assert again == [first]


def test_reference_that_another_transaction_holds_for_long_is_answered_in_a_sentence(
    fresh_postgres_url: str,
) -> None:
    database = Database(f"{fresh_postgres_url}?options=-c%20lock_timeout%3D100ms")
    schema.prepare(database)
    with opened(database) as bench:
        bench.submit(reference="other")
        with database.write() as session:
            session.execute(text("UPDATE dispatcher_campaign SET reference = 'soldes'"))
            with pytest.raises(StorageError, match="another submission of 'soldes': submit it ag"):
                bench.submit()
            session.rollback()
        bench.submit()
        assert bench.progress().recipients == 3
    database.close()
