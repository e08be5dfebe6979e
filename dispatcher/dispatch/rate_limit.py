"""The rate limit of sends, shared by all workers through Redis, and its permits."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from fractions import Fraction
from typing import Protocol

from limits import RateLimitItemPerSecond
from limits.errors import StorageError as LimitsError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from dispatcher.dispatch.redis_client import connect
from dispatcher.settings.broker_address import BrokerAddress

log = logging.getLogger(__name__)

#: without Redis, each process takes one part in so many of the whole rate
_SHARE = 8
#: after Redis failed, this long (seconds) passes before it is asked again
_DISTRUST = 5.0
_KEY = "dispatcher.bulk-send"
#: the rate holds over windows of so many seconds; within one second it may be exceeded by this
_WINDOW, _BURST = 10, 1.1
#: a thread waits this long (seconds) for a permit; what has to wait longer waits in its row
_PATIENCE = 1.0


class Limit(Protocol):
    """What a send loop asks before each send."""

    def wait(self) -> float:
        """Wait for a permit: 0 if it was granted, else seconds until a new try."""


class RateLimit:
    """The rate limit of one ``account``; ``rate`` is in requests a second, None for no limit.

    Without a shared Redis, or while it does not answer, each process takes an eighth of the
    rate: that may be too slow, and is never without limit.
    """

    def __init__(self, rate: float | None, broker: BrokerAddress | None, account: str = "") -> None:
        self._rate = rate
        self._key = f"{_KEY}.{account}" if account else _KEY
        # another broker counts nothing: each process keeps to its share
        self._redis = broker if broker is not None and broker.is_redis else None
        self._shared: MovingWindowRateLimiter | None = None
        self._distrusted_until = 0.0
        #: held by the one thread of this process that asks for a permit
        self._first = threading.Lock()
        if rate is None:
            return
        self._own_items = _items(rate / _SHARE if broker else rate)
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._items = _items(rate)

    def wait(self) -> float:
        """Wait up to a second for a permit: 0 if it was granted, else seconds until a new try.

        The threads of a process ask one after another. The seconds are spread at random, so that
        the batches that have to wait do not all come back at once.
        """
        if self._rate is None:
            return 0.0
        until = time.monotonic() + _PATIENCE
        seconds = _PATIENCE
        if self._first.acquire(timeout=_PATIENCE):
            try:
                while (seconds := self.take()) > 0 and time.monotonic() < until:
                    time.sleep(min(seconds, _PATIENCE))
            finally:
                self._first.release()
        return seconds * random.uniform(1, 2)  # noqa: S311

    def take(self) -> float:
        """Take a permit, which counts as one send: 0 if granted, else seconds until a new try."""
        if self._rate is None:
            return 0.0
        if self._redis is not None and time.monotonic() >= self._distrusted_until:
            try:
                return _hit(self._limiter(self._redis), self._items, self._key)
            except (RedisError, LimitsError, OSError) as error:
                log.warning(
                    "rate limit: Redis fails (%s); using this process's share of the rate",
                    type(error).__name__,
                )
                self._distrusted_until = time.monotonic() + _DISTRUST
        return _hit(self._own, self._own_items, self._key)

    def _limiter(self, redis: BrokerAddress) -> MovingWindowRateLimiter:
        if self._shared is None:
            pool = connect(redis, timeout=1, connect_timeout=1).connection_pool
            # its URL only says which client; the connections are ours, which follow a master
            self._shared = MovingWindowRateLimiter(RedisStorage("redis://", connection_pool=pool))
        return self._shared


def _items(rate: float) -> list[RateLimitItemPerSecond]:
    """The limits that make up ``rate``: one over ten seconds or more, a higher one over one second.

    With the limit over one second alone, each send that is a moment late would lower the rate.
    With the one over ten seconds alone, ten seconds' worth could leave at once.
    """
    share = max(Fraction(rate).limit_denominator(60), Fraction(1, 3600))
    times = math.ceil(_WINDOW / share.denominator)
    whole = RateLimitItemPerSecond(share.numerator * times, share.denominator * times)
    return [RateLimitItemPerSecond(math.ceil(_BURST * rate)), whole]


def _hit(limiter: MovingWindowRateLimiter, items: list[RateLimitItemPerSecond], key: str) -> float:
    for item in items:
        if not limiter.hit(item, key):
            free_at = limiter.get_window_stats(item, key).reset_time
            return float(min(max(free_at - time.time(), 0.02), 60.0))
    return 0.0


class Permit:
    """The permit of one send loop. One that was granted and not used is kept for the next send."""

    def __init__(self, rate_limit: Limit) -> None:
        self._rate_limit = rate_limit
        self._granted = False

    def wait(self) -> float:
        """Wait for the permit, unless it is granted; see ``RateLimit.wait``."""
        seconds = 0.0 if self._granted else self._rate_limit.wait()
        self._granted = seconds == 0
        return seconds

    def use(self) -> None:
        """Use the permit for a send."""
        self._granted = False
