"""What happens to the processes: a deck of blows, dealt by a seed."""

from __future__ import annotations

import contextlib
import heapq
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from random import Random

import redis

from tests.chaos.cluster import LEASE, Cluster, Slot
from tests.chaos.databases import Deed, Effect

#: the longest that a worker is stopped (seconds)
LONGEST_STOP = LEASE + 3


class ProcessFaults(threading.Thread):
    """Strikes until told to calm down; it lives on, for servers that die with their starter."""

    def __init__(self, world: Cluster, luck: Random) -> None:
        super().__init__(name="nemesis", daemon=True)
        self.blows: Counter[str] = Counter()
        self.error: Exception | None = None
        self._world = world
        self._luck = luck
        self._calm, self._healed, self._over = (threading.Event() for _ in range(3))
        self._order = count()
        self._wounds: list[tuple[float, int, str, Callable[[], object]]] = []
        self._deck: list[str] = []
        self._deeds: dict[str, tuple[int, Deed]] = {
            "worker killed": (5, self._kill_worker),
            "worker stopped in good order": (1, self._end_worker),
            "worker frozen": (2, lambda luck: self._freeze(world.workers, luck.uniform(0.3, 4))),
            "worker frozen past its lease": (
                2,
                lambda luck: self._freeze(world.workers, luck.uniform(LEASE + 1, LONGEST_STOP)),
            ),
            "beat killed": (2, self._kill_beat),
            "beat frozen": (1, lambda luck: self._freeze(world.beats, luck.uniform(1, 8))),
            "Redis killed": (2, self._kill_redis),
            "Redis flushed": (2, self._flush),
            "Redis's clients cut": (2, self._cut_clients),
            "Redis frozen": (1, self._freeze_redis),
            "gateway frozen": (1, self._freeze_gateway),
            **world.home.deeds(),
        }

    def run(self) -> None:
        try:
            next_at = time.monotonic()
            while not self._calm.is_set():
                self._heal(time.monotonic())
                if time.monotonic() >= next_at:
                    self._strike()
                    next_at = time.monotonic() + min(4, self._luck.expovariate(0.7))
                self._calm.wait(0.05)
            self._heal(float("inf"))
        except Exception as error:  # noqa: BLE001 - told to the main thread
            self.error = error
        self._healed.set()
        self._over.wait()

    def calm_down(self) -> None:
        """Strike no more and undo what lasts; returns when that is done."""
        self._calm.set()
        self._healed.wait()
        if self.error is not None:
            raise self.error

    def leave(self) -> None:
        """End the thread, and with it what it started."""
        self._calm.set()
        self._over.set()

    def _strike(self) -> None:
        """Deal cards until a blow falls."""
        for _ in range(10):
            if not self._deck:
                self._deck = [
                    name for name, (often, _) in self._deeds.items() for _ in range(often)
                ]
                self._luck.shuffle(self._deck)
            name = self._deck.pop()
            place = _place(name)
            # a frozen process may be killed; two things at once to a server are left out
            single = "frozen" in name or place not in ("worker", "beat")
            if single and any(hurt == place for _, _, hurt, _ in self._wounds):
                continue
            effect = self._deeds[name][1](self._luck)
            if effect is None:
                continue
            lasts, heal = effect
            self.blows[name] += 1
            self._world.tell(f"nemesis: {name}" + (f" for {lasts:.1f} s" if lasts else ""))
            if lasts:
                wound = (time.monotonic() + lasts, next(self._order), place, heal)
                heapq.heappush(self._wounds, wound)
            return

    def _heal(self, until: float) -> None:
        while self._wounds and self._wounds[0][0] <= until:
            _, _, place, heal = heapq.heappop(self._wounds)
            heal()
            self._world.tell(f"nemesis: {place} again")

    # -- the blows

    def _victim(self, posts: list[Slot]) -> Slot | None:
        manned = [post for post in posts if post.manned]
        return self._luck.choice(manned) if manned else None

    def _kill_worker(self, _: Random) -> Effect | None:
        return self._signal(self._world.workers, signal.SIGKILL)

    def _end_worker(self, _: Random) -> Effect | None:
        return self._signal(self._world.workers, signal.SIGTERM)

    def _kill_beat(self, _: Random) -> Effect | None:
        return self._signal(self._world.beats, signal.SIGKILL)

    def _signal(self, posts: list[Slot], number: signal.Signals) -> Effect | None:
        post = self._victim(posts)
        if post is None or post.child is None:
            return None
        post.child.signal(number)
        return 0, lambda: None

    def _freeze(self, posts: list[Slot], seconds: float) -> Effect | None:
        post = self._victim(posts)
        if post is None or post.child is None:
            return None
        child = post.child
        child.signal(signal.SIGSTOP)
        return seconds, lambda: child.signal(signal.SIGCONT)

    def _kill_redis(self, luck: Random) -> Effect:
        self._world.redis.kill()
        return luck.uniform(0.2, 4), self._world.redis.start

    def _freeze_redis(self, luck: Random) -> Effect:
        pid = self._world.redis.pid
        os.kill(pid, signal.SIGSTOP)
        return luck.uniform(1, 7), lambda: os.kill(pid, signal.SIGCONT)

    def _freeze_gateway(self, luck: Random) -> Effect:
        self._world.gateway.suspend()
        return luck.uniform(0.5, 3.5), self._world.gateway.resume

    def _flush(self, _: Random) -> Effect | None:
        return self._on_redis(lambda client: client.flushall())

    def _cut_clients(self, _: Random) -> Effect | None:
        return self._on_redis(
            lambda client: [client.client_kill_filter(_type=kind) for kind in ("normal", "pubsub")]
        )

    def _on_redis(self, deed: Callable[[redis.Redis], object]) -> Effect | None:
        with (
            contextlib.suppress(redis.RedisError),
            redis.Redis.from_url(str(self._world.redis.url), socket_timeout=2) as client,
        ):
            deed(client)
            return 0, lambda: None
        return None


def _place(name: str) -> str:
    """What a blow falls on: one thing at a time happens to it."""
    return name.split()[0].removesuffix("'s").lower().replace("postgresql", "database")
