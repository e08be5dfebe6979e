"""A real Redis with TLS and with the user of deploy/redis/dispatcher.conf."""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest
from redis import Redis
from redis.exceptions import RedisError

from dispatcher.local.tied_process import tied_to_parent
from tests.own_ca import OwnCA
from tests.ports import free_port
from tests.waiting import PATIENCE

_CONFIG = Path(__file__).parents[1] / "deploy/redis/dispatcher.conf"


class SecureRedis:
    """Answers on loopback, by TLS alone. Skips where Debian's redis-server is not installed."""

    def __init__(self, folder: Path, certificates: OwnCA) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("there is no redis-server (Debian: apt install redis-server)")
        self._program = program
        self._folder = folder
        self._certificates = certificates
        self._port = free_port()
        self._password, self._admin = secrets.token_hex(16), secrets.token_hex(16)
        self.url = f"rediss://dispatcher:{self._password}@127.0.0.1:{self._port}/0"

    def __enter__(self) -> Self:
        with (self._folder / "redis.log").open("wb") as log:
            self._process = subprocess.Popen(
                tied_to_parent([self._program, "-"]),
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        assert self._process.stdin is not None
        self._process.stdin.write(self._configuration().encode())
        self._process.stdin.close()
        until = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                said = (self._folder / "redis.log").read_text()
                if "tls" in said:
                    pytest.skip("this redis-server has no TLS (Debian: apt install redis-server)")
                raise RuntimeError(f"Redis did not start: {said}")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.wait()

    def refused(self) -> list[dict[str, str]]:
        """What the user of the file was refused, by Redis's own record."""
        with self._opened() as redis:
            found: list[dict[str, str]] = redis.acl_log()
        ours = [one for one in found if one["username"] == "dispatcher"]
        # a client introduces itself, and asks INFO where it may not ask CONFIG
        return [one for one in ours if one["object"] not in {"client|setinfo", "config|get"}]

    def _configuration(self) -> str:
        text = _CONFIG.read_text(encoding="utf-8")
        text = text.replace("tls-port 6379", f"bind 127.0.0.1\ntls-port {self._port}")
        text = text.replace("/etc/redis/server.pem", str(self._certificates.certificate))
        text = text.replace("/etc/redis/server.key", str(self._certificates.key))
        text = text.replace("#HASH", f"#{hashlib.sha256(self._password.encode()).hexdigest()}")
        text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
        return f'{text}\nuser admin on >{self._admin} ~* &* +@all\nsave ""\n'

    def _opened(self) -> Redis:
        return Redis(
            host="127.0.0.1",
            port=self._port,
            username="admin",
            password=self._admin,
            ssl=True,
            ssl_ca_certs=str(self._certificates.ca),
            decode_responses=True,
            socket_timeout=PATIENCE,
        )

    def _answers(self) -> bool:
        try:
            with self._opened() as redis:
                return bool(redis.ping())
        except (RedisError, OSError):
            time.sleep(0.02)
            return False
