"""The faults of processes, Redis and database: drawn at random by a seed and injected."""

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
from tests.chaos.databases import Effect, Injection
from tests.chaos.gateway_faults import LATE_TAG_LAG, TAG_LAG

#: the longest time for which a worker is frozen (seconds)
LONGEST_FREEZE = LEASE + 3


class ProcessFaults(threading.Thread):
    """Injects faults until ``calm_down``, and lives until ``leave``.

    Servers that it has started die with their starter, so that it has to outlive them.
    """

    def __init__(self, cluster: Cluster, rng: Random) -> None:
        super().__init__(name="faults", daemon=True)
        self.injected: Counter[str] = Counter()
        self.error: Exception | None = None
        self._cluster = cluster
        self._random = rng
        self._calm, self._undone, self._over = (threading.Event() for _ in range(3))
        self._order = count()
        self._active: list[tuple[float, int, str, Callable[[], object]]] = []
        self._deck: list[str] = []
        self._faults: dict[str, tuple[int, Injection]] = {
            "worker killed": (5, self._kill_worker),
            "worker stopped in good order": (1, self._end_worker),
            "worker frozen": (2, lambda rng: self._freeze(cluster.workers, rng.uniform(0.3, 4))),
            "worker frozen past its lease": (
                2,
                lambda rng: self._freeze(cluster.workers, rng.uniform(LEASE + 1, LONGEST_FREEZE)),
            ),
            "beat killed": (2, self._kill_beat),
            "beat frozen": (1, lambda rng: self._freeze(cluster.beats, rng.uniform(1, 8))),
            "Redis killed": (2, self._kill_redis),
            "Redis flushed": (2, self._flush),
            "Redis's clients cut": (2, self._cut_clients),
            "Redis frozen": (1, self._freeze_redis),
            "Redis demoted to a replica": (2, self._demote_redis),
            "gateway frozen": (1, self._freeze_gateway),
            "gateway acknowledges whatever it is asked": (
                1,
                lambda rng: self._switch(rng.uniform(1, 4), generic_acknowledgement=(True, False)),
            ),
            "gateway ignores tags": (
                2,
                lambda rng: self._switch(rng.uniform(2, 6), tag_ignored=(True, False)),
            ),
            "gateway shows tags late": (
                2,
                lambda rng: self._switch(
                    rng.uniform(4, 10), tag_lag_seconds=(LATE_TAG_LAG, TAG_LAG)
                ),
            ),
            **cluster.database.faults(),
        }

    def run(self) -> None:
        try:
            next_at = time.monotonic()
            while not self._calm.is_set():
                self._undo(time.monotonic())
                if time.monotonic() >= next_at:
                    self._inject()
                    next_at = time.monotonic() + min(4, self._random.expovariate(0.7))
                self._calm.wait(0.05)
            self._undo(float("inf"))
        except Exception as error:  # noqa: BLE001 - raised in the main thread
            self.error = error
        self._undone.set()
        self._over.wait()

    def calm_down(self) -> None:
        """Inject no more and undo every fault that lasts; returns when that is done."""
        self._calm.set()
        self._undone.wait()
        if self.error is not None:
            raise self.error

    def leave(self) -> None:
        """End the thread, and the servers that it has started."""
        self._calm.set()
        self._over.set()

    def _inject(self) -> None:
        """Draw until a fault could be injected, ten times at most."""
        for _ in range(10):
            if not self._deck:
                self._deck = [
                    name for name, (often, _) in self._faults.items() for _ in range(often)
                ]
                self._random.shuffle(self._deck)
            name = self._deck.pop()
            target = _target(name)
            # a frozen process may be killed; a server gets one fault at a time
            single = "frozen" in name or target not in ("worker", "beat")
            if single and any(hit == target for _, _, hit, _ in self._active):
                continue
            effect = self._faults[name][1](self._random)
            if effect is None:
                continue
            lasts, undo = effect
            self.injected[name] += 1
            self._cluster.note(f"fault: {name}" + (f" for {lasts:.1f} s" if lasts else ""))
            if lasts:
                active = (time.monotonic() + lasts, next(self._order), target, undo)
                heapq.heappush(self._active, active)
            return

    def _undo(self, until: float) -> None:
        while self._active and self._active[0][0] <= until:
            _, _, target, undo = heapq.heappop(self._active)
            undo()
            self._cluster.note(f"fault: {target} restored")

    # -- the faults

    def _victim(self, slots: list[Slot]) -> Slot | None:
        alive = [slot for slot in slots if slot.alive]
        return self._random.choice(alive) if alive else None

    def _kill_worker(self, _: Random) -> Effect | None:
        return self._signal(self._cluster.workers, signal.SIGKILL)

    def _end_worker(self, _: Random) -> Effect | None:
        return self._signal(self._cluster.workers, signal.SIGTERM)

    def _kill_beat(self, _: Random) -> Effect | None:
        return self._signal(self._cluster.beats, signal.SIGKILL)

    def _signal(self, slots: list[Slot], number: signal.Signals) -> Effect | None:
        slot = self._victim(slots)
        if slot is None or slot.child is None:
            return None
        slot.child.signal(number)
        return 0, lambda: None

    def _freeze(self, slots: list[Slot], seconds: float) -> Effect | None:
        slot = self._victim(slots)
        if slot is None or slot.child is None:
            return None
        child = slot.child
        child.signal(signal.SIGSTOP)
        return seconds, lambda: child.signal(signal.SIGCONT)

    def _kill_redis(self, rng: Random) -> Effect:
        self._cluster.redis.kill()
        return rng.uniform(0.2, 4), self._cluster.redis.start

    def _freeze_redis(self, rng: Random) -> Effect:
        pid = self._cluster.redis.pid
        os.kill(pid, signal.SIGSTOP)
        return rng.uniform(1, 7), lambda: os.kill(pid, signal.SIGCONT)

    def _freeze_gateway(self, rng: Random) -> Effect:
        self._cluster.gateway.suspend()
        return rng.uniform(0.5, 3.5), self._cluster.gateway.resume

    def _demote_redis(self, rng: Random) -> Effect | None:
        if self._on_redis(lambda client: client.replicaof("127.0.0.1", "1")) is None:
            return None
        return rng.uniform(1, 5), lambda: self._on_redis(
            lambda client: client.replicaof("NO", "ONE")
        )

    def _switch(self, seconds: float, **switches: tuple[object, object]) -> Effect:
        """Set switches of the gateway, each to its first value, and later to its second."""
        gateway = self._cluster.gateway
        gateway.configure(**{name: during for name, (during, _) in switches.items()})
        after = {name: value for name, (_, value) in switches.items()}
        return seconds, lambda: gateway.configure(**after)

    def _flush(self, _: Random) -> Effect | None:
        return self._on_redis(lambda client: client.flushall())

    def _cut_clients(self, _: Random) -> Effect | None:
        return self._on_redis(
            lambda client: [client.client_kill_filter(_type=kind) for kind in ("normal", "pubsub")]
        )

    def _on_redis(self, call: Callable[[redis.Redis], object]) -> Effect | None:
        with (
            contextlib.suppress(redis.RedisError),
            redis.Redis.from_url(str(self._cluster.redis.url), socket_timeout=2) as client,
        ):
            call(client)
            return 0, lambda: None
        return None


def _target(name: str) -> str:
    """What a fault is injected into."""
    return name.split()[0].removesuffix("'s").lower().replace("postgresql", "database")
