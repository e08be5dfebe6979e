"""A real Redis (or Valkey) that needs no installation: for the demo, a first run and the tests.

It keeps nothing on disk and answers on loopback only, to whoever knows its random password. For
production, give ``DISPATCHER_BROKER_URL`` a Redis of your own.
"""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import NoReturn, Self
from urllib.parse import urlsplit

from dispatcher.errors import ConfigurationError
from dispatcher.local.redis_server import Server, find_server
from dispatcher.local.tied_process import tied_to_parent
from dispatcher.recipients.files.new_file import new_log

__all__ = ["BrokerUrl", "EmbeddedRedis", "Server", "become_server", "find_server", "loopback_url"]

_HOST = "127.0.0.1"
_STARTS_WITHIN = 60.0
_STOPS_WITHIN = 10.0
_PORTS_TRIED = 20


class BrokerUrl(str):
    """A broker's URL that shows no password where it is only displayed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(re.sub(r":[^:@/]+@", ":***@", str(self)))


def loopback_url(port: int = 0) -> BrokerUrl:
    """The URL for a new server: a free loopback port and a random password."""
    return BrokerUrl(f"redis://:{secrets.token_hex(24)}@{_HOST}:{port or free_port()}/0")


def free_port() -> int:
    """A port of loopback that no process uses now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _configuration(url: str) -> bytes:
    """The configuration, for standard input, where nobody else sees the password."""
    parts = urlsplit(url)
    lines = (
        f"bind {_HOST}",
        f"port {parts.port}",
        f"requirepass {parts.password}",
        'save ""',
        "appendonly no",
        # any other policy lets a full server drop queued hints in silence
        "maxmemory-policy noeviction",
        "daemonize no",
    )
    return ("\n".join(lines) + "\n").encode()


class EmbeddedRedis:
    """A Redis server that runs during its ``with`` block, and never longer than this process.

    ``port`` 0 takes a free one. ``directory`` is where it runs and logs; by default one of its
    own, removed when it stops. The URL is the same after ``kill()`` or ``stop()`` and a new
    ``start()``. On Linux the server is killed with its process, even by SIGKILL; elsewhere it
    stops when the process ends in good order.
    """

    def __init__(self, directory: Path | None = None, port: int = 0) -> None:
        self.server = find_server()
        self.url = loopback_url(port)
        self._directory = directory
        self._own_directory: Path | None = None
        self._may_move = port == 0
        self._process: subprocess.Popen[bytes] | None = None
        self._gone = threading.Event()
        self._owner = os.getpid()

    def __repr__(self) -> str:
        return f"EmbeddedRedis({self.url!r}, {self.server.name} {self.server.version})"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the server's process is alive."""
        return self._process is not None and not self._gone.is_set()

    @property
    def pid(self) -> int:
        """The server's process id, also after ``kill``. Raises ConfigurationError before start."""
        if self._process is None:
            raise ConfigurationError("the embedded Redis is not started")
        return self._process.pid

    def start(self) -> None:
        """Start the server and return when it answers; does nothing if it runs already.

        Raises ConfigurationError when it does not start or the port that it keeps is taken.
        """
        if self.running:
            return
        atexit.register(self.stop)
        for _ in range(_PORTS_TRIED):
            log = self._log()
            if self._started(log):
                self._may_move = False
                return
            reason = self._last_words(log)
            self.stop()
            if "in use" not in reason or not self._may_move:
                break
            self.url = loopback_url()
        raise ConfigurationError(f"the embedded Redis did not start: {reason}")

    def stop(self) -> None:
        """Stop the server and remove its own directory; may be called again."""
        if os.getpid() != self._owner:
            return  # a forked copy of the owner is ending, not the owner
        self._end(signal.SIGTERM, within=_STOPS_WITHIN)
        self.kill()
        self._process = None
        if self._own_directory is not None:
            shutil.rmtree(self._own_directory, ignore_errors=True)
            self._own_directory = None
        atexit.unregister(self.stop)

    def kill(self) -> None:
        """Kill the server as a crash would (SIGKILL), and return when it is gone."""
        self._end(signal.SIGKILL, within=None)

    def _started(self, log: Path) -> bool:
        """Start the process; True if it answers, False if it ended or does not answer in time."""
        spawned, self._gone = threading.Event(), threading.Event()
        # The thread stays with the server: the kernel ties a child to the thread that made it,
        # and the caller's thread may end earlier.
        threading.Thread(
            target=self._keep, args=(log, spawned, self._gone), name="embedded-redis", daemon=True
        ).start()
        spawned.wait()
        deadline = time.monotonic() + _STARTS_WITHIN
        while not self._gone.wait(0.005) and time.monotonic() < deadline:
            if self._answers():
                return True
        return False

    def _keep(self, log: Path, spawned: threading.Event, gone: threading.Event) -> None:
        try:
            with new_log(log) as lines:
                self._process = subprocess.Popen(  # noqa: S603 - the server of find_server
                    tied_to_parent([str(self.server.path), "-"]),
                    stdin=subprocess.PIPE,
                    stdout=lines,
                    stderr=lines,
                    cwd=log.parent,
                    start_new_session=True,  # a Ctrl-C is for its owner, not for it
                )
            spawned.set()
            self._process.communicate(_configuration(self.url))
        finally:
            gone.set()
            spawned.set()

    def _end(self, signum: signal.Signals, *, within: float | None) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(signum)
            self._gone.wait(within)

    def _log(self) -> Path:
        directory = self._directory or self._own_directory
        if directory is None:
            directory = Path(tempfile.mkdtemp(prefix="dispatcher-redis-"))
            self._own_directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        return directory / "redis.log"

    def _last_words(self, log: Path) -> str:
        if self.running:
            return f"no answer within {_STARTS_WITHIN:.0f} s"
        lines = log.read_text(errors="replace").splitlines()
        telling = [line for line in lines if "in use" in line] or lines[-1:]
        return telling[0].strip() if telling else "it ended without a word"

    def _answers(self) -> bool:
        """Whether our own server answers: another one would refuse the password."""
        parts = urlsplit(self.url)
        try:
            with socket.create_connection((_HOST, parts.port or 0), timeout=0.25) as connection:
                connection.sendall(f"AUTH {parts.password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answers:
                    return answers.read(12) == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False


def become_server(url: str) -> NoReturn:
    """Turn this process into the server of a ``loopback_url``; never returns.

    For a supervisor's child: its stop signals and its log lines are then the server's own.
    Raises ConfigurationError when there is no server to become.
    """
    server = find_server()
    reading, writing = os.pipe()
    os.write(writing, _configuration(url))
    os.close(writing)
    os.dup2(reading, 0)
    os.close(reading)
    # It runs in a removed directory, so that nothing can be saved.
    directory = tempfile.mkdtemp(prefix="dispatcher-redis-")
    os.chdir(directory)
    Path(directory).rmdir()
    os.execv(server.path, [str(server.path), "-"])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    become_server(os.environ["DISPATCHER_BROKER_URL"])
