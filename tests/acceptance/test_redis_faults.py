"""Rows 12 to 21 of the fault matrix: Redis ends, is emptied, hangs or is full; hints are wrong.

Redis does the same whatever the database: SQLite is enough.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from dispatcher.dispatch.hints import QUEUES, SEND
from dispatcher.monitoring.doctor import examine
from tests.acceptance.installation import PATIENT, Child, Installation, people
from tests.waiting import PATIENCE


def _killed(site: Installation) -> None:
    site.redis.kill()
    [worker] = site.children
    site.wait(lambda: worker.says("Cannot connect"), "the worker to notice")
    site.redis.start()


def _restarted(site: Installation) -> None:
    site.redis.stop()
    site.redis.start()


def _cut_off(site: Installation) -> None:
    with site.redis_client() as redis:
        for kind in ("normal", "pubsub"):
            redis.client_kill_filter(_type=kind, skipme=True)


def _flushed(site: Installation) -> None:
    with site.redis_client() as redis:
        redis.flushall()


@pytest.mark.parametrize(
    ("fault", "keeps_hints"),
    [
        pytest.param(_killed, False, id="row-12-killed"),
        pytest.param(_restarted, False, id="row-13-restarted"),
        pytest.param(_cut_off, True, id="row-16-clients-cut-off"),
        pytest.param(_flushed, False, id="row-17-flushed"),
    ],
)
def test_busy_worker_goes_on_after_redis_failed(
    tmp_path: Path,
    sqlite_url: str,
    fault: Callable[[Installation], None],
    keeps_hints: bool,
) -> None:
    with Installation(tmp_path, sqlite_url, **PATIENT) as site:
        worker = _busy_worker_and_queue(site)
        fault(site)
        assert keeps_hints or site.queued() < 3
        beat = site.beat()
        site.gateway.release()
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert worker.alive
        assert beat.alive
        assert site.outcomes() == ["sent"]
        site.check()


def test_idle_worker_goes_on_after_redis_restarted(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 13, idle
    with Installation(tmp_path, sqlite_url) as site:
        worker = site.worker()
        _restarted(site)
        site.beat()
        site.submit("soldes", people(3))
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert worker.alive
        site.check()


def test_without_redis_campaigns_are_accepted_and_a_command_sends_them(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 14; ten minutes differ from ten seconds only in Celery's waits between tries
    with Installation(tmp_path, sqlite_url) as site:
        worker, beat = site.worker(), site.beat()
        site.redis.stop()
        site.submit("soldes", people(3))
        assert len(site.dispatcher.tick().send) == 1
        assert site.batch().state == "pending"
        broker = {look.name: look for look in examine(site.dispatcher)}["broker"]
        assert (broker.ok, broker.remedy[:8]) == (False, "start it")
        assert site.command("tick", "--inline").returncode == 0
        assert site.outcomes() == ["sent"]
        site.redis.start()
        site.submit("later", people(3, 3))
        for reference in ("soldes", "later"):
            assert site.wait_finished(reference).messages["delivered"] == 3
        assert worker.alive
        assert beat.alive
        site.check()


def test_redis_that_hangs_blocks_no_caller_for_long(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 15
    with Installation(tmp_path, sqlite_url) as site:
        site.submit("before", people(2500))  # five batches, so five hints
        os.kill(site.redis.pid, signal.SIGSTOP)
        try:
            waiting = [
                threading.Thread(target=call, daemon=True)
                for call in (lambda: site.submit("soldes", people(3, 5000)), site.dispatcher.tick)
            ]
            for thread in waiting:
                thread.start()
            for thread in waiting:
                thread.join(PATIENCE)
                assert not thread.is_alive(), "it waits for a Redis that hangs"
        finally:
            os.kill(site.redis.pid, signal.SIGCONT)
        worker = site.worker()
        site.ticks()
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert worker.alive
        site.wait_finished("before")
        site.check()


def test_full_redis_refuses_hints_and_loses_no_campaign(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 18
    with Installation(tmp_path, sqlite_url) as site, site.redis_client() as redis:
        worker, beat = site.worker(), site.beat()
        redis.config_set("maxmemory", 1)
        site.submit("soldes", people(3))
        site.wait(lambda: beat.says("used memory > 'maxmemory'"), "the beat to be refused")
        assert site.batch().state == "pending"
        redis.config_set("maxmemory", 0)
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert worker.alive
        assert beat.alive
        site.check()


def test_redis_without_disk_ends_workers_and_loses_no_campaign(
    tmp_path: Path, sqlite_url: str
) -> None:
    """Row 42, Redis: after a failed snapshot it refuses every write, and Celery writes when it
    reads a task. The worker ends; a supervisor starts the next one until there is room."""
    with Installation(tmp_path, sqlite_url) as site, site.redis_client() as redis:
        worker, beat = site.worker(), site.beat()
        shutil.rmtree(psutil.Process(site.redis.pid).cwd())
        redis.config_set("save", "3600 1")
        redis.bgsave()
        site.wait(lambda: not worker.alive, "the worker to be refused")
        site.submit("soldes", people(3))
        redis.config_set("save", "")
        site.worker("next")
        assert site.wait_finished("soldes").messages["delivered"] == 3
        assert beat.alive
        site.check()


def test_worker_refuses_a_redis_that_evicts(tmp_path: Path, sqlite_url: str) -> None:  # row 19
    with Installation(tmp_path, sqlite_url) as site:
        with site.redis_client() as redis:
            redis.config_set("maxmemory-policy", "allkeys-lru")
        worker = site.start("worker", "celery", "-A", "workers", "worker")
        site.wait(lambda: not worker.alive, "the worker to refuse")
        assert worker.process.returncode != 0
        assert worker.says("error: DISPATCHER_BROKER_URL: Redis evicts keys")


def test_repeated_and_late_hints_send_once(tmp_path: Path, sqlite_url: str) -> None:  # row 20
    with Installation(tmp_path, sqlite_url) as site:
        site.submit("soldes", people(1500))
        batches = [batch.id for batch in site.batches()]
        for batch_id in random.Random(20).choices(batches, k=100):
            site.dispatcher._hints.send_batch(batch_id)
        _late(site, batches[0])
        workers = [site.worker("one"), site.worker("two")]
        site.ticks()
        assert site.wait_finished("soldes").messages["delivered"] == 1500
        site.wait(lambda: site.queued() == 0, "every hint to be taken")
        assert site.outcomes() == ["sent"] * 3
        site.wait(
            lambda: any(worker.says("Discarding revoked task") for worker in workers),
            "the late hint to be dropped",
        )
        site.check()


def test_forged_hints_are_ignored(tmp_path: Path, sqlite_url: str) -> None:  # row 21
    forged: list[object] = [
        987_654_321, 2**200, -1, True, None, "1", "1; DROP TABLE batch", [1], {"id": 1}, 1.0,
        "x" * 1_000_000,
    ]  # fmt: skip
    with Installation(tmp_path, sqlite_url) as site:
        worker = site.worker()
        app = site.dispatcher._hints._app
        assert app is not None
        for value in forged:
            app.send_task(SEND, [value], queue=QUEUES[SEND])
        app.send_task(SEND, [], queue=QUEUES[SEND])
        app.send_task("os.system", ["id"], queue=QUEUES[SEND])
        _pickled(site)
        site.ticks()
        site.submit("soldes", people(3))
        assert site.wait_finished("soldes").messages["delivered"] == 3
        site.wait(lambda: site.queued() == 0, "every hint to be taken")
        assert worker.alive
        assert not (tmp_path / "pickled").exists()
        assert site.outcomes() == ["sent"]
        site.check()


def test_invalid_celery_message_ends_one_worker_and_nothing_else(
    tmp_path: Path, sqlite_url: str
) -> None:
    """Kombu raises. The message has left the queue by then: the next worker, which a supervisor
    starts, does not read it again."""
    with Installation(tmp_path, sqlite_url) as site, site.redis_client() as redis:
        worker = site.worker()
        redis.lpush(QUEUES[SEND], b"\x80\x04garbage")
        site.wait(lambda: not worker.alive, "the worker to end")
        assert site.queued() == 0
        site.worker("next")
        site.ticks()
        site.submit("soldes", people(3))
        assert site.wait_finished("soldes").messages["delivered"] == 3
        site.check()


def _busy_worker_and_queue(site: Installation) -> Child:
    """A worker with one thread, which is in a call, and three hints in the queue."""
    worker = site.worker("busy", "-c", "1")
    site.gateway.hold(processed=True)
    site.submit("soldes", people(3))
    site.wait_held()
    for _ in range(3):
        assert site.dispatcher._hints.send_batch(site.batch().id)
    return worker


def _late(site: Installation, batch_id: int) -> None:
    """Publish a hint that expired an hour ago."""
    app = site.dispatcher._hints._app
    assert app is not None
    app.send_task(
        SEND, [batch_id], queue=QUEUES[SEND], expires=datetime.now(UTC) - timedelta(hours=1)
    )


class _Touch:
    """An object whose pickle runs a command that creates a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self._path}",)


def _pickled(site: Installation) -> None:
    """Queue a well-formed message whose body is a pickle that runs a command."""
    body = pickle.dumps(_Touch(site.directory / "pickled"))
    message = {
        "body": body.hex(),
        "content-type": "application/x-python-serialize",
        "content-encoding": "binary",
        "headers": {"task": SEND, "id": "1"},
        "properties": {
            "correlation_id": "1",
            "delivery_info": {"exchange": "", "routing_key": QUEUES[SEND]},
            "delivery_tag": "1",
            "body_encoding": None,
            "delivery_mode": 2,
            "priority": 0,
        },
    }
    with site.redis_client() as redis:
        redis.lpush(QUEUES[SEND], json.dumps(message))
