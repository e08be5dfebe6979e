"""Rows 1 to 9 and 11 of the fault matrix: workers killed or stopped.

The pool is of threads, so that a worker is one process: a child of the matrix is killed with it.
Both databases where a transaction is cut; after that the claim is a committed row on either.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.installation import CAPPED, PATIENT, Child, Installation, on_sqlite, people
from tests.waiting import PATIENCE


def caught_in_a_call(site: Installation, worker: Child) -> Child:
    """The worker, in a call of three messages that the gateway took and does not answer."""
    site.gateway.hold(processed=True)
    site.submit("soldes", people(3))
    site.wait_held()
    return worker


def test_worker_killed_before_its_claim_is_committed_has_claimed_nothing(
    standby_site: Installation,
) -> None:  # row 1
    site = standby_site
    lost = site.halting_worker("lost", **CAPPED)
    site.halt_at("before_commit")
    site.submit("soldes", people(3))
    site.wait_halted("before_commit")
    lost.kill()
    site.go_on("before_commit")
    assert (site.batch().state, site.outcomes()) == ("pending", [])
    site.wake_standby()
    assert site.wait_finished("soldes").messages["delivered"] == 3
    assert site.outcomes() == ["sent"]
    site.check()


def test_worker_killed_before_its_first_byte_leaves_a_doubt_to_a_person(
    standby_site: Installation,
) -> None:  # row 2
    site = standby_site
    lost = site.halting_worker("lost")
    site.halt_at("armed")
    site.submit("soldes", people(3))
    site.wait_halted("armed")
    lost.kill()
    site.go_on("armed")
    site.wake_standby()
    site.let_leases_end()
    site.wait_in_doubt()
    assert not site.gateway.texted()
    assert site.batch().why.startswith("the gateway shows nothing under its tag")
    site.dispatcher.resend(site.batch().id, reason="nothing in the gateway's own list")
    assert site.wait_finished("soldes").messages["delivered"] == 3
    assert site.outcomes() == ["resent", "sent"]
    site.check()


# After the claim is committed nothing below depends on the database: SQLite is enough.


@on_sqlite
def test_worker_killed_in_a_call_is_settled_by_its_tag(standby_site: Installation) -> None:  # row 3
    site = standby_site
    lost = caught_in_a_call(site, site.worker("lost"))
    lost.kill()
    site.wake_standby()
    site.let_leases_end()
    assert site.wait_finished("soldes").messages["delivered"] == 3
    assert site.outcomes() == ["sent"]
    site.check()


@on_sqlite
@pytest.mark.parametrize(("point", "state"), [("answered", "sending"), ("recorded", "sent")])
def test_worker_killed_around_its_record_texts_nobody_twice(
    standby_site: Installation, point: str, state: str
) -> None:  # row 4
    site = standby_site
    lost = site.halting_worker("lost")
    site.halt_at(point)
    site.submit("soldes", people(3))
    site.wait_halted(point)
    lost.kill()
    site.go_on(point)
    assert site.batch().state == state
    site.wake_standby()
    site.let_leases_end()
    assert site.wait_finished("soldes").messages["delivered"] == 3
    assert site.outcomes() == ["sent"]
    site.check()


@on_sqlite
def test_worker_that_gets_sigterm_ends_its_call_and_records_it(
    standby_site: Installation,
) -> None:  # row 6
    site = standby_site
    worker = caught_in_a_call(site, site.worker())
    worker.signal(signal.SIGTERM)
    site.wait(lambda: worker.says("Warm shutdown"), "the worker to take the signal")
    assert (worker.alive, site.batch().state) == (True, "sending")
    site.gateway.release()
    assert worker.process.wait(PATIENCE) == 0
    assert (site.batch().state, site.outcomes()) == ("sent", ["sent"])
    site.check()


@on_sqlite
@pytest.mark.parametrize(
    "signals",
    [
        pytest.param([signal.SIGQUIT], id="SIGQUIT"),
        pytest.param([signal.SIGTERM, signal.SIGTERM], id="two-SIGTERM"),
        pytest.param([signal.SIGTERM, signal.SIGKILL], id="container-out-of-patience"),
    ],
)
def test_call_of_a_worker_stopped_at_once_is_settled_by_its_tag(
    standby_site: Installation, signals: list[signal.Signals]
) -> None:  # row 7
    site = standby_site
    worker = caught_in_a_call(site, site.worker("stopped"))
    site.wake_standby()
    for number in signals:
        worker.signal(number)
    site.let_leases_end()
    assert site.wait_finished("soldes").messages["delivered"] == 3
    site.wait(lambda: not worker.alive, "the worker to end")
    assert site.outcomes() == ["sent"]
    site.check()


@on_sqlite
def test_worker_asleep_before_its_first_byte_does_not_send_what_it_armed(
    standby_site: Installation,
) -> None:  # row 8
    site, stale = standby_site, 3.0
    sleeper = site.halting_worker("sleeper", SITE_STALE=str(stale))
    site.halt_at("armed")
    site.submit("soldes", people(3))
    site.wait_halted("armed")
    site.suspend(sleeper)
    asleep_since = time.monotonic()
    site.go_on("armed")
    site.wake_standby()
    site.let_leases_end()
    site.wait_in_doubt()
    site.wait(lambda: time.monotonic() - asleep_since > stale, "the attempt to be stale")
    sleeper.signal(signal.SIGCONT)
    # its own late report that nothing left ends the doubt: the batch is sent again
    assert site.wait_finished("soldes").messages["delivered"] == 3
    assert site.outcomes() == ["not_sent", "sent"]
    site.check()


@on_sqlite
@pytest.mark.parametrize(
    "shown", [pytest.param(True, id="settled-meanwhile"), pytest.param(False, id="in-doubt")]
)
def test_answer_that_a_worker_reads_after_a_long_sleep_counts(
    standby_site: Installation, shown: bool
) -> None:  # row 9
    site = standby_site
    site.gateway.configure(tag_missing=not shown)
    patient = {f"DISPATCHER_{name.upper()}": str(value) for name, value in PATIENT.items()}
    sleeper = caught_in_a_call(site, site.worker("sleeper", **patient))
    site.suspend(sleeper)
    site.gateway.release()
    site.wake_standby()
    site.let_leases_end()
    if shown:
        site.wait_for("done")
    else:
        site.wait_in_doubt()
    sleeper.signal(signal.SIGCONT)
    assert site.wait_finished("soldes").messages["delivered"] == 3
    recorded = f"batch={site.batch().id} attempt=1 outcome=sent"
    site.wait(lambda: sleeper.says(recorded), "the sleeper to record")
    assert site.outcomes() == ["sent"]
    site.check()


@on_sqlite
def test_call_whose_answer_trickles_ends_at_its_deadline_and_its_worker_lives(
    standby_site: Installation,
) -> None:  # row 11: there is no time limit of Celery's to be hit
    site = standby_site
    worker = site.worker("trickled", DISPATCHER_CALL_TIMEOUT="1")
    site.gateway.fault("slow_head", interval=0.1)
    site.submit("soldes", people(3))
    assert site.wait_finished("soldes").messages["delivered"] == 3
    assert worker.says("the call took too long")
    assert worker.alive
    site.check()


def test_five_thousand_are_texted_once_when_both_workers_and_redis_fail(
    tmp_path: Path, database_url: str
) -> None:
    with Installation(tmp_path, database_url, switches={"latency": 0.05}) as site:
        site.beat()
        halting = site.halting_worker("halting", "-c", "2")
        worker = site.worker("worker")
        site.gateway.fault("hang", nth=3, times=None, processed="after")
        site.halt_at("armed")
        site.submit("soldes", people(5000))
        site.wait_halted("armed")
        site.wait_held()
        halting.kill()
        worker.kill()
        with site.redis_client() as redis:
            redis.flushall()
        site.go_on("armed")
        site.gateway.release()  # the gateway takes what it holds, after its workers are gone
        site.let_leases_end()
        site.worker("one")
        site.worker("two")

        def only_the_unsent_are_in_doubt() -> bool:
            batches = site.progress("soldes").batches
            return not (batches["pending"] or batches["sending"] or batches["sent"]) and all(
                doubt.lookups > 0 for doubt in site.dispatcher.doubts()
            )

        site.wait(only_the_unsent_are_in_doubt, "all that can be settled to be settled")
        in_doubt = site.dispatcher.doubts()
        assert in_doubt, "a worker was killed between its claim and its first byte"
        given_up, *resent = in_doubt
        site.dispatcher.give_up(given_up.batch_id, reason="too late for these")
        for doubt in resent:
            site.dispatcher.resend(doubt.batch_id, reason="the gateway's own list has nothing")
        progress = site.wait_finished("soldes")
        assert progress.messages["unreported"] == given_up.messages
        assert progress.messages["delivered"] == 5000 - given_up.messages
        assert set(site.gateway.texted().values()) == {1}
        site.check()
