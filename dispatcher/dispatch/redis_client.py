"""A client of the broker's Redis. Behind Sentinels it asks them for the master, at each connect."""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from dispatcher.settings.broker_address import BrokerAddress


def connect(address: BrokerAddress, *, timeout: float = 5, connect_timeout: float = 3) -> Redis:
    """The client; nothing connects yet, and nothing is tried twice."""
    options: dict[str, Any] = {
        "db": int(address.database or 0),
        "username": address.username,
        "password": address.password,
        "socket_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
    }
    if address.socket:
        return Redis(unix_socket_path=address.socket, **options)
    options |= {"socket_connect_timeout": connect_timeout, **address.tls}
    if address.tls:
        options["ssl"] = True
    if address.is_sentinel:
        watching: Any = Sentinel  # redis-py does not type it
        asked = watching(address.nodes, sentinel_kwargs=_of_sentinels(address))
        master: Redis = asked.master_for(address.master, **options)
        return master
    (host, port), *_ = address.nodes
    return Redis(host=host, port=port, **options)


def sentinels(address: BrokerAddress) -> list[Redis]:
    """Clients of the Sentinels themselves."""
    return [Redis(host=host, port=port, **_of_sentinels(address)) for host, port in address.nodes]


def _of_sentinels(address: BrokerAddress) -> dict[str, Any]:
    return {**address.sentinels, "retry": Retry(NoBackoff(), 0)}
