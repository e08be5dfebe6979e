"""What ``dispatcher run`` asks of the outside world before it starts anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from dispatcher.cli.refusal import OutOfReach
from dispatcher.errors import ConfigurationError, GatewayError

if TYPE_CHECKING:
    from dispatcher.api import Dispatcher

#: the gateway's codes for a key that is missing or wrong
_KEY_CODES = {"1", "10"}


def check_key(dispatcher: Dispatcher) -> None:
    """Raise ConfigurationError for a key that is missing or that the gateway refuses.

    A gateway that cannot be asked is no reason not to start: campaigns wait for it in rows.
    """
    try:
        dispatcher.account()
    except GatewayError as error:
        code = re.search(r"\bcode (\d+)\b", str(error))
        if code and code[1] in _KEY_CODES:
            raise ConfigurationError(
                f"DISPATCHER_API_KEY: the gateway refuses the key (code {code[1]})"
            ) from None
        click.echo(f"dispatcher: warning: the gateway cannot be asked: {error}", err=True)


def check_reach(broker_url: str) -> None:
    """Raise OutOfReach when no Redis answers; what one answers is judged elsewhere."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    parts = urlsplit(broker_url)
    try:
        with redis.Redis.from_url(
            # Celery's spelling of a socket, and redis-py's
            broker_url.replace("redis+socket://", "unix://", 1),
            socket_connect_timeout=3,
            socket_timeout=5,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            client.ping()
    except redis.AuthenticationError:
        return
    except (redis.ConnectionError, redis.TimeoutError):
        where = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
        raise OutOfReach(f"DISPATCHER_BROKER_URL: no Redis answers at {where}") from None
    except (redis.RedisError, ValueError):
        return
