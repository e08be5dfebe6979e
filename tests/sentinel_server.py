"""A real Redis with a replica and three Sentinels that watch them, which tests start and end."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from redis import Redis
from redis.exceptions import RedisError

from dispatcher.local.tied_process import tied_to_parent
from tests.ports import free_port
from tests.waiting import eventually

#: self-signed, for the name localhost, with its key: its own CA
CERTIFICATE = Path(__file__).parent / "data" / "localhost.pem"
MASTER = "sms"


class NoSentinelError(Exception):
    """There is no redis-sentinel to start on this machine."""


class RedisProcess:
    """One redis-server, or one redis-sentinel, on loopback. With TLS it has no other port."""

    def __init__(self, folder: Path, name: str, *lines: str, tls: bool = False) -> None:
        if shutil.which(f"redis-{name}") is None:
            raise NoSentinelError(f"there is no redis-{name}: apt-get install redis-{name}")
        self.port = free_port()
        self._name, self._tls = f"redis-{name}", tls
        self._folder = folder / str(self.port)
        self._folder.mkdir()
        self._lines = lines
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, and wait until it listens."""
        port = [f"port {self.port}"]
        if self._tls:
            port = ["port 0", f"tls-port {self.port}", "tls-auth-clients no", "tls-replication yes"]
            port += [f"tls-{it}-file {CERTIFICATE}" for it in ("cert", "key", "ca-cert")]
        conf = self._folder / "conf"
        if not conf.exists():  # Sentinel and a failover rewrite it
            bound = ["bind 127.0.0.1 ::1", f"dir {self._folder}"]
            conf.write_text("\n".join([*port, *bound, *self._lines]) + "\n")
        with (self._folder / "log").open("ab") as log:
            self._child = subprocess.Popen(
                tied_to_parent([self._name, str(conf)]), stdout=log, stderr=subprocess.STDOUT
            )
        eventually(self._listens, f"{self._name} to listen")
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None


class SentinelServers:
    """A master, its replica and three Sentinels. Raises NoSentinelError where they are missing."""

    def __init__(self, *, tls: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sentinel-"))
        self.password, self.sentinel_password = secrets.token_hex(8), secrets.token_hex(8)
        self.tls: dict[str, Any] = {"ssl": True, "ssl_ca_certs": str(CERTIFICATE)} if tls else {}
        login = (f"requirepass {self.password}", f"masterauth {self.password}", 'save ""')
        make = self._make(tls=tls)
        self.master = make("server", *login)
        names = ("sentinel resolve-hostnames yes", "sentinel announce-hostnames yes")
        follows = (f"replicaof localhost {self.master.port}", "replica-announce-ip localhost")
        self.replica = make("server", *login, *follows)
        watches = (
            *names,
            f"sentinel monitor {MASTER} localhost {self.master.port} 2",
            f"sentinel auth-pass {MASTER} {self.password}",
            f"sentinel down-after-milliseconds {MASTER} 1000",
            f"sentinel failover-timeout {MASTER} 5000",
            f"requirepass {self.sentinel_password}",
            f"sentinel sentinel-pass {self.sentinel_password}",
        )
        self.sentinels = [make("sentinel", *watches) for _ in range(3)]

    def _make(self, *, tls: bool) -> Callable[..., RedisProcess]:
        def make(name: str, *lines: str) -> RedisProcess:
            return RedisProcess(self._folder, name, *lines, tls=tls)

        return make

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that find the master."""
        urls = [f"sentinel://:{self.password}@localhost:{it.port}" for it in self.sentinels]
        return {
            "broker_url": ";".join(urls) + "/1",
            "broker_master": MASTER,
            "broker_sentinel_password": self.sentinel_password,
            **({"broker_ca": str(CERTIFICATE)} if self.tls else {}),
        }

    def __enter__(self) -> Self:
        for one in (self.master, self.replica, *self.sentinels):
            one.start()
        self.wait(self._watched, "three Sentinels to know each other, master and replica")
        return self

    def __exit__(self, *_: object) -> None:
        for one in (*self.sentinels, self.replica, self.master):
            one.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def client(self, one: RedisProcess) -> Redis:
        """A client of one of the servers."""
        password = self.sentinel_password if one in self.sentinels else self.password
        return Redis(host="localhost", port=one.port, password=password, **self.tls)

    def named(self) -> int:
        """The port of the master that the last Sentinel names; 0 while it names none."""
        with suppress(RedisError), self.client(self.sentinels[-1]) as sentinel:
            state = sentinel.sentinel_masters()[MASTER]
            return 0 if state["is_sdown"] or state["is_odown"] else int(state["port"])
        return 0

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition."""

        def said() -> str:
            logs = (it.read_text()[-1500:] for it in self._folder.glob("*/log"))
            return "\n".join([what, *logs])

        eventually(condition, said, every=0.05)

    def _watched(self) -> bool:
        try:
            for one in self.sentinels:
                with self.client(one) as sentinel:
                    state = sentinel.sentinel_masters()[MASTER]
                if state["num-other-sentinels"] < 2 or state["num-slaves"] < 1:
                    return False
            with self.client(self.replica) as replica:
                return bool(replica.info("replication")["master_link_status"] == "up")
        except RedisError:
            return False
