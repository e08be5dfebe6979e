"""What Redis, or RabbitMQ, must be like, and how every connection to it behaves."""

from __future__ import annotations

import json
import ssl
from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

from redis import Redis
from redis.exceptions import (
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from dispatcher.dispatch.redis_client import connect
from dispatcher.dispatch.redis_errors import refusal_of, unverified
from dispatcher.errors import BrokerError, ConfigurationError
from dispatcher.settings.broker_address import BrokerAddress

if TYPE_CHECKING:
    from kombu import Connection

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
#: of ticks that wait, no beat adds to as many
MOST_TICKS: Final = 10


def check(address: BrokerAddress, queues: Collection[str] = ()) -> str:
    """Say which server answers at a broker's address, fit to carry hints.

    Raises BrokerError when it does not answer, ConfigurationError when it refuses the URL's parts;
    for a Redis also when it is older than 6.2, or evicts keys: an evicting Redis throws hints
    away and reports success. A Redis must take and return a value (BrokerError if it does not),
    and hold no other kind of key under the name of one of ``queues``.
    """
    if not address.is_redis:
        return _rabbit(address)
    try:
        with connect(address) as redis:
            version = str(redis.info("server")["redis_version"])
            policy = _eviction_policy(redis)
            _check_keys(redis, queues)
            _write(redis)
    except (RedisError, OSError, ValueError) as error:
        raise refusal_of(error, address) from None
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise ConfigurationError(f"DISPATCHER_BROKER_URL: Redis {version} is older than 6.2")
    if policy != "noeviction":
        raise ConfigurationError(
            f"DISPATCHER_BROKER_URL: Redis evicts keys (maxmemory-policy {policy}), which loses "
            "hints in silence: set it to noeviction"
        )
    return f"Redis {version}, keeps its keys"


def waiting(address: BrokerAddress, queue: str) -> int:
    """How many hints wait in a queue of Redis; 0 for another broker. Raises BrokerError.

    RabbitMQ drops expired hints by itself; Redis keeps them until a worker takes them.
    """
    if not address.is_redis:
        return 0
    try:
        with connect(address) as redis:
            return cast("int", redis.llen(queue))
    except (RedisError, OSError, ValueError) as error:
        raise BrokerError(f"Redis does not say what waits: {type(error).__name__}") from None


def beats_waiting(address: BrokerAddress, queue: str) -> list[str]:
    """Whose ticks wait in a queue of Redis, of the latest ten; empty for another broker.

    A tick without a name counts, and one that a hint asked for does not. Raises BrokerError.
    """
    if not address.is_redis:
        return []
    try:
        with connect(address) as redis:
            found = cast("list[bytes]", redis.lrange(queue, 0, MOST_TICKS - 1))
    except (RedisError, OSError, ValueError) as error:
        raise BrokerError(f"Redis does not say what waits: {type(error).__name__}") from None
    return [name for tick in found if (name := _beat_of(tick))]


def _beat_of(tick: bytes) -> str:
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        return str(json.loads(tick)["headers"].get("beat", "unnamed"))
    return "unnamed"


def trim(address: BrokerAddress, queue: str) -> None:
    """Delete all hints of a queue but the latest (Redis only); a tick publishes what is due."""
    if address.is_redis:
        with suppress(RedisError, OSError, ValueError), connect(address) as redis:
            redis.ltrim(queue, 0, 0)


def _check_keys(redis: Redis, queues: Collection[str]) -> None:
    """Raise ConfigurationError if a key that Celery uses is of another type than it expects."""
    wanted = dict.fromkeys(queues, "list")
    wanted |= {f"_kombu.binding.{queue}": "set" for queue in queues}
    for key, kind in wanted.items():
        found = cast("bytes", redis.type(key)).decode()
        if found not in {"none", kind}:
            raise ConfigurationError(
                f"DISPATCHER_BROKER_URL: the key {key} in Redis is a {found} and no {kind}, which"
                " workers need: delete it, or use another database of Redis"
            )


def _write(redis: Redis) -> None:
    """Raise BrokerError unless Redis takes a value and returns it."""
    key, value = f"dispatcher.check.{uuid4().hex}", b"1"
    try:
        redis.set(key, value, ex=60)
        returned = redis.get(key)
        redis.delete(key)
    except NoPermissionError:
        raise ConfigurationError("DISPATCHER_BROKER_URL: this user may not write") from None
    except ReadOnlyError:
        raise BrokerError(
            "Redis at DISPATCHER_BROKER_URL is a read-only replica: name the primary"
        ) from None
    except ResponseError as error:
        raise BrokerError(f"Redis at DISPATCHER_BROKER_URL takes no value: {error}") from None
    if returned != value:
        raise BrokerError("Redis at DISPATCHER_BROKER_URL does not return what it took")


def _rabbit(address: BrokerAddress) -> str:
    from kombu import Connection  # here, not above: whoever has a Redis needs none of it

    try:
        conf = address.celery({"read_timeout": 5, "write_timeout": 5})
        with Connection(
            conf["broker_url"],
            ssl=conf["broker_use_ssl"] or False,
            connect_timeout=3,
            transport_options=conf["broker_transport_options"],
        ) as connection:
            refusals = connection.connection_errors + connection.channel_errors
            try:
                connection.connect()
            except ssl.SSLCertVerificationError as error:
                raise BrokerError(unverified("RabbitMQ", error)) from None
            except OSError:
                raise BrokerError("RabbitMQ does not answer at DISPATCHER_BROKER_URL") from None
            except refusals:
                raise ConfigurationError(
                    "DISPATCHER_BROKER_URL: RabbitMQ refuses the user, the password or the"
                    " virtual host"
                ) from None
            _take_and_return(connection)
            properties: dict[str, Any] = connection.connection.server_properties
            return f"{properties.get('product', 'AMQP')} {properties.get('version', '')}".strip()
    except ValueError:
        raise ConfigurationError("DISPATCHER_BROKER_URL is not an AMQP URL") from None


def _take_and_return(connection: Connection) -> None:
    """Raise unless RabbitMQ takes a message and returns it, from a queue of this connection."""
    from amqp import AccessRefused, AMQPError, Message

    try:
        channel: Any = connection.channel()
        queue = channel.queue_declare(exclusive=True, auto_delete=True).queue
        channel.basic_publish(Message(b"1"), routing_key=queue)
        returned = channel.basic_get(queue, no_ack=True)
    except AccessRefused:
        raise ConfigurationError(
            "DISPATCHER_BROKER_URL: this user may not configure, write and read in RabbitMQ"
        ) from None
    except (OSError, AMQPError):
        # it reads nothing more from who publishes while its memory or disk is short
        raise BrokerError(
            "RabbitMQ takes no message: look for its memory and disk alarms"
        ) from None
    if returned is None or returned.body not in (b"1", "1"):
        raise BrokerError("RabbitMQ does not return what it took")


def _eviction_policy(redis: Redis) -> str:
    try:
        return str(redis.config_get("maxmemory-policy")["maxmemory-policy"])
    except (NoPermissionError, ResponseError, KeyError):
        # a managed Redis may hide CONFIG; INFO says it, too
        return str(redis.info("memory").get("maxmemory_policy", "noeviction"))
