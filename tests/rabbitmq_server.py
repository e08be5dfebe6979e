"""A real RabbitMQ that tests start and end, with its own data, name and ports."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil
from kombu import Connection

from dispatcher.local.tied_process import tied_to_parent
from tests.ports import free_port
from tests.waiting import PATIENCE

#: Debian's ``rabbitmq-server`` changes the user and drops the environment; this one does not
_DEBIAN_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class NoRabbitError(Exception):
    """There is no RabbitMQ to start on this machine."""


class RabbitServer:
    """A RabbitMQ on loopback. Raises ``NoRabbitError`` where none is installed, or none starts.

    It takes no message while it uses more than this share of the memory.
    """

    def __init__(self, memory: str = "0.6") -> None:
        found = shutil.which("rabbitmq-server")
        if found is None:
            raise NoRabbitError("rabbitmq-server is not on PATH")
        self._program = str(_DEBIAN_PROGRAM if _DEBIAN_PROGRAM.exists() else found)
        self._folder = Path(tempfile.mkdtemp(prefix="rabbitmq-"))
        self._name = f"test{secrets.token_hex(4)}@localhost"
        self._password = secrets.token_hex(16)
        self._port, self._between, self._mapper = free_port(), free_port(), free_port()
        self._children: list[subprocess.Popen[bytes]] = []
        atexit.register(self.remove)
        (self._folder / "plugins").write_text("[].\n")
        (self._folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self._port}\n"
            f"default_user = dispatcher\ndefault_pass = {self._password}\n"
            # so that it starts on a machine whose disk is nearly full, too
            "disk_free_limit.absolute = 1MB\n"
            f"vm_memory_high_watermark.relative = {memory}\n"
        )

    def url(self, password: str | None = None) -> str:
        """Its URL, with its own password unless another is given."""
        return f"amqp://dispatcher:{password or self._password}@127.0.0.1:{self._port}//"

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        self._run("mapper", [shutil.which("epmd") or "epmd", "-port", str(self._mapper)])
        server = self._run("server", [self._program])
        end = time.monotonic() + PATIENCE
        while not self._answers():
            if server.poll() is not None or time.monotonic() > end:
                text = (self._folder / "server.out").read_text(errors="replace")
                self.kill()
                raise NoRabbitError(f"rabbitmq-server does not start: {text.strip()[-500:]}")
            time.sleep(0.2)
        return self

    def kill(self) -> None:
        """Kill it with all processes that it has started; its data stay."""
        started = [psutil.Process(one.pid) for one in self._children if one.poll() is None]
        family = started + [one for each in started for one in each.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=PATIENCE)
        for child in self._children:
            child.wait()
        self._children.clear()

    def remove(self) -> None:
        """End it, and delete its data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", self._port)):
                return False
        try:
            with Connection(self.url(), connect_timeout=2) as connection:
                connection.connect()
        except Exception:  # noqa: BLE001 - it listens before it accepts logins
            return False
        return True

    def _run(self, name: str, argv: list[str]) -> subprocess.Popen[bytes]:
        folder = str(self._folder)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,  # where Erlang stores its cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._mapper),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_DIST_PORT": str(self._between),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/environment",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
        }
        with (self._folder / f"{name}.out").open("ab") as output:
            child = subprocess.Popen(
                tied_to_parent(argv),
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)
        return child
