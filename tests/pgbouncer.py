"""A real PgBouncer in transaction mode, before a PostgreSQL of the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

import pytest
from sqlalchemy import make_url

from tests.ports import free_port
from tests.waiting import PATIENCE

_CONFIG = """\
[databases]
pooled = host={host} port={port} dbname={database} user={user} password={password}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listens}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {servers}
"""
#: so that it takes the settings of a connection and does nothing about them
IGNORES = {"ignore_startup_parameters": "options,extra_float_digits"}


class PgBouncer:
    """Pools ``servers`` connections to the database of ``url``. Skips where it is not installed.

    It ignores the settings that a client asks for at the start, unless ``settings`` are given.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        servers: int = 2,
        settings: Mapping[str, str] = MappingProxyType(IGNORES),
    ) -> None:
        program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            pytest.skip("there is no PgBouncer (Debian: apt install pgbouncer)")
        self._program = program
        target = make_url(url)
        self._port = free_port()
        self._config = folder / "pgbouncer.ini"
        self._config.write_text(
            _CONFIG.format(
                host=target.host,
                port=target.port,
                database=target.database,
                user=target.username,
                password=target.password or "",
                listens=self._port,
                servers=servers,
            )
            + "".join(f"{name} = {value}\n" for name, value in settings.items())
        )
        self.url = f"postgresql+psycopg://anybody@127.0.0.1:{self._port}/pooled"

    def __enter__(self) -> Self:
        user = None
        if os.geteuid() == 0:  # it refuses to run as root
            user = pwd.getpwnam("nobody").pw_uid
        # by standard input: the folder may be closed to the other user
        with self._config.open("rb") as config:
            self._process = subprocess.Popen(
                [self._program, "-q", "/dev/stdin"],
                stdin=config,
                stderr=subprocess.PIPE,
                user=user,
            )
        until = time.monotonic() + PATIENCE
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > until:
                self._process.kill()
                _, error = self._process.communicate()
                raise RuntimeError(f"PgBouncer did not start: {error.decode()}")
        return self

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
            return False
        return True

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.communicate()
