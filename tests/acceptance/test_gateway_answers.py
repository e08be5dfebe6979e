"""Rows 34 to 36 of the fault matrix: refusals, and answers that differ from the documentation.

Without workers (see ``workerless.py``), on SQLite: an answer is read the same on every database.
A refusal, an empty account and a partial list go through real workers in
``test_gateway_faults.py``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.acceptance.installation import people
from tests.acceptance.workerless import OpenWorkerless

BULK = "/v1/bulk-send"
TOMORROW_MORNING = datetime(2026, 11, 25, 7, tzinfo=UTC)


# -- row 34: refusals --------------------------------------------------------------------------


@pytest.mark.parametrize("code", [2, 42, 43, 50, 52, 90])
def test_refusal_of_the_request_ends_the_batch(workerless: OpenWorkerless, code: int) -> None:
    site = workerless()
    site.gateway.fault("code", BULK, code=code, processed=False)
    site.submit("soldes", people(3))
    site.work_to_the_end()
    assert site.messages() == {"rejected": 3}
    assert (site.batch().state, site.outcomes()) == ("failed", ["refused"])
    assert (site.sends(), site.taken()) == (1, [])
    site.check()


@pytest.mark.parametrize("shape", ["A", "B", "C", "E"])
@pytest.mark.parametrize("code", [9, 13, 14, 15, 55])
def test_refusal_that_names_nobody_is_asked_again_in_halves(
    workerless: OpenWorkerless, code: int, shape: str
) -> None:
    site = workerless()
    site.gateway.fault("code", BULK, code=code, shape=shape, processed=False, times=3)
    site.submit("soldes", people(4))
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3, "rejected": 1}
    assert site.outcomes()[:3] == ["halved", "halved", "refused"]
    assert len(site.taken()) == 1
    site.check()


@pytest.mark.parametrize("key", ["errors", "error"])
def test_refused_sender_pauses_with_the_gateways_sentence(
    workerless: OpenWorkerless, key: str
) -> None:
    site = workerless()
    entry = {"elementId": "children[sender].data", "message": "L'émetteur est trop long"}
    body = json.dumps({"success": False, "code": 9, key: [entry]})
    site.gateway.fault("status", BULK, status=400, body=body, processed=False)
    site.submit("soldes", people(3))
    site.work()
    progress = site.progress("soldes")
    assert progress.state == "paused"
    assert progress.why.endswith("L'émetteur est trop long")
    assert site.messages() == {"pending": 3}
    site.dispatcher.resume("soldes")
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    site.check()


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (1, "the API key is missing"),
        (10, "the API key is wrong"),
        (11, "no credit"),
        (20, "the account is disabled"),
        (30, "the account is blocked"),
        (40, "the account may not use the API"),
        (44, "the sender is invalid"),
        (96, "this machine's address is not allowed"),
        (992, "the sender is not authorised"),
    ],
)
def test_refusal_of_the_account_pauses_the_campaign_and_fails_nobody(
    workerless: OpenWorkerless, code: int, why: str
) -> None:
    site = workerless()
    site.gateway.fault("code", BULK, code=code, processed=False)
    site.submit("soldes", people(3))
    site.work()
    progress = site.progress("soldes")
    assert (progress.state, progress.why) == ("paused", f"paused: {why}")
    assert site.messages() == {"pending": 3}
    site.pass_by(hours=1)
    assert site.sends() == 1  # it does not repeat the call
    site.dispatcher.resume("soldes")
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    assert site.outcomes() == ["blocked", "sent"]
    site.check()


@pytest.mark.parametrize("shape", ["A", "B", "C", "D", "E"])
@pytest.mark.parametrize("status", ["200", "400"])
def test_missing_credit_is_recognised_in_each_form(
    workerless: OpenWorkerless, shape: str, status: str
) -> None:
    site = workerless(switches={"http_status_mode": status})
    site.gateway.fault("code", BULK, code=11, shape=shape, processed=False)
    site.submit("soldes", people(3))
    site.work()
    assert site.progress("soldes").why == "paused: no credit"
    site.check()


@pytest.mark.parametrize(
    ("switches", "settings", "why"),
    [
        pytest.param({"credit": "0"}, {}, "no credit", id="11-empty-account"),
        pytest.param({"account_code": 20}, {}, "the account is disabled", id="20-disabled"),
        pytest.param(
            {"blocked_senders": ["MaBoutique"]}, {}, "the sender is not authorised", id="992-sender"
        ),
        pytest.param({}, {"api_key": "0" * 40}, "the API key is wrong", id="10-wrong-key"),
    ],
)
def test_refusal_by_the_gateways_own_rules_pauses_the_campaign(
    workerless: OpenWorkerless, switches: dict[str, Any], settings: dict[str, Any], why: str
) -> None:
    site = workerless(switches=switches, **settings)
    site.submit("soldes", people(3))
    site.work()
    assert site.progress("soldes").why == f"paused: {why}"
    assert not site.taken()
    site.check()


@pytest.mark.parametrize("code", [22, 23])
def test_code_of_a_closed_gateway_delays_until_the_next_opening(
    workerless: OpenWorkerless, code: int
) -> None:
    site = workerless()
    site.gateway.fault("code", BULK, code=code, processed=False)
    site.submit("soldes", people(3))
    site.work()
    progress = site.progress("soldes")
    assert progress.waits_until == TOMORROW_MORNING
    assert "the gateway refuses this" in progress.why
    assert site.messages() == {"pending": 3}
    site.forward_to(TOMORROW_MORNING)
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    assert all(entry.at >= TOMORROW_MORNING for entry in site.taken())
    site.check()


@pytest.mark.parametrize("code", [0, 3, 4, 12, 99, 500, 1234])
def test_undocumented_code_proves_nothing(workerless: OpenWorkerless, code: int) -> None:
    site = workerless()
    site.gateway.fault("code", BULK, code=code)  # and the gateway has taken it
    site.submit("soldes", people(3))
    site.work()
    assert (site.batch().state, site.batch().why) == (
        "in_doubt",
        f"the gateway answered code {code}",
    )
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    assert site.sends() == 1
    site.check()


# -- row 35: a success that is malformed -------------------------------------------------------


@pytest.mark.parametrize(
    "how", ["no_message_id", "success_as_text", "code_as_text", "nan", "list", "bom", "latin1"]
)
def test_malformed_success_is_settled_by_its_tag(workerless: OpenWorkerless, how: str) -> None:
    site = workerless()
    site.gateway.fault("corrupt", BULK, how=how)
    site.submit("soldes", people(3))
    site.work()
    assert site.batch().state == "in_doubt"
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    assert site.sends() == 1
    site.check()


# -- row 36: a success whose list differs from the batch ---------------------------------------


@pytest.mark.parametrize("how", ["reordered", "national_numbers"])
def test_list_in_another_order_or_spelling_is_accepted(
    workerless: OpenWorkerless, how: str
) -> None:
    site = workerless()
    site.gateway.fault("corrupt", BULK, how=how)
    site.submit("soldes", people(3))
    site.work()
    assert (site.batch().state, site.messages()) == ("sent", {"sent": 3})
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    site.check()


def test_line_of_a_shuffled_list_counts_for_its_own_number(workerless: OpenWorkerless) -> None:
    everyone = people(40)
    stopped = everyone[::3]
    site = workerless(switches={"reorder_lines": True, "stopped": stopped})
    site.submit("soldes", everyone)
    site.work_to_the_end()
    assert site.messages() == {"delivered": 26, "rejected": 14}
    assert set(site.gateway.texted()) == set(everyone) - set(stopped)
    site.check()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("short_list", "the answer leaves out 2 of 4 numbers"),
        ("long_list", "the answer speaks of numbers that are not in the batch"),
        ("foreign_numbers", "the answer speaks of numbers that are not in the batch"),
        ("duplicates", "the answer speaks twice of one number"),
    ],
)
def test_list_that_differs_from_the_batch_is_settled_by_its_tag(
    workerless: OpenWorkerless, how: str, why: str
) -> None:
    site = workerless()
    site.gateway.fault("corrupt", BULK, how=how)
    site.submit("soldes", people(4))
    site.work()
    assert (site.batch().state, site.batch().why) == ("in_doubt", why)
    known = {"sent": 2, "in_doubt": 2} if how == "short_list" else {"in_doubt": 4}
    assert site.messages() == known
    site.work_to_the_end()
    assert site.messages() == {"delivered": 4}
    assert site.sends() == 1
    site.check()


def test_number_missing_in_the_answer_and_under_the_tag_is_left_to_a_person(
    workerless: OpenWorkerless,
) -> None:
    everyone = people(4)
    # the gateway leaves refused lines out of its answer, and has not taken them
    site = workerless(switches={"failed_lines": "omitted", "stopped": everyone[2:]})
    site.submit("soldes", everyone)
    for _ in range(4):
        site.pass_by(minutes=5)
    assert site.batch().state == "in_doubt"
    assert site.batch().why.startswith("the gateway shows 2 of 4 numbers under its tag")
    assert site.messages() == {"delivered": 2, "in_doubt": 2}
    site.gateway.configure(stopped=[])
    site.dispatcher.resend(site.batch().id, reason="they were on the STOP list by mistake")
    site.work_to_the_end()
    assert site.messages() == {"delivered": 4}
    assert [len(entry.texts) for entry in site.taken()] == [2, 2]
    site.check()


def test_number_missing_in_the_answer_can_be_given_up(workerless: OpenWorkerless) -> None:
    everyone = people(4)
    site = workerless(switches={"failed_lines": "omitted", "stopped": everyone[2:]})
    site.submit("soldes", everyone)
    site.pass_by(minutes=5)
    site.pass_by(minutes=5)
    site.dispatcher.give_up(site.batch().id, reason="they said STOP")
    site.work_to_the_end()
    assert site.messages() == {"delivered": 2, "unreported": 2}
    assert site.sends() == 1
    site.check()
