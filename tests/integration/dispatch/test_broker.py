"""What is checked of Redis, and the ticks that wait in it."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from kombu import Connection
from redis import Redis

from dispatcher.dispatch import broker
from dispatcher.dispatch.hints import QUEUES, SEND, TICK, Hints
from dispatcher.errors import BrokerError, ConfigurationError
from dispatcher.local.redis import EmbeddedRedis
from dispatcher.settings.broker_address import BrokerAddress
from tests.integration.gateway.rawserver import CERTIFICATE

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
    assert broker.check(BrokerAddress(url), QUEUES.values()).endswith("keeps its keys")
    assert redis.keys() == []


def test_redis_demoted_to_a_replica_fails_the_check(url: str, redis: Redis) -> None:
    redis.replicaof("127.0.0.1", "1")
    with pytest.raises(BrokerError, match="read-only replica"):
        broker.check(BrokerAddress(url))


def test_full_redis_fails_the_check(url: str, redis: Redis) -> None:
    redis.config_set("maxmemory", "1")
    with pytest.raises(BrokerError, match="takes no value: command not allowed"):
        broker.check(BrokerAddress(url))


@pytest.mark.parametrize("key", [QUEUE, f"_kombu.binding.{QUEUE}"])
def test_key_of_another_type_under_a_queues_name_is_named(url: str, redis: Redis, key: str) -> None:
    redis.set(key, "1")
    with pytest.raises(ConfigurationError, match=f"the key {key} in Redis is a string"):
        broker.check(BrokerAddress(url), QUEUES.values())


def test_hint_is_acknowledged_when_redis_is_gone(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "redis") as redis:
        conf = BrokerAddress(str(redis.url)).celery(broker.TRANSPORT_OPTIONS)
        options = conf["broker_transport_options"]
        connection = Connection(conf["broker_url"], transport_options=options)
        queue = connection.SimpleQueue(QUEUE)
        queue.put("a hint")
        hint = queue.get()
        with Redis.from_url(str(redis.url)) as client:
            assert client.keys("unacked*") == []
    hint.ack()
    connection.release()


@contextmanager
def listening(answer: bytes, *, tls: bool = False) -> Iterator[int]:
    """A port where somebody answers each connection so, and ends it."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with suppress(OSError), client:
                    if tls:
                        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                        context.load_cert_chain(CERTIFICATE)
                        context.wrap_socket(client, server_side=True).close()
                    client.recv(100)
                    client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: url.replace("/0", "/99"), "database 99 does not exist there"),
        (lambda url: url.replace("://:", "://:x"), "wrong or missing password"),
        (lambda url: url.replace("://:", "://me:"), "wrong or missing password"),
        (lambda url: "redis://" + url.partition("@")[2], "wrong or missing password"),
    ],
)
def test_wrong_part_of_the_url_is_named(url: str, change: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        broker.check(BrokerAddress(change(url)))
    assert url.split(":")[2].partition("@")[0] not in str(caught.value)


def test_host_or_port_without_a_redis_is_named() -> None:
    for url, says in (
        ("redis://:hunter2@127.0.0.1:1/0", "nothing listens at 127.0.0.1 port 1"),
        ("redis://:hunter2@nobody.invalid/0", "the host nobody.invalid is not known"),
        ("redis+socket:///nowhere/redis.sock", "nothing listens at /nowhere/redis.sock"),
    ):
        with pytest.raises(BrokerError, match=says) as caught:
            broker.check(BrokerAddress(url))
        assert "hunter2" not in str(caught.value)


def test_port_of_another_server_is_named() -> None:
    with (
        listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port,
        pytest.raises(BrokerError, match=f"answers at 127.0.0.1 port {port} is no Redis"),
    ):
        broker.check(BrokerAddress(f"redis://127.0.0.1:{port}/0"))


def test_tls_on_a_plain_port_is_named() -> None:
    with (
        listening(b"-ERR unknown command\r\n") as port,
        pytest.raises(BrokerError, match=f"127.0.0.1 port {port} does not speak TLS: write redis:"),
    ):
        broker.check(BrokerAddress(f"rediss://127.0.0.1:{port}/0"))


def test_plain_url_of_a_port_with_tls_is_named() -> None:
    with (
        listening(b"", tls=True) as port,
        pytest.raises(BrokerError, match="a port with TLS needs rediss:"),
    ):
        broker.check(BrokerAddress(f"redis://127.0.0.1:{port}/0"))


_THEIRS = {
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/7",
    "CELERY_BROKER_READ_URL": "redis://127.0.0.1:1/7",
    "CELERY_BROKER_WRITE_URL": "redis://127.0.0.1:1/7",
    "CELERY_RESULT_BACKEND": "nonsense://",
    "CELERY_LOADER": "nonsense",
    "CELERY_CONFIG_MODULE": "nonsense",
    "CELERY_WORKER_CONCURRENCY": "nonsense",
}


def test_hints_ignore_the_projects_own_celery_variables(
    url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _THEIRS.items():
        monkeypatch.setenv(name, value)
    assert Hints(BrokerAddress(url)).send_batch(1)
    assert redis.llen(QUEUES[SEND]) == 1
    assert os.environ["CELERY_BROKER_URL"] == _THEIRS["CELERY_BROKER_URL"]


def test_workers_ignore_the_projects_own_celery_variables(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _THEIRS.items():
        monkeypatch.setenv(name, value)
    program = (
        "import os; from workers.celery import app; c = app.conf\n"
        "print(app.connection_for_read().port, app.connection_for_write().port)\n"
        "print(c.broker_url == c.broker_read_url == c.broker_write_url, c.result_backend)\n"
        "print([name for name in os.environ if name.startswith('CELERY_')])"
    )
    port = urlsplit(url).port
    assert run(program, url, tmp_path).splitlines() == [f"{port} {port}", "True None", "[]"]


def test_tick_is_not_queued_when_one_waits(url: str, redis: Redis) -> None:
    hints = Hints(BrokerAddress(url))
    assert hints.tick()
    assert hints.tick()
    assert redis.llen(QUEUE) == 1
    assert Hints(BrokerAddress("redis://127.0.0.1:1/0")).tick() is False


_TICK_TWICE = "from workers.tasks import tick; tick.apply_async(); tick.apply_async()"


def beats(redis: Redis) -> list[str | None]:
    """Which beats the ticks that wait are of, the first at the head."""
    waiting = [json.loads(tick) for tick in redis.lrange(QUEUE, 0, -1)]
    return [tick["headers"].get("beat") for tick in waiting][::-1]


def test_beat_queues_no_tick_when_one_of_its_own_waits(
    url: str, redis: Redis, tmp_path: Path
) -> None:
    run(_TICK_TWICE, url, tmp_path)
    assert redis.llen(QUEUE) == 1
    [name] = beats(redis)
    assert re.fullmatch(rf"{re.escape(socket.gethostname())}:\d+", name or "")


def test_beat_queues_its_tick_while_ticks_of_another_and_of_a_hint_wait(
    url: str, redis: Redis, tmp_path: Path
) -> None:
    assert Hints(BrokerAddress(url)).tick()
    run(_TICK_TWICE, url, tmp_path)
    run(_TICK_TWICE, url, tmp_path)
    hint, first, second = beats(redis)
    assert hint == ""
    assert first != second
    assert broker.beats_waiting(BrokerAddress(url), QUEUE) == [second, first]


def test_beat_queues_no_tick_while_ten_wait(url: str, redis: Redis, tmp_path: Path) -> None:
    redis.rpush(QUEUE, *range(9), "{}")
    run(_TICK_TWICE, url, tmp_path)
    assert redis.llen(QUEUE) == 10


def test_tick_of_a_beat_whose_clock_is_behind_is_not_dropped(
    url: str, redis: Redis, tmp_path: Path
) -> None:
    """Workers drop what is over by their clock; beat's schedule says by its own when that is."""
    run("from workers.tasks import tick; tick.apply_async(expires=90)", url, tmp_path)
    queued = json.loads(redis.lrange(QUEUE, 0, -1)[0])
    assert queued["headers"]["expires"] is None
    assert queued["properties"]["expiration"] == "90000"  # RabbitMQ's own, in milliseconds


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
