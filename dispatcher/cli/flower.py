"""Where Flower listens: on loopback, and elsewhere only with a password."""

from __future__ import annotations

import ipaddress
import os
import runpy
from typing import TYPE_CHECKING, Any

from dispatcher.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LOOPBACK = "127.0.0.1"
_CONFIG = "flowerconfig.py"
#: how many tasks it remembers, unless told; its own default would take ten times the memory
_MAX_TASKS = "10000"


def guarded(arguments: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """The arguments of ``celery … flower`` with an address.

    Flower reads options from the environment, then a file, then the command line; the last counts.
    Raises ConfigurationError if it would listen beyond loopback without a login.
    """
    told: dict[str, Any] = {
        name.removeprefix("FLOWER_").lower(): value
        for name, value in env.items()
        if name.startswith("FLOWER_")
    }
    words = [word.lstrip("-").partition("=") for word in arguments if word.startswith("--")]
    given = {name.replace("-", "_"): value for name, _, value in words}
    told |= _config(given.get("conf", told.get("conf", _CONFIG))) | given
    if "address" not in told and "unix_socket" not in told:
        return [*arguments, f"--address={_LOOPBACK}"]
    if not told.get("unix_socket") and not _is_loopback(told["address"]) and not _has_login(told):
        raise ConfigurationError(
            "flower would listen beyond this machine without a password: set FLOWER_BASIC_AUTH to"
            f" name:password, or give --address={_LOOPBACK}"
        )
    return [*arguments]


def guard(words: Sequence[str]) -> None:
    """The same for ``celery -A workers flower``, which loads the app before it reads its options.

    Flower is also given a limit of tasks in memory, which a file or an option overrides.

    Ends the process with a sentence if Flower would listen beyond loopback without a login.
    """
    if "flower" not in words:
        return
    os.environ.setdefault("FLOWER_MAX_TASKS", _MAX_TASKS)
    try:
        if len(guarded(words, os.environ)) > len(words):
            os.environ["FLOWER_ADDRESS"] = _LOOPBACK
    except ConfigurationError as error:
        raise SystemExit(f"dispatcher: {error}") from None


def _config(path: str) -> dict[str, Any]:
    try:
        return runpy.run_path(path)
    except OSError:
        return {}


def _is_loopback(address: str) -> bool:
    try:
        return address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _has_login(told: Mapping[str, Any]) -> bool:
    basic = told.get("basic_auth") or ""
    pairs = basic.split(",") if isinstance(basic, str) else basic
    passwords = [pair.partition(":")[2] for pair in pairs]
    oauth = bool(told.get("auth")) and bool(told.get("auth_provider"))
    return oauth or (bool(passwords) and all(password.strip() for password in passwords))
