"""Rows 37 to 39, 55 and 56 of the fault matrix: answers to lookups and polls.

Without workers (see ``workerless.py``), on SQLite: the answers differ, not the database. Thousands
of unanswered questions are put to a real worker, whose threads they could exhaust.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from dispatcher.errors import GatewayError, IllegalMove
from dispatcher.storage.tables import Batch, Recipient
from tests.acceptance.installation import PATIENT, Installation, people
from tests.acceptance.workerless import OpenWorkerless, Workerless

BULK, BY_TAG, STATUSES = "/v1/bulk-send", "/v1/bulk-status-by-tag", "/v1/multi-status"
IMPATIENT = {"call_timeout": 2.0, "connect_timeout": 2.0}


# -- row 37: lookups that go wrong -------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        pytest.param({"kind": "status", "status": 500}, "HTTP 500", id="500"),
        pytest.param({"kind": "status", "status": 404}, "HTTP 404", id="404"),
        pytest.param({"kind": "status", "status": 429}, "HTTP 429", id="429"),
        pytest.param({"kind": "not_json"}, "unreadable", id="garbage"),
        pytest.param({"kind": "empty"}, "unreadable", id="no-body"),
        pytest.param({"kind": "truncated_head"}, "", id="truncated-head"),
        pytest.param({"kind": "truncated_body"}, "", id="truncated-body"),
        pytest.param({"kind": "reset_after_read"}, "the connection was cut", id="reset"),
        pytest.param({"kind": "hang"}, "", id="hang"),
        pytest.param({"kind": "slow_body", "interval": 0.1}, "too long", id="slow"),
        pytest.param({"kind": "code", "code": 10}, "code 10", id="the-key-is-refused"),
        pytest.param({"kind": "code", "code": 3}, "code 3", id="unknown-code"),
        pytest.param(
            {"kind": "corrupt", "how": "success_as_text"}, "neither success", id="no-success"
        ),
        pytest.param({"kind": "corrupt", "how": "list"}, "unreadable", id="a-list"),
        pytest.param({"kind": "corrupt", "how": "latin1"}, "unreadable", id="latin-1"),
    ],
)
def test_failed_lookup_proves_nothing(
    workerless: OpenWorkerless, fault: dict[str, Any], why: str
) -> None:
    site = workerless(**IMPATIENT)
    lost_answer(site)
    site.gateway.fault(path=BY_TAG, **fault)
    site.pass_by(seconds=2)
    assert (site.batch().state, site.batch().checks) == ("in_doubt", 1)
    assert site.batch().why.startswith("the gateway cannot be asked: ")
    assert why in site.batch().why
    settled(site)


@pytest.mark.parametrize(
    ("fault", "known"),
    [
        pytest.param({"kind": "corrupt", "how": "short_list"}, {"in_doubt": 2}, id="partial"),
        pytest.param({"kind": "corrupt", "how": "foreign_numbers"}, {"in_doubt": 4}, id="foreign"),
        pytest.param(
            {"kind": "corrupt", "how": "long_list"}, {"in_doubt": 4}, id="a-foreign-number-more"
        ),
        pytest.param({"kind": "code", "code": 4}, {"in_doubt": 4}, id="not-found"),
    ],
)
def test_number_missing_in_a_lookup_stays_in_doubt(
    workerless: OpenWorkerless, fault: dict[str, Any], known: dict[str, int]
) -> None:
    site = workerless()
    lost_answer(site)
    site.gateway.fault(path=BY_TAG, **fault)
    site.pass_by(seconds=2)
    assert site.batch().state == "in_doubt"
    assert site.messages()["in_doubt"] == known["in_doubt"]
    assert "under its tag" in site.batch().why
    settled(site)


def test_empty_page_means_no_more_than_not_found(workerless: OpenWorkerless) -> None:
    site = workerless(switches={"tag_unknown": "empty", "tag_missing": True})
    lost_answer(site)
    site.pass_by(seconds=2)
    assert site.batch().why.startswith("the gateway shows nothing under its tag")
    site.gateway.configure(tag_missing=False)
    settled(site)


@pytest.mark.parametrize("how", ["reordered", "national_numbers", "duplicates"])
def test_lookup_that_shows_everybody_settles_the_batch(
    workerless: OpenWorkerless, how: str
) -> None:
    site = workerless()
    lost_answer(site)
    site.gateway.fault("corrupt", BY_TAG, how=how)
    site.pass_by(seconds=2)
    assert site.batch().state in {"sent", "done"}
    settled(site)


def test_tag_is_read_page_by_page(workerless: OpenWorkerless) -> None:
    site = workerless(switches={"tag_page_size": 1})
    lost_answer(site)
    site.pass_by(seconds=2)
    assert len(site.requests(BY_TAG)) == 4 + 1  # and a made-up tag, which shows nothing
    settled(site)


def test_pages_that_repeat_the_first_prove_no_more(workerless: OpenWorkerless) -> None:
    site = workerless(switches={"tag_page_size": 3, "tag_ignores_page": True})
    lost_answer(site)
    for _ in range(3):
        site.pass_by(minutes=1)
    assert site.messages() == {"delivered": 3, "in_doubt": 1}
    # nothing is known of the second page: to send it again could text people twice
    with pytest.raises(GatewayError):
        site.dispatcher.resend(site.batch().id, reason="they did not get it")
    site.gateway.configure(tag_page_size=500)
    settled(site)


def lost_answer(site: Workerless) -> None:
    """Send a batch of four that the gateway takes, and lose the answer."""
    site.gateway.fault("reset_after_read", BULK)
    site.submit("soldes", people(4))
    site.work()
    assert site.batch().state == "in_doubt"


def settled(site: Workerless) -> None:
    """Assert that good lookups settle the batch: all four were texted once."""
    site.gateway.clear_faults()
    site.work_to_the_end()
    assert site.messages() == {"delivered": 4}
    assert site.sends() == 1
    site.check()


# -- row 38: a tag that shows late -------------------------------------------------------------


def test_batch_stays_in_doubt_until_its_tag_shows(
    workerless: OpenWorkerless,
) -> None:
    site = workerless(switches={"tag_lag_seconds": 600})
    lost_answer(site)
    taken_at = site.taken()[0].at
    while site.clock() < taken_at + timedelta(seconds=560):
        site.pass_by(seconds=40)
        assert site.batch().state == "in_doubt"
        assert site.batch().why.startswith("the gateway shows nothing under its tag")
    site.pass_by(seconds=60)
    settled(site)


# -- row 39: a lookup that does not even show what was taken -----------------------------------


def test_absence_proves_nothing_when_the_control_is_absent_too(workerless: OpenWorkerless) -> None:
    site = workerless()
    site.submit("control", people(4, 100))
    site.work_to_the_end("control")
    site.gateway.fault("status", BULK, status=502, processed=False)
    site.submit("soldes", people(4))
    site.work()
    site.gateway.configure(tag_missing=True)
    site.pass_by(seconds=5)
    batch = site.batches()[1]
    assert batch.why == "cannot be verified: the gateway does not even show what it took"
    with pytest.raises(GatewayError, match="does not even show what it took"):
        site.dispatcher.resend(batch.id, reason="they did not get it")
    site.gateway.configure(tag_missing=False)
    site.pass_by(seconds=5)
    assert site.batches()[1].why == "the gateway shows nothing under its tag"
    site.dispatcher.resend(batch.id, reason="they did not get it")
    site.work_to_the_end()
    assert site.messages() == {"delivered": 4}
    site.check()


def test_taken_batch_that_a_lookup_hides_cannot_be_resent(workerless: OpenWorkerless) -> None:
    site = workerless()
    site.submit("control", people(4, 100))
    site.work_to_the_end("control")
    site.gateway.fault("reset_after_read", BULK)
    site.gateway.configure(tag_missing=True)
    site.submit("soldes", people(4))
    site.pass_by(seconds=5)
    batch = site.batches()[1]
    with pytest.raises(GatewayError):
        site.dispatcher.resend(batch.id, reason="they did not get it")
    site.gateway.configure(tag_missing=False)
    with pytest.raises(IllegalMove, match="it was taken"):
        site.dispatcher.resend(batch.id, reason="they did not get it")
    site.work_to_the_end()
    assert site.messages() == {"delivered": 4}
    assert site.sends() == 2
    site.check()


# -- row 56: delivery reports that never come, change, or have an unknown status ---------------


def test_message_without_a_report_ends_unreported(workerless: OpenWorkerless) -> None:
    mute = people(4)[2:]
    site = workerless(switches={"fates": dict.fromkeys(mute, "Waiting")})
    site.submit("soldes", people(4))
    site.work()
    for hours in (1, 23, 24, 23):
        site.pass_by(hours=hours)
        assert site.messages() == {"delivered": 2, "sent": 2}
    site.pass_by(hours=1.1)
    assert site.messages() == {"delivered": 2, "unreported": 2}
    assert site.work() == site.dispatcher.tick()
    assert site.progress("soldes").state == "finished"
    site.check()


def test_unknown_status_does_not_end_a_message(workerless: OpenWorkerless) -> None:
    site = workerless(switches={"fates": {"": "Expédié"}})
    site.submit("soldes", people(3))
    site.work()
    site.pass_by(seconds=30)
    assert site.messages() == {"sent": 3}
    site.gateway.configure(fates={"": "Delivered"})
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    site.check()


def test_delivered_message_stays_delivered(workerless: OpenWorkerless) -> None:
    slow = people(2)[1]
    site = workerless(switches={"fates": {slow: "Waiting"}})
    site.submit("soldes", people(2))
    site.work()
    site.pass_by(seconds=10)
    assert site.messages() == {"delivered": 1, "sent": 1}
    site.gateway.configure(fates={"": "Not delivered"})
    site.work_to_the_end()
    assert site.messages() == {"delivered": 1, "undelivered": 1}
    site.check()


@pytest.mark.parametrize("case", ["title", "lower", "upper"])
def test_case_of_a_status_does_not_matter(workerless: OpenWorkerless, case: str) -> None:
    everyone = people(3)
    fates = {everyone[1]: "Not delivered", everyone[2]: "ko"}
    site = workerless(switches={"status_case": case, "fates": fates, "message_id_type": "str"})
    site.submit("soldes", everyone)
    site.work_to_the_end()
    assert site.messages() == {"delivered": 1, "undelivered": 2}
    site.check()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "status", "status": 500}, id="500"),
        pytest.param({"kind": "not_json"}, id="garbage"),
        pytest.param({"kind": "reset_after_read"}, id="reset"),
        pytest.param({"kind": "corrupt", "how": "foreign_numbers"}, id="foreign"),
        pytest.param({"kind": "code", "code": 10}, id="refused"),
    ],
)
def test_failed_poll_is_repeated(workerless: OpenWorkerless, fault: dict[str, Any]) -> None:
    site = workerless()
    site.submit("soldes", people(3))
    site.work()
    site.gateway.fault(path=STATUSES, **fault)
    site.pass_by(seconds=5)
    assert site.messages() == {"sent": 3}
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    site.check()


def test_deadline_for_reports_waits_while_polls_fail(
    workerless: OpenWorkerless,
) -> None:
    site = workerless()
    site.submit("soldes", people(3))
    site.work()
    site.gateway.fault("status", STATUSES, status=503, times=None)
    site.pass_by(hours=80)
    assert site.messages() == {"sent": 3}
    site.gateway.clear_faults()
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    site.check()


# -- row 55: thousands of questions without an answer ------------------------------------------


@pytest.mark.parametrize("query", [STATUSES, BY_TAG], ids=["reports", "lookups"])
def test_ten_thousand_unanswered_questions_do_not_delay_sending(
    tmp_path: Path, sqlite_url: str, query: str
) -> None:
    """Polls or lookups of ten thousand batches are due, and the gateway answers none."""
    with Installation(tmp_path, sqlite_url, doubt_limit=20_000, **PATIENT) as site:
        site.submit("old", people(1))
        site.dispatcher.steps.send_batch(site.batch().id)
        site.gateway.hold(query, processed=False)
        _let_ten_thousand_be_due(site, "sent" if query == STATUSES else "in_doubt")
        worker = site.worker()
        for _ in range(8):  # more hints than a worker has threads
            site.dispatcher.tick()
        site.wait(lambda: site.queued() == 0, "the worker to take every hint")
        site.submit("new", people(1000, 1000))
        site.wait(lambda: site.progress("new").batches["sent"] == 2, "the campaign to leave")
        assert site.gateway.held() > 0
        assert site.gateway.texted().keys() >= set(people(1000, 1000))
        worker.kill()  # it would wait for its calls, which last for minutes


def _let_ten_thousand_be_due(site: Installation, state: str) -> None:
    """Copy the only batch ten thousand times, each with a recipient, and have all be due."""
    batch = site.batch()
    values = {column.key: getattr(batch, column.key) for column in Batch.__table__.columns}
    values |= {"state": state, "check_at": site.dispatcher.clock() - timedelta(minutes=1)}
    if state == "in_doubt":
        values |= {"states": "p", "pending": 1, "sent": 0}
    ids = range(batch.id + 1, batch.id + 10_001)
    with site.dispatcher.database.write() as session:
        session.execute(insert(Batch), [{**values, "id": new, "number": new} for new in ids])
        session.execute(
            insert(Recipient),
            [{"batch_id": new, "position": 0, "phone": people(1, new % 900)[0]} for new in ids],
        )
