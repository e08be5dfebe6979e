"""What Redis, or RabbitMQ, must be like, and how every connection to it behaves."""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from dispatcher.errors import BrokerError, ConfigurationError

#: a half-open Redis must not block a caller for ever; a connection for each thread, and spare ones
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

    Raises BrokerError when it does not answer, ConfigurationError when it refuses the password;
    for a Redis also when it is older than 6.2, or evicts keys: an evicting Redis throws hints
    away and reports success. Other brokers than Redis and RabbitMQ are not looked at.
    """
    if url.startswith(("amqp://", "amqps://", "pyamqp://")):
        return _rabbit(url)
    if not url.startswith(("redis://", "rediss://", "redis+socket://")):
        return url.partition(":")[0]
    url = url.replace("redis+socket://", "unix://", 1)
    try:
        with Redis.from_url(
            url, socket_timeout=5, socket_connect_timeout=3, retry=Retry(NoBackoff(), 0)
        ) as redis:
            version = str(redis.info("server")["redis_version"])
            policy = _eviction_policy(redis)
    except (AuthenticationError, ResponseError):
        raise ConfigurationError("DISPATCHER_BROKER_URL: wrong or missing password") from None
    except ValueError:
        raise ConfigurationError("DISPATCHER_BROKER_URL is not a Redis URL") from None
    except (RedisError, OSError):
        raise BrokerError("Redis does not answer at DISPATCHER_BROKER_URL") from None
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise ConfigurationError(f"DISPATCHER_BROKER_URL: Redis {version} is older than 6.2")
    if policy != "noeviction":
        raise ConfigurationError(
            f"DISPATCHER_BROKER_URL: Redis evicts keys (maxmemory-policy {policy}), which loses "
            "hints in silence: set it to noeviction"
        )
    return f"Redis {version}, keeps its keys"


def _rabbit(url: str) -> str:
    from kombu import Connection  # here, not above: whoever has a Redis needs none of it

    try:
        with Connection(url, connect_timeout=3) as connection:
            refusals = connection.connection_errors + connection.channel_errors
            try:
                connection.connect()
            except OSError:
                raise BrokerError("RabbitMQ does not answer at DISPATCHER_BROKER_URL") from None
            except refusals:
                raise ConfigurationError(
                    "DISPATCHER_BROKER_URL: RabbitMQ refuses the user, the password or the"
                    " virtual host"
                ) from None
            properties: dict[str, Any] = connection.connection.server_properties
            return f"{properties.get('product', 'AMQP')} {properties.get('version', '')}".strip()
    except ValueError:
        raise ConfigurationError("DISPATCHER_BROKER_URL is not an AMQP URL") from None


def _eviction_policy(redis: Redis) -> str:
    try:
        return str(redis.config_get("maxmemory-policy")["maxmemory-policy"])
    except (NoPermissionError, ResponseError, KeyError):
        # a managed Redis may hide CONFIG; INFO says it, too
        return str(redis.info("memory").get("maxmemory_policy", "noeviction"))
