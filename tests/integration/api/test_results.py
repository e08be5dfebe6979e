"""The results of a campaign: one for each recipient, from one snapshot, as progress counts them."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from dispatcher import DispatcherError, InvalidCampaign, NotFound
from dispatcher.api.result_files import COLUMNS, pieces
from dispatcher.campaigns.results import Result
from dispatcher.recipients.files import open_recipients
from dispatcher.storage.tables import BATCH, RECIPIENT
from tests.integration.bench import TEXT, Bench, people
from tests.statements import counted

ANNE, BRUNO, CHLOE = people(3)


def of(bench: Bench, reference: str = "soldes", **options: Any) -> list[Result]:
    return list(bench.dispatcher.results(reference, **options))


def agree(bench: Bench, reference: str = "soldes") -> list[Result]:
    """The results, once their sums were held against progress and against their own rows."""
    found, progress = bench.dispatcher.results(reference), bench.progress(reference)
    rows = list(found)
    assert found.sums.messages == progress.messages
    assert found.sums.cost == progress.cost == sum(row.cost for row in rows)
    assert found.sums.recipients == found.sums.returned == len(rows) == progress.recipients
    counts = Counter(row.state for row in rows)
    assert counts == Counter({name: n for name, n in progress.messages.items() if n})
    return rows


def file_of(bench: Bench, form: str, *, hides: bool = True, **options: Any) -> bytes:
    results = bench.dispatcher.results("soldes", **options)
    return b"".join(pieces(results, form, hides=hides))


def finished(bench: Bench) -> None:
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)


def test_delivered_person_is_shown_with_key_time_segments_and_cost(bench: Bench) -> None:
    listed = [{"mobile": BRUNO, "key": "K2", "prenom": "x" * 300}, {"mobile": CHLOE, "prenom": "a"}]
    bench.dispatcher.submit("soldes", "Soldes {{ prenom }}", listed)
    finished(bench)
    bruno, chloe = agree(bench)
    assert (bruno.batch, bruno.position, bruno.phone, bruno.key) == (1, 0, BRUNO, "K2")
    assert (bruno.state, bruno.reason, bruno.attempts) == ("delivered", "", 1)
    assert bruno.sent_at == bench.batches()[0].sent_at
    assert (bruno.row, chloe.row) == (1, 2)
    assert bruno.sent_at is not None is not bruno.reported_at
    assert bruno.sent_at < bruno.reported_at <= bench.clock()
    assert bruno.masked == "+336••••••01"
    assert BRUNO not in repr(bruno)
    assert (bruno.segments, chloe.segments, chloe.key) == (3, 1, None)
    assert bruno.cost > chloe.cost > 0


def test_row_is_the_line_of_the_file_whatever_the_batch(bench: Bench, tmp_path: Path) -> None:
    lines = ["mobile;territoire", f"{ANNE};", "12;", f"{ANNE};", f"{BRUNO};reunion", f"{CHLOE};"]
    (tmp_path / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    with open_recipients(tmp_path / "list.csv") as listed:
        bench.dispatcher.submit("soldes", TEXT, listed)
    found = [(row.phone, row.row) for row in of(bench)]
    assert found == [(ANNE, 2), (CHLOE, 6), (BRUNO, 5)]


def test_hour_of_a_report_is_that_of_the_look_that_brought_it(bench: Bench) -> None:
    bench.submit(3)
    bench.work()
    [states] = bench.gateway.tags.values()
    for phone, hours in ((ANNE, 1), (BRUNO, 4)):
        states[phone] = bench.gateway.final
        bench.pass_by(hours=hours)
    anne, bruno, chloe = agree(bench)
    assert anne.sent_at is not None is not anne.reported_at
    assert bruno.reported_at is not None
    assert anne.sent_at < anne.reported_at < bruno.reported_at
    assert (chloe.state, chloe.reported_at) == ("sent", None)


def test_each_end_has_its_reason(bench: Bench) -> None:
    bench.opt_out(ANNE)
    bench.submit(3)
    bench.submit(2, "later", start=10, not_before=bench.clock().replace(hour=15))
    bench.work()
    bench.dispatcher.cancel("later")
    anne, bruno, _ = agree(bench)
    assert (anne.state, anne.reason) == ("opted_out", "the person has opted out")
    assert (anne.attempts, anne.segments, anne.sent_at) == (0, 0, None)
    assert anne.cost == 0
    assert (bruno.state, bruno.reason) == ("sent", "no delivery report yet")
    assert {row.reason for row in agree(bench, "later")} == {"cancelled before it left"}


def test_batch_in_doubt_counts_as_in_doubt_and_then_as_given_up(bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.swallow
    bench.submit(2)
    bench.work()
    assert {row.state for row in agree(bench)} == {"in_doubt"}
    assert all(row.reason.startswith("it may have left or not") for row in of(bench))
    bench.dispatcher.give_up(bench.batches()[0].id, reason="nobody knows")
    [reason] = {row.reason for row in agree(bench)}
    assert reason == "a person gave up the doubt whether it left"


def test_states_choose_rows_and_sums_stay_those_of_all(bench: Bench) -> None:
    bench.opt_out(ANNE)
    bench.submit(3)
    bench.work()
    found = bench.dispatcher.results("soldes", states=["opted_out"])
    assert [row.phone for row in found] == [ANNE]
    assert (found.sums.returned, found.sums.recipients) == (1, 3)
    assert of(bench, states=["delivered"]) == []
    with pytest.raises(InvalidCampaign):
        of(bench, states=["gone"])


def test_erased_person_and_retained_campaign_keep_their_results(bench: Bench) -> None:
    bench.dispatcher.submit(
        "soldes",
        "Bonjour {{ prenom }}",
        [{"mobile": phone, "prenom": "Zoé", "key": "K"} for phone in people(3)],
    )
    finished(bench)
    bench.tick()
    before = agree(bench)
    bench.dispatcher.persons.erase(BRUNO, reason="asked")
    _, erased, other = agree(bench)
    assert erased.phone.startswith("person-")
    assert erased.masked == erased.phone
    assert (erased.key, erased.segments, erased.state) == (None, None, "delivered")
    assert (erased.row, erased.reported_at) == (None, other.reported_at)
    assert (other.key, other.segments, other.row) == ("K", 1, 3)
    bench.clock.forward(days=400)
    bench.dispatcher.steps.prune()
    after = agree(bench)
    assert all(row.phone.startswith("person-") for row in after)
    assert sum(row.cost for row in after) == sum(row.cost for row in before)


def test_unknown_campaign_and_that_of_another_account_are_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.dispatcher.results("soldes")


def test_results_are_one_snapshot_whatever_happens_meanwhile(bench: Bench) -> None:
    bench.submit(3)
    results = bench.dispatcher.results("soldes")
    first = next(results)
    bench.work()
    assert {row.state for row in (first, *results)} == {"pending"}
    assert {row.state for row in agree(bench)} == {"sent"}


def test_sums_that_differ_from_progress_are_an_error(bench: Bench) -> None:
    bench.submit(3)
    bench.work()
    with bench.dispatcher.database.write() as session:
        session.execute(update(BATCH).values(states="sds"))
    with pytest.raises(DispatcherError, match=r"do not add up.*2 sent where progress counts 3"):
        of(bench)
    for form in ("csv", "jsonl", "xlsx"):
        with pytest.raises(DispatcherError, match="do not add up"):
            file_of(bench, form)
    with bench.dispatcher.database.write() as session:
        session.execute(update(BATCH).values(states="sss"))
    agree(bench)


def test_missing_recipient_is_an_error(bench: Bench) -> None:
    bench.submit(3)
    with bench.dispatcher.database.write() as session:
        session.execute(delete(RECIPIENT).where(RECIPIENT.c.position == 1))
    with pytest.raises(DispatcherError, match="2 rows of recipients where 3 were stored"):
        of(bench)
    [batch] = bench.batches()
    with bench.dispatcher.database.write() as session:
        session.execute(insert(RECIPIENT).values(batch_id=batch.id, position=1, phone=BRUNO))


def test_sums_before_the_end_are_an_error(bench: Bench) -> None:
    bench.submit(2)
    results = bench.dispatcher.results("soldes")
    next(results)
    with pytest.raises(DispatcherError, match="once they are read to their end"):
        _ = results.sums
    results.close()


def test_as_many_statements_for_many_batches_as_for_few(bench: Bench) -> None:
    bench.submit(600)
    bench.submit(2600, "more", start=1000)
    counts = []
    for reference in ("soldes", "more"):
        with counted() as made:
            assert len(of(bench, reference)) in (600, 2600)
        counts.append(len(made))
    assert counts[0] == counts[1]


def test_csv_has_a_row_for_each_recipient_without_formulas(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", TEXT, [{"mobile": ANNE, "key": "=cmd()"}, {"mobile": BRUNO}])
    data = file_of(bench, "csv")
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig")), delimiter=";"))
    assert tuple(rows[0]) == COLUMNS
    assert [row["key"] for row in rows] == ["'=cmd()", ""]
    assert rows[0]["phone"] == "'+336••••••00"
    whole = file_of(bench, "csv", hides=False).decode("utf-8-sig")
    assert f'"\'{ANNE}"' in whole
    assert len(file_of(bench, "csv", states=["sent"]).splitlines()) == 1


def test_json_lines_end_with_the_sums(bench: Bench) -> None:
    bench.submit(3)
    finished(bench)
    *rows, last = map(json.loads, file_of(bench, "jsonl", hides=False).splitlines())
    assert [row["phone"] for row in rows] == people(3)
    assert tuple(rows[0]) == COLUMNS
    assert last["sums"]["messages"] == bench.progress().messages
    assert Decimal(last["sums"]["cost"]) == sum(Decimal(row["cost"]) for row in rows)


def test_workbook_has_a_sheet_of_results_and_one_of_sums(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", TEXT, [{"mobile": ANNE, "key": "=1+1"}, {"mobile": BRUNO}])
    finished(bench)
    book = pytest.importorskip("openpyxl").load_workbook(io.BytesIO(file_of(bench, "xlsx")))
    assert book.sheetnames == ["Results", "Sums"]
    header, anne, _ = book["Results"].iter_rows()
    assert tuple(cell.value for cell in header) == COLUMNS
    assert (anne[4].value, anne[4].data_type) == ("=1+1", "s")
    assert (anne[2].value, anne[3].value) == (1, "+336••••••00")
    sums = dict(book["Sums"].iter_rows(min_row=2, values_only=True))
    assert (sums["recipients"], sums["delivered"], sums["returned"]) == ("2", "2", "2")
