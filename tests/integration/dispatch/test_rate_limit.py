"""The rate of bulk sends, with and without a Redis to share it."""

from __future__ import annotations

import socket

import pytest

from dispatcher.dispatch.rate_limit import Throttle, _items
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
def test_a_rate_is_kept_over_a_window_and_nearly_within_a_second(
    rate: float, second: tuple[int, int], window: tuple[int, int]
) -> None:
    assert [(item.amount, item.get_expiry()) for item in _items(rate)] == [second, window]


def test_without_a_rate_nothing_waits() -> None:
    throttle = Throttle(None, None)
    assert throttle.unlimited
    assert {throttle.wait() for _ in range(1000)} == {0.0}


def test_without_a_broker_a_process_has_the_whole_rate() -> None:
    throttle = Throttle(4, None)
    assert [throttle.wait() > 0 for _ in range(6)] == [False] * 5 + [True]


def test_processes_share_one_rate() -> None:
    url = redis_url()
    throttles = [Throttle(8, url) for _ in range(4)]
    passed = [throttle.wait() == 0 for _ in range(4) for throttle in throttles]
    assert passed == [True] * 9 + [False] * 7


def test_each_account_has_a_rate_of_its_own() -> None:
    url = redis_url()
    shop, again, news = Throttle(1, url, "shop"), Throttle(1, url, "shop"), Throttle(1, url, "news")
    assert [shop.wait() == 0, again.wait() == 0, shop.wait() == 0] == [True, True, False]
    assert news.wait() == 0


def test_a_rabbitmq_leaves_each_process_a_share_and_nothing_to_complain_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    throttle = Throttle(16, "amqp://127.0.0.1/")
    assert [throttle.wait() > 0 for _ in range(4)] == [False] * 3 + [True]
    assert caplog.text == ""


def test_a_redis_that_does_not_answer_leaves_each_process_a_share() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        throttle = Throttle(16, f"redis://127.0.0.1:{closed.getsockname()[1]}/0")
        # an eighth of it: two a second, three within the first
        assert [throttle.wait() > 0 for _ in range(4)] == [False] * 3 + [True]
