"""A Redis behind Sentinels, and one with TLS: real ones, as every client of ours finds them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dispatcher import Settings
from dispatcher.dispatch import broker
from dispatcher.dispatch.hints import QUEUES, SEND, Hints
from dispatcher.dispatch.rate_limit import RateLimit
from dispatcher.errors import BrokerError, ConfigurationError
from dispatcher.settings.broker_address import BrokerAddress
from tests.sentinel_server import (
    CERTIFICATE,
    MASTER,
    NoSentinelError,
    RedisProcess,
    SentinelServers,
)
from tests.servers import unavailable


def of(**settings: object) -> BrokerAddress:
    address = Settings.of(**settings).broker
    assert address is not None
    return address


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_every_client_follows_the_master_that_sentinels_name(tls: bool) -> None:
    try:
        servers = SentinelServers(tls=tls)
    except NoSentinelError as error:
        unavailable(str(error))
    with servers:
        address = of(**servers.settings)
        rate_limit, hints = RateLimit(100, address), Hints(address)
        assert broker.check(address, QUEUES.values()).endswith("keeps its keys")
        assert hints.send_batch(1)
        assert rate_limit.take() == 0
        assert broker.waiting(address, QUEUES[SEND]) == 1

        servers.master.kill()
        servers.wait(lambda: servers.named() == servers.replica.port, "a failover")

        assert broker.check(address).endswith("keeps its keys")
        assert hints.send_batch(2)
        assert rate_limit.take() == 0
        with servers.client(servers.replica) as new:
            new.select(1)
            assert [key for key in new.keys("LIMITS*") if b"dispatcher" in key]
            assert new.llen(QUEUES[SEND]) in (1, 2)  # a failover may lose the first


def test_each_failure_of_sentinels_is_named() -> None:
    try:
        servers = SentinelServers()
    except NoSentinelError as error:
        unavailable(str(error))
    with servers:
        address = of(**servers.settings)
        for wrong, says in (
            (replace(address, master="mms"), "BROKER_MASTER: Sentinel knows no master 'mms'"),
            (replace(address, sentinel_password=""), "SENTINEL_PASSWORD: wrong or missing"),
        ):
            with pytest.raises(ConfigurationError, match=says):
                broker.check(wrong)
        with pytest.raises(ConfigurationError, match="wrong or missing password"):
            broker.check(replace(address, url=address.url.replace(servers.password, "hunter2")))
        for one in servers.sentinels:
            one.kill()
        with pytest.raises(BrokerError, match="no Sentinel answers at localhost port ") as caught:
            broker.check(address)
        assert servers.password not in str(caught.value)
        assert address.place.endswith(f"/1 (master {MASTER})")
        assert servers.password not in f"{address!r}{address.place}"


@pytest.fixture(scope="module")
def secure() -> Iterator[RedisProcess]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            server = RedisProcess(Path(folder), "server", tls=True)
        except NoSentinelError as error:
            unavailable(str(error))
        yield server.start()
        server.kill()


def test_certificate_of_an_unknown_ca_is_refused_by_every_client(secure: RedisProcess) -> None:
    address = of(broker_url=f"rediss://localhost:{secure.port}/0")
    with pytest.raises(BrokerError, match=r"not valid \(self.signed certificate\): the file of"):
        broker.check(address)
    assert not Hints(address).send_batch(1)
    rate_limit = RateLimit(1 / 600, address)
    assert [rate_limit.take() > 0 for _ in range(2)] == [False, True]  # its own share
    worker = address.celery({})
    assert worker["broker_use_ssl"]["ssl_cert_reqs"].name == "CERT_REQUIRED"


def test_certificate_of_the_set_ca_is_accepted_by_every_client(secure: RedisProcess) -> None:
    url = f"rediss://localhost:{secure.port}"
    for address in (  # each its own database: Celery pools connections by URL, whatever their TLS
        of(broker_url=f"{url}/1", broker_ca=str(CERTIFICATE)),
        of(broker_url=f"{url}/2?ssl_ca_certs={CERTIFICATE}"),
        of(broker_url=f"{url}/3?ssl_cert_reqs=required", broker_ca=str(CERTIFICATE)),
    ):
        assert broker.check(address).endswith("keeps its keys")
        assert Hints(address).send_batch(1)


def test_certificate_of_another_host_is_refused(secure: RedisProcess) -> None:
    address = of(broker_url=f"rediss://127.0.0.1:{secure.port}/0", broker_ca=str(CERTIFICATE))
    with pytest.raises(BrokerError, match="not valid"):
        broker.check(address)
    assert not Hints(address).send_batch(1)
