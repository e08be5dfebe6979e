from __future__ import annotations

import threading
from itertools import count

import pytest

from dispatcher.monitoring.cached import cached


def test_fresh_value_is_not_read_again() -> None:
    reading = cached(3600, count().__next__)
    assert [reading(), reading()] == [0, 0]


def test_expired_value_is_read_again() -> None:
    reading = cached(-1, count().__next__)
    assert [reading(), reading()] == [0, 1]


def test_error_is_not_cached() -> None:
    tries = count()

    def read() -> int:
        if next(tries) == 0:
            raise OSError("down")
        return 1

    reading = cached(3600, read)
    with pytest.raises(OSError, match="down"):
        reading()
    assert reading() == 1


def test_concurrent_calls_read_once() -> None:
    at_once = threading.Barrier(8)
    reads = count()
    reading = cached(3600, reads.__next__)
    got: list[int] = []

    def ask() -> None:
        at_once.wait()
        got.append(reading())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [0] * 8
