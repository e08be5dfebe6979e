"""The rate of bulk sends over all workers, kept in Redis."""

from __future__ import annotations

import logging
import math
import time
from fractions import Fraction
from typing import Any

from limits import RateLimitItemPerSecond
from limits.errors import StorageError as LimitsError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

#: what one process allows itself of the whole rate while Redis does not answer
_SHARE = 8
#: after Redis failed, this long (seconds) passes before it is asked again
_DISTRUST = 5.0
_KEY = "dispatcher.bulk-send"
_REDIS = ("redis://", "rediss://", "redis+socket://")
#: seconds over which the rate is kept, and how much of it may leave within one
_WINDOW, _BURST = 10, 1.1


class Throttle:
    """Says when the next bulk send may go; ``rate`` is in requests a second, None for no limit.

    Each ``account`` has a rate of its own.

    Without a shared Redis, or while it does not answer, each process keeps to an eighth of the
    rate: too slow at worst, never without limit.
    """

    def __init__(self, rate: float | None, broker_url: str | None, account: str = "") -> None:
        self._rate = rate
        self._key = f"{_KEY}.{account}" if account else _KEY
        # another broker counts nothing: each process keeps to its share
        self._broker_url = broker_url if (broker_url or "").startswith(_REDIS) else None
        self._shared: MovingWindowRateLimiter | None = None
        self._distrusted_until = 0.0
        #: whether ``wait`` never says to wait
        self.unlimited = rate is None
        if rate is None:
            return
        self._own_items = _items(rate / _SHARE if broker_url else rate)
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._items = _items(rate)

    def wait(self) -> float:
        """0 when a send may go now (it is counted then), else seconds until it may be asked."""
        if self._rate is None:
            return 0.0
        if self._broker_url is not None and time.monotonic() >= self._distrusted_until:
            try:
                return _asked(self._limiter(self._broker_url), self._items, self._key)
            except (RedisError, LimitsError, OSError) as error:
                log.warning(
                    "rate limit: Redis fails (%s), keeping to a share", type(error).__name__
                )
                self._distrusted_until = time.monotonic() + _DISTRUST
        return _asked(self._own, self._own_items, self._key)

    def _limiter(self, url: str) -> MovingWindowRateLimiter:
        if self._shared is None:
            self._shared = MovingWindowRateLimiter(_storage(url))
        return self._shared


def _storage(url: str) -> Storage:
    url = url.replace("redis+socket://", "redis+unix://", 1)
    options: dict[str, Any] = {"socket_timeout": 1, "socket_connect_timeout": 1}
    storage = storage_from_string(url, **options)
    assert isinstance(storage, Storage)  # noqa: S101 - only an async:// URL gives another kind
    return storage


def _items(rate: float) -> list[RateLimitItemPerSecond]:
    """``rate`` over ten seconds or more, and a little more than it within one.

    Within one second alone, whoever comes a moment late would make everybody slower for good; over
    ten alone, all ten could leave at once.
    """
    share = max(Fraction(rate).limit_denominator(60), Fraction(1, 3600))
    times = math.ceil(_WINDOW / share.denominator)
    whole = RateLimitItemPerSecond(share.numerator * times, share.denominator * times)
    return [RateLimitItemPerSecond(math.ceil(_BURST * rate)), whole]


def _asked(
    limiter: MovingWindowRateLimiter, items: list[RateLimitItemPerSecond], key: str
) -> float:
    for item in items:
        if not limiter.hit(item, key):
            free_at = limiter.get_window_stats(item, key).reset_time
            return float(min(max(free_at - time.time(), 0.02), 60.0))
    return 0.0
