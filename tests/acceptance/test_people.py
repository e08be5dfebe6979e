"""Rows 47 to 50 of the fault matrix: what people do while it runs, both at once or too late.

By hand against the real gateway process (see ``workerless.py``), on both databases: what decides
here is a row lock on PostgreSQL and the one writer on SQLite. Each point at which a pause can
come is tried on real workers, which are halted there.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dispatcher import Dispatcher, Progress
from dispatcher.errors import DispatcherError, IllegalMove
from tests.acceptance.installation import CAPPED, Installation, people
from tests.acceptance.workerless import OpenWorkerless, Workerless

BULK, BY_TAG = "/v1/bulk-send", "/v1/bulk-status-by-tag"
REASON = "the gateway's own list has nothing"


# -- row 47: pause and cancel against arming ---------------------------------------------------


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_after_a_pause_or_a_cancellation_only_what_was_in_flight_leaves(
    tmp_path: Path, database_url: str, verb: str
) -> None:
    """The call comes at each point of an attempt, whose worker is halted there."""
    with Installation(tmp_path, database_url) as site:
        site.halting_worker("halting", "-c", "1", **CAPPED)
        stop = getattr(site.dispatcher, verb)
        for number, point in enumerate(
            ["before_arm", "before_commit", "armed", "answered", "recorded"]
        ):
            everyone = people(3, 10 * number)
            site.halt_at(point)
            site.submit(point, everyone)
            site.wait_halted(point)
            before = site.gateway.texted().keys() & set(everyone)
            with ThreadPoolExecutor() as person:
                stopping = person.submit(stop, point)
                if point != "before_commit":  # there it waits for the claim, which came first
                    stopping.result()
                site.go_on(point)
                said: Progress = stopping.result()
            site.wait(lambda: _at_rest(site), "the worker to have done what it had begun")
            texted = site.gateway.texted().keys() & set(everyone)
            in_flight = {"before_arm": 0, "before_commit": 1, "armed": 1, "answered": 1}
            if point == "before_arm":
                assert (said.batches["sending"], before, texted) == (0, set(), set())
            elif point == "recorded":
                assert (said.batches["sent"], before) == (1, set(everyone))
            else:
                going = said.batches["sending"] + said.batches["sent"]
                assert going == in_flight[point]
                assert texted == set(everyone)
        assert set(site.gateway.texted().values()) == {1}
        site.check()


def _at_rest(site: Installation) -> bool:
    return site.queued() == 0 and all(batch.state != "sending" for batch in site.batches())


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_no_interleaving_lets_a_request_start_after_the_call_has_returned(
    workerless: OpenWorkerless, database_url: str, verb: str
) -> None:
    """Three lanes reach for a batch while a person stops its campaign, again and again."""
    site = workerless(database_url)
    lanes = [_another(site) for _ in range(3)]
    luck = random.Random(47)
    said: list[Progress] = []
    with ThreadPoolExecutor(len(lanes) + 1) as threads:
        for number in range(40):
            site.submit(str(number), people(2, 2 * number))
            batch = site.batches()[-1].id
            together = threading.Barrier(len(lanes) + 1)
            running = [
                threads.submit(
                    _after, together, _some(luck, 0.004), lane.dispatch.send_batch, batch
                )
                for lane in lanes
            ]
            # every fourth time, it is too late by the gateway's own word
            when = _taken(site) if number % 4 == 3 else _some(luck, 0.02)
            stop = getattr(site.dispatcher, verb)
            said.append(threads.submit(_after, together, when, stop, str(number)).result())
            assert sum(lane.result() for lane in running) <= 1
    texted = site.gateway.texted()
    for number, progress in enumerate(said):
        left = {texted[phone] for phone in people(2, 2 * number)}
        in_flight = progress.batches["sending"] + progress.batches["sent"]
        assert left == {in_flight}, f"round {number}: {in_flight} in flight, texted {left}"
        assert in_flight or number % 4 < 3
    for lane in lanes:
        lane.database.close()
    site.check()


def _after(
    together: threading.Barrier, ready: Callable[[], bool], call: Callable[[Any], Any], what: Any
) -> Any:
    together.wait()
    while not ready():
        pass  # a sleep would be far too coarse
    return call(what)


def _some(luck: random.Random, most: float) -> Callable[[], bool]:
    """Up to ``most`` seconds after it is first asked."""
    wait = luck.uniform(0, most)
    began: list[float] = []

    def over() -> bool:
        began.append(time.perf_counter())
        return began[-1] - began[0] >= wait

    return over


def _taken(site: Workerless) -> Callable[[], bool]:
    """Once the gateway has taken one more batch."""
    ledger = site.gateway.ledger_path
    size = ledger.stat().st_size
    return lambda: ledger.stat().st_size > size


def _another(site: Workerless) -> Dispatcher:
    """What another process would hold: its own connections to everything."""
    return Dispatcher(site.settings, clock=site.clock)


# -- row 48: cancel and doubt ------------------------------------------------------------------


def test_a_doubt_of_a_cancelled_campaign_is_settled_and_reported(
    workerless: OpenWorkerless, database_url: str
) -> None:
    # one doubt is enough to keep the second batch from leaving
    site = workerless(database_url, switches={"tag_missing": True}, doubt_limit=1)
    site.gateway.fault("reset_after_read", BULK)
    site.submit("soldes", people(600))
    site.work()
    assert site.said() == {"in_doubt": 500, "pending": 100}
    cancelled = site.dispatcher.cancel("soldes")
    assert (cancelled.state, cancelled.ended) == ("cancelled", False)
    site.pass_by(seconds=5)
    assert site.said() == {"in_doubt": 500, "cancelled": 100}
    site.gateway.configure(tag_missing=False)
    for _ in range(3):
        site.pass_by(seconds=5)
    assert site.said() == {"delivered": 500, "cancelled": 100}
    assert site.progress("soldes").ended
    assert site.sends() == 1
    site.check()


def test_a_person_cannot_resend_what_is_cancelled_but_can_give_it_up(
    workerless: OpenWorkerless, database_url: str
) -> None:
    site = workerless(database_url)
    site.gateway.fault("status", BULK, status=502, processed=False)
    site.submit("soldes", people(3))
    site.work()
    site.dispatcher.cancel("soldes")
    site.pass_by(seconds=5)
    assert site.batch().why.startswith("the gateway shows nothing under its tag")
    with pytest.raises(IllegalMove, match="cancelled"):
        site.dispatcher.resend(site.batch().id, reason=REASON)
    site.dispatcher.give_up(site.batch().id, reason=REASON)
    assert site.said() == {"unreported": 3}
    assert site.progress("soldes").ended
    site.check()


# -- row 49: the first attempt surfaces after a person has had it sent again -------------------


def test_a_proof_that_comes_after_a_resend_is_an_incident_and_no_third_send(
    workerless: OpenWorkerless, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = workerless(database_url, switches={"tag_lag_seconds": 600})
    site.gateway.fault("reset_after_read", BULK)
    site.submit("soldes", people(3))
    site.work()
    site.pass_by(seconds=5)
    site.dispatcher.resend(site.batch().id, reason=REASON, by="Claire")
    site.work()
    assert (site.sends(), site.dispatcher.incidents()) == (2, [])
    site.pass_by(seconds=700)
    [incident] = site.dispatcher.incidents()
    assert (incident.reference, incident.batch_id) == ("soldes", site.batch().id)
    assert incident.what == "attempt 1 of batch 1 was sent, and so was another: 3 people"
    assert [record.levelno for record in caplog.records if "twice" in record.message] == [
        logging.CRITICAL
    ]
    for _ in range(3):
        site.pass_by(hours=1)
    assert (site.sends(), len(site.dispatcher.incidents())) == (2, 1)
    assert site.outcomes() == ["sent", "sent"]
    [resend] = site.actions("resend")
    assert (resend.actor, resend.reason) == ("Claire", REASON)
    # the one way to text somebody twice is a person's decision, and it is on record
    assert set(site.gateway.texted().values()) == {2}


def test_a_proof_that_comes_before_the_second_attempt_leaves_prevents_it(
    workerless: OpenWorkerless, database_url: str
) -> None:
    site = workerless(database_url, switches={"tag_lag_seconds": 600})
    site.gateway.fault("reset_after_read", BULK)
    site.submit("soldes", people(3))
    site.work()
    site.pass_by(seconds=5)
    site.dispatcher.resend(site.batch().id, reason=REASON)
    site.forward(seconds=700)  # no worker runs
    site.work_to_the_end()
    assert (site.sends(), site.said()) == (1, {"delivered": 3})
    assert site.dispatcher.incidents() == []
    site.check()


# -- row 50: two people, one doubt -------------------------------------------------------------


@pytest.mark.parametrize(
    "verbs", [("resend", "resend"), ("resend", "give_up"), ("give_up", "give_up")], ids="-".join
)
def test_of_two_people_who_decide_at_once_one_does(
    workerless: OpenWorkerless, database_url: str, verbs: tuple[str, str]
) -> None:
    site = workerless(database_url)
    two = [_another(site), _another(site)]
    for dispatcher in two:
        dispatcher.prepare()
    for number in range(5):
        reference = str(number)
        site.gateway.fault("status", BULK, status=502, processed=False)
        site.submit(reference, people(3, 10 * number))
        site.work()
        batch = site.batches()[-1].id
        together = threading.Barrier(2)
        with ThreadPoolExecutor(2) as people_:
            decisions = [
                people_.submit(_decide, together, getattr(dispatcher, verb), batch)
                for dispatcher, verb in zip(two, verbs, strict=True)
            ]
        refused = [found for decision in decisions if (found := decision.result()) is not None]
        assert [type(error) for error in refused] == [IllegalMove]
        site.work_to_the_end(reference)
        once = list(site.said(reference).values())
        assert once == [3]
        attempts = [each for each in site.attempts() if each.batch_id == batch]
        assert len(attempts) == (2 if site.said(reference) == {"delivered": 3} else 1)
    decided = [*site.actions("resend"), *site.actions("give up")]
    assert len(decided) == 5
    for dispatcher in two:
        dispatcher.database.close()
    site.check()


def _decide(
    together: threading.Barrier, decision: Callable[..., None], batch: int
) -> DispatcherError | None:
    together.wait()
    try:
        decision(batch, reason=REASON)
    except DispatcherError as error:
        return error
    return None
