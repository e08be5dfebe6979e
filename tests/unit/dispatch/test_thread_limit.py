from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dispatcher.dispatch.thread_limit import limit_threads
from tests.waiting import PATIENCE


def test_thread_beyond_the_limit_gets_busy_at_once() -> None:
    inside, over = threading.Barrier(3), threading.Event()

    def step(answer: str) -> str:
        inside.wait(PATIENCE)
        over.wait(PATIENCE)
        return answer

    passing = limit_threads(2, step, busy="busy")
    with ThreadPoolExecutor(2) as threads:
        two = [threads.submit(passing, "done") for _ in range(2)]
        inside.wait(PATIENCE)  # both are in
        assert passing("done") == "busy"
        over.set()
        assert [one.result() for one in two] == ["done", "done"]


def test_step_that_raises_releases_its_place() -> None:
    def step(*, sound: bool) -> bool:
        if not sound:
            raise ValueError
        return sound

    passing = limit_threads(1, step, busy=False)
    with pytest.raises(ValueError):  # noqa: PT011 - its own
        passing(sound=False)
    assert passing(sound=True)
