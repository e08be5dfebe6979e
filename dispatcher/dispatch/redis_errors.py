"""Why a Redis cannot be used, in one sentence each, without a password."""

from __future__ import annotations

import socket
import ssl
from typing import Final

from redis.exceptions import (
    AuthenticationError,
    InvalidResponse,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.sentinel import MasterNotFoundError

from dispatcher.dispatch.redis_client import sentinels
from dispatcher.errors import BrokerError, ConfigurationError, DispatcherError
from dispatcher.settings.broker_address import NAME, BrokerAddress

_NO_ANSWER: Final = f"Redis does not answer at {NAME}"


def refusal_of(error: Exception, address: BrokerAddress) -> DispatcherError:
    """The error of the dispatcher for one of Redis's client, or of the socket under it."""
    if isinstance(error, MasterNotFoundError):
        return _no_master(address)
    if isinstance(error, AuthenticationError):
        return ConfigurationError(f"{NAME}: wrong or missing password")
    if isinstance(error, NoPermissionError):
        return ConfigurationError(f"{NAME}: this user may not ask about the server: {error}")
    if isinstance(error, ResponseError) and "DB index" in str(error):
        return ConfigurationError(f"{NAME}: database {address.database} does not exist there")
    if isinstance(error, ResponseError):
        return BrokerError(f"Redis at {NAME} refuses: {error}")
    if isinstance(error, RedisError | OSError):
        return BrokerError(f"{_NO_ANSWER}: {_silence(error, address)}")
    return ConfigurationError(f"{NAME} is not a Redis URL")


def unverified(server: str, error: ssl.SSLCertVerificationError) -> str:
    """The sentence for a certificate that is not valid."""
    return (
        f"the certificate of {server} is not valid ({error.verify_message}): the file of the CA"
        " that signed it belongs into DISPATCHER_BROKER_CA"
    )


def _no_master(address: BrokerAddress) -> DispatcherError:
    """Why Sentinels name no master: each is asked again, and the first that says something counts.

    One may be down, or not know the master, while another one does.
    """
    hosts = ", ".join(f"{host} port {port}" for host, port in address.nodes)
    for sentinel in sentinels(address):
        try:
            with sentinel:
                masters = sentinel.sentinel_masters()
        except AuthenticationError:
            return ConfigurationError(
                "DISPATCHER_BROKER_SENTINEL_PASSWORD: wrong or missing: Sentinel refuses it"
            )
        except ResponseError:
            return ConfigurationError(f"{NAME}: what answers at {hosts} is no Sentinel")
        except (RedisError, OSError):
            continue
        if address.master not in masters:
            return ConfigurationError(
                f"DISPATCHER_BROKER_MASTER: Sentinel knows no master {address.master!r}"
            )
        return BrokerError(
            f"{_NO_ANSWER}: Sentinel says that the master {address.master} is down, and has named"
            " no other yet"
        )
    return BrokerError(f"{_NO_ANSWER}: no Sentinel answers at {hosts}")


def _silence(error: Exception, address: BrokerAddress) -> str:
    """Why there is no answer of a Redis, and what to look at."""
    host, port = address.nodes[0]
    place = address.socket or f"{host} port {port}"
    if address.is_sentinel:
        place = f"the master {address.master} that Sentinel names"
    secure = address.is_secure
    match error.__context__ if error.__context__ is not None else error:
        case ssl.SSLCertVerificationError() as wrong:
            return unverified(place, wrong)
        case ssl.SSLError():
            return f"{place} does not speak TLS: write redis://"
        case socket.gaierror():
            return f"the host {host} is not known"
        case ConnectionRefusedError() | FileNotFoundError():
            return f"nothing listens at {place}"
        case TimeoutError() if secure:
            return f"no TLS from {place} in time: a port without TLS needs redis://"
        case TimeoutError():
            return f"no answer from {place} in time"
    if isinstance(error, InvalidResponse):
        return f"what answers at {place} is no Redis"
    if not secure:
        return f"{place} ends the connection: a port with TLS needs rediss://"
    return f"{place} ends the connection"
