"""Why a Redis cannot be used, in one sentence each, without a password."""

from __future__ import annotations

import socket
import ssl
from typing import Final
from urllib.parse import unquote, urlsplit

from redis.exceptions import (
    AuthenticationError,
    InvalidResponse,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from dispatcher.errors import BrokerError, ConfigurationError, DispatcherError

_NAME: Final = "DISPATCHER_BROKER_URL"
_NO_ANSWER: Final = f"Redis does not answer at {_NAME}"


def refusal_of(error: Exception, url: str) -> DispatcherError:
    """The error of the dispatcher for one of Redis's client, or of the socket under it."""
    if isinstance(error, AuthenticationError):
        return ConfigurationError(f"{_NAME}: wrong or missing password")
    if isinstance(error, NoPermissionError):
        return ConfigurationError(f"{_NAME}: this user may not ask about the server: {error}")
    if isinstance(error, ResponseError) and "DB index" in str(error):
        database = urlsplit(url).path.strip("/")
        return ConfigurationError(f"{_NAME}: database {database} does not exist there")
    if isinstance(error, ResponseError):
        return BrokerError(f"Redis at {_NAME} refuses: {error}")
    if isinstance(error, RedisError | OSError):
        return BrokerError(f"{_NO_ANSWER}: {_silence(error, url)}")
    return ConfigurationError(f"{_NAME} is not a Redis URL")


def _silence(error: Exception, url: str) -> str:
    """Why there is no answer of a Redis, and what to look at."""
    parts = urlsplit(url)
    place = f"{parts.hostname or 'localhost'} port {parts.port or 6379}"
    if parts.scheme == "redis+socket":
        place = unquote(parts.path)
    secure = parts.scheme == "rediss"
    match error.__context__ if error.__context__ is not None else error:
        case ssl.SSLCertVerificationError():
            return f"its certificate at {place} is not valid"
        case ssl.SSLError():
            return f"{place} does not speak TLS: write redis://"
        case socket.gaierror():
            return f"the host {parts.hostname} is not known"
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
