"""Rows 47 to 50 of the fault matrix: what people do while campaigns run, at once or too late.

Without workers (see ``workerless.py``), on both databases: a row lock decides on PostgreSQL and the
one writer on SQLite. A pause at each point of an attempt is tried on a real worker, halted there.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dispatcher import Dispatcher, Progress
from dispatcher.errors import DispatcherError, IllegalMove
from tests.acceptance.installation import CAPPED, PATIENT, Installation, people
from tests.acceptance.workerless import OpenWorkerless, Workerless

BULK, BY_TAG = "/v1/bulk-send", "/v1/bulk-status-by-tag"
REASON = "the gateway's own list has nothing"


# -- row 47: pause and cancel against arming ---------------------------------------------------


@pytest.fixture(scope="module")
def crew(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A site that ticks, with a worker that halts at breakpoints."""
    with Installation(tmp_path_factory.mktemp("crew"), module_database_url, **PATIENT) as site:
        site.halting_worker("halting", "-c", "1", **CAPPED, SITE_STALE=str(PATIENT["lease"]))
        site.ticks()
        yield site


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_stopped_campaign_sends_only_what_was_in_flight(crew: Installation, verb: str) -> None:
    """The call comes at each point of an attempt, whose worker is halted there."""
    with crew.lent() as site:
        stop = getattr(site.dispatcher, verb)
        for number, point in enumerate(
            ["before_arm", "before_commit", "armed", "answered", "recorded"]
        ):
            phones = people(3, 10 * number)
            site.halt_at(point)
            site.submit(point, phones)
            site.wait_halted(point)
            before = site.gateway.texted().keys() & set(phones)
            with ThreadPoolExecutor() as person:
                stopping = person.submit(stop, point)
                if point != "before_commit":  # there it waits for the claim, which came first
                    stopping.result()
                # until this attempt has ended, it could halt where the next one should
                site.halt_at("ended")
                site.go_on(point)
                progress: Progress = stopping.result()
            site.wait_halted("ended")
            site.go_on("ended")
            texted = site.gateway.texted().keys() & set(phones)
            in_flight = {"before_arm": 0, "before_commit": 1, "armed": 1, "answered": 1}
            # what left may have had its reports by the time that the progress is read
            gone = progress.batches["sent"] + progress.batches["done"]
            if point == "before_arm":
                assert (progress.batches["sending"], before, texted) == (0, set(), set())
            elif point == "recorded":
                assert (gone, before) == (1, set(phones))
            else:
                assert progress.batches["sending"] + gone == in_flight[point]
                assert texted == set(phones)
        assert set(site.gateway.texted().values()) == {1}
        site.check()


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_no_request_starts_after_pause_or_cancel_has_returned(
    workerless: OpenWorkerless, database_url: str, verb: str
) -> None:
    """Three processes try to send a batch while a person stops its campaign, forty times."""
    site = workerless(database_url)
    senders = [_another(site) for _ in range(3)]
    luck = random.Random(47)
    stopped: list[Progress] = []
    with ThreadPoolExecutor(len(senders) + 1) as threads:
        for number in range(40):
            site.submit(str(number), people(2, 2 * number))
            batch = site.batches()[-1].id
            together = threading.Barrier(len(senders) + 1)
            running = [
                threads.submit(_after, together, _some(luck, 0.004), sender.steps.send_batch, batch)
                for sender in senders
            ]
            # every fourth time the stop comes after the gateway has taken the batch
            when = _taken(site) if number % 4 == 3 else _some(luck, 0.02)
            stop = getattr(site.dispatcher, verb)
            stopped.append(threads.submit(_after, together, when, stop, str(number)).result())
            assert sum(sender.result() for sender in running) <= 1
    texted = site.gateway.texted()
    for number, progress in enumerate(stopped):
        left = {texted[phone] for phone in people(2, 2 * number)}
        in_flight = progress.batches["sending"] + progress.batches["sent"]
        assert left == {in_flight}, f"round {number}: {in_flight} in flight, texted {left}"
        assert in_flight or number % 4 < 3
    for sender in senders:
        sender.database.close()
    site.check()


def _after(
    together: threading.Barrier, ready: Callable[[], bool], call: Callable[[Any], Any], what: Any
) -> Any:
    together.wait()
    while not ready():
        pass  # a sleep would be too coarse for this race
    return call(what)


def _some(luck: random.Random, most: float) -> Callable[[], bool]:
    """True from a random moment on, at most ``most`` seconds after the first call."""
    wait = luck.uniform(0, most)
    began: list[float] = []

    def over() -> bool:
        began.append(time.perf_counter())
        return began[-1] - began[0] >= wait

    return over


def _taken(site: Workerless) -> Callable[[], bool]:
    """True once the gateway has taken one more batch."""
    ledger = site.gateway.ledger_path
    size = ledger.stat().st_size
    return lambda: ledger.stat().st_size > size


def _another(site: Workerless) -> Dispatcher:
    """The dispatcher of another process, with its own connections."""
    return Dispatcher(site.settings, clock=site.clock)


# -- row 48: cancel and doubt ------------------------------------------------------------------


def test_batch_in_doubt_of_a_cancelled_campaign_is_settled_and_reported(
    workerless: OpenWorkerless, database_url: str
) -> None:
    # with this limit one doubt blocks the second batch
    site = workerless(database_url, switches={"tag_missing": True}, doubt_limit=1)
    site.gateway.fault("reset_after_read", BULK)
    site.submit("soldes", people(600))
    site.work()
    assert site.messages() == {"in_doubt": 500, "pending": 100}
    cancelled = site.dispatcher.cancel("soldes")
    assert (cancelled.state, cancelled.ended) == ("cancelled", False)
    site.pass_by(seconds=5)
    assert site.messages() == {"in_doubt": 500, "cancelled": 100}
    site.gateway.configure(tag_missing=False)
    for _ in range(3):
        site.pass_by(seconds=5)
    assert site.messages() == {"delivered": 500, "cancelled": 100}
    assert site.progress("soldes").ended
    assert site.sends() == 1
    site.check()


def test_batch_in_doubt_of_a_cancelled_campaign_can_be_given_up_but_not_resent(
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
    assert site.messages() == {"unreported": 3}
    assert site.progress("soldes").ended
    site.check()


# -- row 49: the first attempt shows at the gateway after a person has resent the batch --------


def test_first_attempt_that_shows_after_a_resend_is_an_incident_and_no_third_send(
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
    # only a person's decision can text somebody twice, and it is on record
    assert set(site.gateway.texted().values()) == {2}


def test_first_attempt_that_shows_before_the_second_leaves_prevents_it(
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
    assert (site.sends(), site.messages()) == (1, {"delivered": 3})
    assert site.dispatcher.incidents() == []
    site.check()


# -- row 50: two people decide on one batch in doubt -------------------------------------------


@pytest.mark.parametrize(
    "verbs", [("resend", "resend"), ("resend", "give_up"), ("give_up", "give_up")], ids="-".join
)
def test_only_one_of_two_simultaneous_decisions_succeeds(
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
        once = list(site.messages(reference).values())
        assert once == [3]
        attempts = [each for each in site.attempts() if each.batch_id == batch]
        assert len(attempts) == (2 if site.messages(reference) == {"delivered": 3} else 1)
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
