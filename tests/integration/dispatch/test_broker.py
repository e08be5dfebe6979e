"""What is checked of Redis, and the ticks that wait in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from dispatcher.dispatch import broker
from dispatcher.dispatch.hints import QUEUES, TICK, Hints
from dispatcher.errors import BrokerError, ConfigurationError
from dispatcher.local.redis import EmbeddedRedis

QUEUE = QUEUES[TICK]
_FAILING = """
import workers.tasks
from workers.celery import app

@app.task(name="fails")
def fails():
    raise ValueError("+33639980000 is not a number")

try:
    fails()
except Exception as error:
    import traceback
    print("".join(traceback.format_exception(error)))
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with EmbeddedRedis(tmp_path / "redis") as redis:
        yield str(redis.url)


@pytest.fixture
def redis(url: str) -> Iterator[Redis]:
    with Redis.from_url(url) as client:
        yield client


def run(program: str, url: str, tmp_path: Path) -> str:
    """The output of a program in a process like a worker's."""
    settings = {
        "DISPATCHER_BROKER_URL": url,
        "DISPATCHER_API_KEY": "k" * 40,
        "DISPATCHER_DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_sound_redis_passes_and_nothing_stays_in_it(url: str, redis: Redis) -> None:
    assert broker.check(url, QUEUES.values()).endswith("keeps its keys")
    assert redis.keys() == []


def test_redis_demoted_to_a_replica_fails_the_check(url: str, redis: Redis) -> None:
    redis.replicaof("127.0.0.1", "1")
    with pytest.raises(BrokerError, match="read-only replica"):
        broker.check(url)


def test_full_redis_fails_the_check(url: str, redis: Redis) -> None:
    redis.config_set("maxmemory", "1")
    with pytest.raises(BrokerError, match="takes no value: command not allowed"):
        broker.check(url)


@pytest.mark.parametrize("key", [QUEUE, f"_kombu.binding.{QUEUE}", "unacked"])
def test_key_of_another_type_under_a_queues_name_is_named(url: str, redis: Redis, key: str) -> None:
    redis.set(key, "1")
    with pytest.raises(ConfigurationError, match=f"the key {key} in Redis is a string"):
        broker.check(url, QUEUES.values())


def test_tick_is_not_queued_when_one_waits(url: str, redis: Redis) -> None:
    hints = Hints(url)
    assert hints.tick()
    assert hints.tick()
    assert redis.llen(QUEUE) == 1
    assert Hints("redis://127.0.0.1:1/0").tick() is False


def test_beat_queues_no_tick_when_one_waits(url: str, redis: Redis, tmp_path: Path) -> None:
    program = "from workers.tasks import tick; tick.apply_async(); tick.apply_async()"
    run(program, url, tmp_path)
    assert redis.llen(QUEUE) == 1


def test_starting_worker_trims_the_ticks_that_piled_up(
    url: str, redis: Redis, tmp_path: Path
) -> None:
    redis.rpush(QUEUE, *range(1000))
    run("import workers.tasks; workers.tasks.check()", url, tmp_path)
    assert redis.lrange(QUEUE, 0, -1) == [b"0"]


def test_unforeseen_error_reaches_celery_without_its_words(url: str, tmp_path: Path) -> None:
    told = run(_FAILING, url, tmp_path)
    assert "workers.celery.StepFailed: ValueError in <string>:7" in told
    assert "39980000" not in told
