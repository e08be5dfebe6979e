"""What Redis must be like, and how every connection to it behaves."""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from dispatcher.errors import ConfigurationError

#: a half-open Redis must not hold a caller for ever; a connection per lane and some to spare
TRANSPORT_OPTIONS: dict[str, Any] = {
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "retry_on_timeout": False,
    "max_connections": 200,
}
_OLDEST = (6, 2)


def check(url: str) -> str:
    """Say which server answers at a broker's URL, fit to carry hints.

    Raises ConfigurationError when a Redis does not answer, is older than 6.2, or evicts keys:
    an evicting Redis throws hints away and reports success. Other brokers are not looked at.
    """
    if not url.startswith(("redis://", "rediss://", "redis+socket://", "unix://")):
        return url.partition(":")[0]
    url = url.replace("redis+socket://", "unix://", 1)
    try:
        with Redis.from_url(url, socket_timeout=5, socket_connect_timeout=3) as redis:
            version = str(redis.info("server")["redis_version"])
            policy = _eviction_policy(redis)
    except (RedisError, OSError, ValueError) as error:
        raise ConfigurationError(
            f"DISPATCHER_BROKER_URL: Redis cannot be used ({_reason(error)})"
        ) from None
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise ConfigurationError(f"DISPATCHER_BROKER_URL: Redis {version} is older than 6.2")
    if policy != "noeviction":
        raise ConfigurationError(
            f"DISPATCHER_BROKER_URL: Redis evicts keys (maxmemory-policy {policy}), which loses "
            "hints in silence: set it to noeviction"
        )
    return f"Redis {version}"


def _eviction_policy(redis: Redis) -> str:
    try:
        return str(redis.config_get("maxmemory-policy")["maxmemory-policy"])
    except (NoPermissionError, ResponseError, KeyError):
        # a managed Redis may hide CONFIG; INFO says it, too
        return str(redis.info("memory").get("maxmemory_policy", "noeviction"))


def _reason(error: Exception) -> str:
    """The kind of failure; a client's own words may repeat the password."""
    name = type(error).__name__
    return {
        "ConnectionError": "it does not answer",
        "TimeoutError": "it does not answer in time",
        "AuthenticationError": "wrong or missing password",
        "ResponseError": "wrong or missing password",
        "ValueError": "not a Redis URL",
    }.get(name, name)
