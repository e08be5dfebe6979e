"""Rows 1 to 9 and 11 of the fault matrix, and the promise itself: workers killed or stopped.

The pool is of threads, so that a worker is one process: what the matrix calls a child is killed
with it. A pool of forked processes, which an operator may choose, has tests of its own.

Both databases where a transaction is cut; after that the claim is a committed row on either.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.acceptance.installation import CAPPED, Child, Installation, people


def test_a_worker_killed_before_it_commits_its_claim_has_claimed_nothing(
    tmp_path: Path, database_url: str
) -> None:  # row 1
    with Installation(tmp_path, database_url) as site:
        lost = site.halting_worker("lost", **CAPPED)
        site.halt_at("before_commit")
        site.submit("soldes", people(3))
        site.wait_halted("before_commit")
        lost.kill()
        site.go_on("before_commit")
        assert (site.batch().state, site.outcomes()) == ("pending", [])
        site.ticks()
        site.worker("another")
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert site.outcomes() == ["sent"]
        site.check()


def test_a_worker_killed_before_its_first_byte_leaves_a_doubt_for_a_person(
    tmp_path: Path, database_url: str
) -> None:  # row 2
    with Installation(tmp_path, database_url) as site:
        site.ticks()
        lost = site.halting_worker("lost")
        site.halt_at("armed")
        site.submit("soldes", people(3))
        site.wait_halted("armed")
        lost.kill()
        site.go_on("armed")
        site.worker("another")
        site.let_leases_end()
        site.wait_in_doubt()
        assert not site.gateway.texted()
        assert site.batch().why.startswith("the gateway shows nothing under its tag")
        site.dispatcher.resend(site.batch().id, reason="nothing in the gateway's own list")
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert site.outcomes() == ["resent", "sent"]
        site.check()


# After the claim is committed nothing below depends on the database: SQLite is enough.


def test_a_worker_killed_in_a_call_is_settled_by_tag(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 3
    with Installation(tmp_path, sqlite_url) as site:
        site.ticks()
        lost = _caught_in_a_call(site, site.worker("lost"))
        lost.kill()
        site.worker("another")
        site.let_leases_end()
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert site.outcomes() == ["sent"]
        site.check()


@pytest.mark.parametrize(("point", "state"), [("answered", "sending"), ("recorded", "sent")])
def test_a_worker_killed_about_its_record_sends_nobody_twice(
    tmp_path: Path, sqlite_url: str, point: str, state: str
) -> None:  # row 4
    with Installation(tmp_path, sqlite_url) as site:
        site.ticks()
        lost = site.halting_worker("lost")
        site.halt_at(point)
        site.submit("soldes", people(3))
        site.wait_halted(point)
        lost.kill()
        site.go_on(point)
        assert site.batch().state == state
        site.worker("another")
        site.let_leases_end()
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert site.outcomes() == ["sent"]
        site.check()


def test_a_forked_child_killed_in_a_call_is_replaced_and_settled(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 3, forked
    with Installation(tmp_path, sqlite_url) as site:
        site.ticks()
        worker = _caught_in_a_call(site, site.worker("forking", "-P", "prefork", "-c", "2"))
        for child in worker.forked:
            child.kill()
        site.let_leases_end()
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert worker.alive
        site.check()


def test_the_children_of_a_killed_worker_die_with_it(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 5
    with Installation(tmp_path, sqlite_url) as site:
        site.ticks()
        lost = _caught_in_a_call(site, site.worker("forking", "-P", "prefork", "-c", "2"))
        children = lost.forked
        lost.kill()
        site.wait(lambda: not any(map(_runs, children)), "the children to die")
        site.worker("another")
        site.let_leases_end()
        assert site.wait_finished("soldes").messages["delivered"] == 3
        site.check()


def test_a_worker_told_to_stop_ends_its_call_and_records_it(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 6
    with Installation(tmp_path, sqlite_url) as site:
        worker = _caught_in_a_call(site, site.worker())
        worker.signal(signal.SIGTERM)
        site.wait(lambda: worker.says("Warm shutdown"), "the worker to take the signal")
        assert (worker.alive, site.batch().state) == (True, "sending")
        site.gateway.release()
        assert worker.process.wait(75) == 0
        assert (site.batch().state, site.outcomes()) == ("sent", ["sent"])
        site.check()


@pytest.mark.parametrize(
    "hurry",
    [
        pytest.param([signal.SIGQUIT], id="SIGQUIT"),
        pytest.param([signal.SIGTERM, signal.SIGTERM], id="two-SIGTERM"),
        pytest.param([signal.SIGTERM, signal.SIGKILL], id="container-out-of-patience"),
    ],
)
def test_a_worker_stopped_in_a_hurry_leaves_its_call_to_be_settled(
    tmp_path: Path, sqlite_url: str, hurry: list[signal.Signals]
) -> None:  # row 7
    with Installation(tmp_path, sqlite_url) as site:
        site.ticks()
        worker = _caught_in_a_call(site, site.worker("hurried"))
        site.worker("another")
        for number in hurry:
            worker.signal(number)
        site.let_leases_end()
        assert site.wait_finished("soldes").messages["delivered"] == 3
        site.wait(lambda: not worker.alive, "the hurried worker to end")
        assert site.outcomes() == ["sent"]
        site.check()


def test_a_worker_asleep_before_its_first_byte_does_not_send_what_it_armed(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 8
    stale = 1.0
    with Installation(tmp_path, sqlite_url) as site:
        sleeper = site.halting_worker("sleeper", SITE_STALE=str(stale))
        site.halt_at("armed")
        site.submit("soldes", people(3))
        site.wait_halted("armed")
        site.suspend(sleeper)
        asleep = time.monotonic()
        site.go_on("armed")
        site.ticks()
        site.worker("another")
        site.let_leases_end()
        site.wait_in_doubt()
        site.wait(lambda: time.monotonic() - asleep > stale, "the nap to be long enough")
        sleeper.signal(signal.SIGCONT)
        # its own late word, that nothing left, ends the doubt: the batch goes again
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert site.outcomes() == ["not_sent", "sent"]
        site.check()


@pytest.mark.parametrize(
    "seen_by_tag", [pytest.param(True, id="settled-meanwhile"), pytest.param(False, id="in-doubt")]
)
def test_an_answer_read_after_a_long_sleep_counts(
    tmp_path: Path,
    sqlite_url: str,
    seen_by_tag: bool,
) -> None:  # row 9
    unseen = {"tag_missing": not seen_by_tag}
    with Installation(tmp_path, sqlite_url, switches=unseen, call_timeout=40, lease=60) as site:
        sleeper = _caught_in_a_call(site, site.worker("sleeper"))
        site.suspend(sleeper)
        site.gateway.release()
        site.ticks()
        site.worker("another")
        site.let_leases_end()
        if seen_by_tag:
            site.wait_for("done")
        else:
            site.wait_in_doubt()
        sleeper.signal(signal.SIGCONT)
        assert site.wait_finished("soldes").messages["delivered"] == 3
        site.wait(lambda: sleeper.says("batch=1 attempt=1 outcome=sent"), "the sleeper to record")
        assert site.outcomes() == ["sent"]
        site.check()


def test_a_call_that_trickles_is_ended_by_its_own_deadline_and_its_worker_lives(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 11: there is no time limit of Celery's to be hit
    with Installation(tmp_path, sqlite_url, call_timeout=1) as site:
        site.ticks()
        worker = site.worker()
        site.gateway.fault("slow_head", interval=0.1)
        site.submit("soldes", people(3))
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert worker.says("the call took too long")
        assert worker.alive
        site.check()


def test_five_thousand_with_both_workers_killed_and_redis_flushed_are_texted_once(
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
        site.gateway.release()  # what was held is taken now, for nobody who could hear of it
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


def _caught_in_a_call(site: Installation, worker: Child) -> Child:
    """The worker, in a call of three messages that the gateway took and does not answer."""
    site.gateway.hold(processed=True)
    site.submit("soldes", people(3))
    site.wait_held()
    return worker


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
