"""One text for a whole batch, by ``/send``: under the same faults nobody is texted twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.installation import Installation, people
from tests.acceptance.test_gateway_faults import EITHER, IMPATIENT, NOT_TAKEN, TAKEN
from tests.acceptance.workerless import OpenWorkerless, Workerless

SEND, BULK = "/v1/send", "/v1/bulk-send"
SINGLE = {**IMPATIENT, "single_send": True}


def calls(site: Workerless, path: str) -> int:
    return len(site.requests(path))


def test_a_batch_of_one_text_is_one_short_request(workerless: OpenWorkerless) -> None:
    site = workerless(single_send=True)
    site.submit("soldes", people(1200))
    site.work_to_the_end()
    assert site.said() == {"delivered": 1200}
    assert (calls(site, SEND), calls(site, BULK)) == (3, 0)
    assert site.progress("soldes").cost > 0
    site.check()


def test_a_batch_of_many_texts_goes_as_before(workerless: OpenWorkerless) -> None:
    site = workerless(single_send=True)
    rows = [{"phone": phone, "nom": f"N{at}"} for at, phone in enumerate(people(3))]
    site.dispatcher.submit("soldes", "Bonjour {{ nom }}", rows)
    site.work_to_the_end()
    assert (calls(site, SEND), calls(site, BULK)) == (0, 1)
    site.check()


@pytest.mark.parametrize(("fault", "why"), [*EITHER, *TAKEN])
def test_what_was_taken_is_settled_by_its_tag(
    workerless: OpenWorkerless, fault: dict[str, Any], why: str
) -> None:
    site = workerless(**SINGLE)
    site.gateway.fault(path=SEND, **fault)
    site.submit("soldes", people(3))
    site.work()
    assert site.batch().state == "in_doubt"
    assert re.search(why, site.batch().why)
    site.work_to_the_end()
    assert site.said() == {"delivered": 3}
    assert (calls(site, SEND), calls(site, BULK)) == (1, 0)
    site.check()


@pytest.mark.parametrize(("fault", "why"), [*EITHER, *NOT_TAKEN])
def test_what_was_not_taken_is_never_sent_again_but_by_a_person(
    workerless: OpenWorkerless, fault: dict[str, Any], why: str
) -> None:
    site = workerless(**SINGLE)
    site.gateway.fault(path=SEND, **fault, processed=False)
    site.submit("soldes", people(3))
    site.work()
    assert re.search(why, site.batch().why)
    site.gateway.release()
    for hours in (0.001, 1, 23, 24):
        site.pass_by(hours=hours)
        assert site.batch().state == "in_doubt"
    assert (calls(site, SEND), site.taken()) == (1, [])
    site.dispatcher.resend(site.batch().id, reason="their own list has nothing")
    site.work_to_the_end()
    assert site.said() == {"delivered": 3}
    site.check()


@pytest.mark.parametrize("taken", [True, False])
def test_a_rate_limit_is_looked_up_before_anything_is_sent_again(
    workerless: OpenWorkerless, *, taken: bool
) -> None:
    site = workerless(single_send=True)
    site.gateway.fault("status", SEND, status=429, processed=taken)
    site.submit("soldes", people(3))
    site.work()
    assert site.batch().state == "pending"
    site.work_to_the_end()
    assert site.said() == {"delivered": 3}
    assert calls(site, SEND) + calls(site, BULK) == (1 if taken else 2)
    site.check()


@pytest.mark.parametrize("failed_lines", ["listed", "omitted"])
def test_who_is_refused_among_many_is_told_apart_by_the_tag(
    workerless: OpenWorkerless, failed_lines: str
) -> None:
    """The answer is a success: whether it names the number on the STOP list is not documented."""
    numbers = people(4)
    site = workerless(single_send=True, switches={"failed_lines": failed_lines})
    site.dispatcher.dispatch.sync_opt_outs()  # read before somebody says STOP
    site.gateway.configure(stopped=numbers[:1])
    site.submit("soldes", numbers)
    site.work()
    assert site.batch().state == "in_doubt"
    site.pass_by(minutes=5)
    said = site.said()
    assert said.get("sent", 0) + said.get("delivered", 0) == 3
    assert (calls(site, SEND), calls(site, BULK)) == (1, 0)
    assert sorted(site.gateway.texted()) == numbers[1:]
    if failed_lines == "listed":
        assert said["rejected"] == 1
    else:  # nobody guesses about the one that no answer speaks of
        assert said["in_doubt"] == 1


@pytest.mark.parametrize("taken", [True, False])
def test_a_refusal_because_of_some_number_is_asked_again_for_each(
    workerless: OpenWorkerless, *, taken: bool
) -> None:
    site = workerless(single_send=True)
    site.gateway.fault("code", SEND, code=14, processed=taken)
    site.submit("soldes", people(3))
    site.work()
    assert site.batch().state == "pending"
    site.work_to_the_end()
    assert site.said() == {"delivered": 3}
    assert (calls(site, SEND), calls(site, BULK)) == ((1, 0) if taken else (1, 1))
    site.check()


def test_real_workers_killed_on_the_way_text_nobody_twice(tmp_path: Path, sqlite_url: str) -> None:
    with Installation(tmp_path, sqlite_url, single_send=True) as site:
        site.gateway.hold(SEND)
        first = site.worker("first")
        site.ticks()
        site.submit("soldes", people(1500))
        site.wait_held()
        first.kill()
        site.gateway.clear_faults()
        site.gateway.release()
        site.let_leases_end()
        site.worker("second")
        progress = site.wait_finished("soldes")
        assert progress.messages["delivered"] == 1500
        site.check()
