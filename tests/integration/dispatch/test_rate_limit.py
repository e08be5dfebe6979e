"""The rate limit of sends, with and without a Redis to share it."""

from __future__ import annotations

import secrets
import socket

import pytest

from dispatcher.dispatch.rate_limit import RateLimit, _items
from dispatcher.settings.broker_address import BrokerAddress
from tests.servers import redis_url


@pytest.mark.parametrize(
    ("rate", "second", "window"),
    [
        (0.1, (1, 1), (1, 10)),
        (1, (2, 1), (10, 10)),
        (4.9, (6, 1), (49, 10)),
        (20, (22, 1), (200, 10)),
        (0.0001, (1, 1), (1, 3600)),
    ],
)
def test_rate_limits_ten_seconds_and_a_tenth_more_within_one(
    rate: float, second: tuple[int, int], window: tuple[int, int]
) -> None:
    assert [(item.amount, item.get_expiry()) for item in _items(rate)] == [second, window]


@pytest.fixture
def stopped_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """No permit comes back, however long a busy machine takes."""
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)


@pytest.fixture
def name() -> str:
    """An account of this test's own: Redis remembers a slow rate for longer than a test lasts."""
    return secrets.token_hex(4)


def test_no_rate_never_waits() -> None:
    rate_limit = RateLimit(None, None)
    assert {rate_limit.wait() for _ in range(1000)} == {0.0}


@pytest.mark.usefixtures("stopped_time")
def test_no_broker_gives_a_process_the_whole_rate() -> None:
    rate_limit = RateLimit(4, None)
    assert [rate_limit.take() > 0 for _ in range(6)] == [False] * 5 + [True]


def test_processes_with_one_redis_share_one_rate(name: str) -> None:
    address = BrokerAddress(redis_url())
    limits = [RateLimit(1 / 600, address, name) for _ in range(4)]
    passed = [rate_limit.take() == 0 for _ in range(4) for rate_limit in limits]
    assert passed == [True] + [False] * 15


def test_accounts_with_one_redis_do_not_share_a_rate(name: str) -> None:
    address = BrokerAddress(redis_url())
    accounts = (f"{name}-shop", f"{name}-shop", f"{name}-news")
    shop, again, news = (RateLimit(1 / 600, address, account) for account in accounts)
    assert [shop.take() == 0, again.take() == 0] == [True, False]
    assert news.take() == 0


@pytest.mark.usefixtures("stopped_time")
def test_rabbitmq_gives_each_process_a_share_without_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rate_limit = RateLimit(16, BrokerAddress("amqp://127.0.0.1/"))
    assert [rate_limit.take() > 0 for _ in range(4)] == [False] * 3 + [True]
    assert caplog.text == ""


@pytest.mark.usefixtures("stopped_time")
def test_unreachable_redis_gives_each_process_a_share() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        rate_limit = RateLimit(16, BrokerAddress(f"redis://127.0.0.1:{closed.getsockname()[1]}/0"))
        # an eighth of it: two a second, three within the first
        assert [rate_limit.take() > 0 for _ in range(4)] == [False] * 3 + [True]
