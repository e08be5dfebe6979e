"""The hour of a person on call: real processes break one after another, and ``why`` says which."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from dispatcher.dispatch import broker, hints
from dispatcher.dispatch.queues import SEND
from dispatcher.storage.tables import Campaign, Heartbeat
from tests.acceptance.installation import Installation, people


def let_an_hour_pass(site: Installation) -> None:
    """As if the latest tick, and every submission, were an hour ago."""
    ago = site.dispatcher.clock() - timedelta(hours=1)
    with site.dispatcher.database.write() as session:
        session.execute(update(Campaign).values(created_at=ago))
        session.execute(update(Heartbeat).values(at=ago))


def queued(site: Installation) -> int:
    address = site.dispatcher.settings.broker
    assert address is not None
    return broker.waiting(address, hints.QUEUES[hints.TICK])


def causes(site: Installation) -> dict[str, str]:
    """What the command says of the campaign: name of each cause, and its sentence."""
    found = site.command("why", "soldes", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    return {one["cause"]: one["says"] for one in json.loads(found.stdout)["causes"]}


def test_person_on_call_reads_which_process_is_missing(tmp_path: Path, sqlite_url: str) -> None:
    with Installation(tmp_path, sqlite_url) as site:
        site.submit("soldes", people(3), not_before=site.dispatcher.clock() + timedelta(hours=2))
        let_an_hour_pass(site)
        # submitting has queued a tick, which nobody takes
        assert "no worker answers that takes the queue dispatcher.tick" in causes(site)["workers"]
        for queue in ("elsewhere", hints.QUEUES[SEND]):
            aside = site.worker("aside", "-Q", queue)
            assert "but others: aside@" in causes(site)["workers"]
            aside.stop()

        worker = site.worker()
        site.wait(lambda: queued(site) == 0, "the tick to be taken")
        let_an_hour_pass(site)
        found = causes(site)
        assert "no tick comes to the queue dispatcher.tick" in found["beat"]
        assert "workers" not in found
        beat = site.beat()
        site.wait(lambda: set(causes(site)) == {"window"}, "a beat to tick")

        worker.kill()
        site.wait(site.queued, "a tick to wait")
        beat.kill()
        let_an_hour_pass(site)
        assert "no worker answers" in causes(site)["workers"]
        site.redis.stop()
        assert "nothing listens at" in causes(site)["broker"]
        assert "nothing listens at" in site.command("why").stdout


def test_beat_and_worker_say_in_a_sentence_that_redis_was_demoted(
    tmp_path: Path, sqlite_url: str
) -> None:
    with Installation(tmp_path, sqlite_url) as site:
        worker, beat = site.worker(), site.beat()
        site.wait(site.dispatcher.last_tick, "a tick")
        with site.redis_client() as redis:
            redis.replicaof("127.0.0.1", "1")
        site.wait(lambda: beat.says("no tick queued: "), "the beat to notice")
        site.wait(lambda: worker.says("Redis refuses: "), "the worker to notice")
        for process in (beat, worker):
            assert not process.says("Traceback"), process.log.read_text()
