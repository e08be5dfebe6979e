"""RabbitMQ instead of Redis, with a real worker and a real beat.

The server is that of ``TEST_RABBITMQ_URL``, or the one on PATH, started with its own data, name and
ports.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection, Queue

from dispatcher import BrokerError, ConfigurationError
from dispatcher.dispatch import broker
from dispatcher.dispatch.hints import QUEUES
from dispatcher.settings.broker_address import BrokerAddress
from tests.acceptance.installation import Installation, people
from tests.rabbitmq_server import NoRabbitError, RabbitServer


@pytest.fixture(scope="module")
def rabbit() -> Iterator[RabbitServer]:
    """A RabbitMQ that tests may end and start again."""
    try:
        server = RabbitServer()
        server.start()
    except NoRabbitError as error:
        pytest.skip(f"{error}; install rabbitmq-server")
    yield server
    server.remove()


@pytest.fixture(scope="module")
def broker_url(request: pytest.FixtureRequest) -> str:
    """The URL of a RabbitMQ that only these tests use."""
    values = os.environ.get("TEST_RABBITMQ_URL")
    if values:
        return values
    server: RabbitServer = request.getfixturevalue("rabbit")
    return server.url()


def test_campaign_by_rabbitmq_texts_each_person_once(
    tmp_path: Path, database_url: str, broker_url: str
) -> None:
    with Installation(tmp_path, database_url, broker_url=broker_url) as site:
        site.redis.stop()  # nothing may use it
        workers = [site.worker("one"), site.worker("two")]
        beat = site.beat()
        site.submit("soldes", people(1500))
        assert site.wait_finished("soldes").messages["delivered"] == 1500
        assert set(site.gateway.texted().values()) == {1}
        site.submit("relance", people(3, start=2000))
        site.wait_finished("relance")
        doctor = site.command("doctor", "--only", "broker", "--only", "beat")
        assert doctor.returncode == 0, doctor.stdout
        assert "RabbitMQ" in doctor.stdout
        with Connection(broker_url) as connection:
            for queue in set(QUEUES.values()):
                Queue(queue, channel=connection.channel()).queue_declare(passive=True)
        assert [worker.stop() for worker in workers] == [0, 0]
        output = "".join(child.log.read_text() for child in site.children)
        password = broker_url.split("@")[0].rpartition(":")[2]
        for hidden in (password, site.gateway.key, *(phone[3:] for phone in people(5))):
            assert hidden not in output
        assert beat.alive
        site.check()


def test_campaign_submitted_while_rabbitmq_is_down_leaves_when_it_is_back(
    tmp_path: Path, sqlite_url: str, rabbit: RabbitServer
) -> None:
    with Installation(tmp_path, sqlite_url, broker_url=rabbit.url()) as site:
        worker, beat = site.worker(), site.beat()
        site.submit("first", people(3))
        site.wait_finished("first")
        rabbit.kill()
        site.submit("second", people(3, start=100))  # returns while RabbitMQ is down
        result = site.command("doctor", "--only", "broker")
        assert result.returncode == 3
        assert "RabbitMQ does not answer at DISPATCHER_BROKER_URL" in result.stdout
        rabbit.start()
        assert site.wait_finished("second").messages["delivered"] == 3
        assert (worker.alive, beat.alive) == (True, True)
        site.check()


def test_wrong_password_and_wrong_address_are_one_sentence_each(rabbit: RabbitServer) -> None:
    assert broker.check(BrokerAddress(rabbit.url())).startswith("RabbitMQ ")
    for url in (rabbit.url("wrong"), f"{rabbit.url()}nowhere"):
        with pytest.raises(ConfigurationError, match="refuses the user, the password or") as error:
            broker.check(BrokerAddress(url))
        assert "wrong" not in str(error.value)
    with pytest.raises(BrokerError, match="RabbitMQ does not answer"):
        broker.check(BrokerAddress("amqp://somebody:secret@127.0.0.1:9//"))


def test_rabbitmq_without_memory_fails_the_check(rabbit: RabbitServer) -> None:
    assert "RabbitMQ" in broker.check(BrokerAddress(rabbit.url()), QUEUES.values())
    full = RabbitServer(memory="0.000001")
    try:
        full.start()
        with pytest.raises(BrokerError, match="takes no message: look for its memory and disk"):
            broker.check(BrokerAddress(full.url()), QUEUES.values())
    finally:
        full.remove()
