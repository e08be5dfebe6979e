"""``dispatcher run`` and ``dispatcher sandbox`` as what they are: processes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psutil
import pytest

from dispatcher import Dispatcher, Settings
from dispatcher.local.tied_process import tied_to_parent
from dispatcher.sandbox.gateway.ledger import texted
from dispatcher.sandbox.process import Sandbox
from tests.integration.cli.test_commands import TUESDAY
from tests.libraries import needs_workers
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually

KEY = "a-key-that-stays-hidden"
#: `python -m` would look into the working directory first
INSTALLED = [str(Path(sys.executable).with_name("dispatcher"))]


class Running:
    """A ``dispatcher`` process and the lines that it writes."""

    def __init__(self, directory: Path, environment: dict[str, str], *arguments: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            tied_to_parent([*INSTALLED, *arguments]),
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def wait_for(self, pattern: str) -> re.Match[str]:
        def there() -> re.Match[str] | None:
            return re.search(pattern, self.output, re.MULTILINE)

        eventually(
            lambda: there() or self.process.poll() is not None, f"{pattern!r} in\n{self.output}"
        )
        if self.process.poll() is not None:
            self._reader.join()  # what it said last
        found = there()
        assert found, self.output
        return found

    def stop(self, signum: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(signum)
        status = self.process.wait(PATIENCE)
        self._reader.join()
        return status


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with nothing in it but what is said here."""
    offset = (TUESDAY - datetime.now(UTC)).total_seconds()
    return {
        "PATH": os.environ["PATH"],
        "DISPATCHER_DATABASE_URL": f"sqlite:///{tmp_path / 'dispatcher.db'}",
        "DISPATCHER_API_URL": "http://127.0.0.1:9/v1",
        "DISPATCHER_API_KEY": KEY,
        "DISPATCHER_CREDIT_CHECK": "off",
        "DISPATCHER_CLOCK_OFFSET": str(offset),
        "DISPATCHER_TICK": "0.3",
        "DISPATCHER_POLL_INTERVALS": "1",
    }


@pytest.fixture
def gateway(environment: dict[str, str]) -> Iterator[Sandbox]:
    offset = float(environment["DISPATCHER_CLOCK_OFFSET"])
    with Sandbox(key=KEY, clock_offset=offset, delivery_seconds=[0, 0]) as gateway:
        environment["DISPATCHER_API_URL"] = gateway.url
        yield gateway


@needs_workers
def test_run_sends_a_campaign_to_its_last_report_and_stops_cleanly(
    tmp_path: Path, environment: dict[str, str], gateway: Sandbox
) -> None:
    # a user's own project may have packages of any name
    elsewhere = tmp_path / "project"
    for name in ("workers", "celery", "dispatcher", "redis"):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "__init__.py").write_text("raise SystemExit('the wrong package')")
    numbers = "".join(f"06 39 98 {n // 100:02} {n % 100:02}\n" for n in range(600))
    (elsewhere / "numbers.csv").write_text(numbers)
    submit = [*INSTALLED, "submit", "numbers.csv", "--reference", "go", "--text", "Soldes"]
    watch = [*INSTALLED, "progress", "go", "--watch", "--interval", "0.1"]

    with Running(elsewhere, environment, "run", "--workers", "2") as run:
        for name in ("redis", "worker1", "worker2"):
            run.wait_for(rf"^supervisor +\| {name} ready$")
        subprocess.run(submit, cwd=elsewhere, env=environment, check=True, capture_output=True)
        watched = subprocess.run(
            watch, cwd=elsewhere, env=environment, check=True, capture_output=True, text=True
        )
        children = psutil.Process(run.process.pid).children(recursive=True)
        assert len(children) == 4
        secrets = {
            child.environ()["DISPATCHER_BROKER_URL"].split(":")[2].split("@")[0]
            for child in children
            if any("workers" in word for word in child.cmdline())
        }
        shown = [" ".join(child.cmdline()) for child in children]
        assert run.stop() == 0, run.output
        texts = gateway.texted()

    assert watched.stdout.splitlines()[-1] == "go finished: 600 delivered"
    assert (len(texts), set(texts.values())) == (600, {1})
    assert not [child for child in children if child.is_running()]
    (password,) = secrets  # made for this run, the same for all
    for seen in (run.output, *shown):
        assert password not in seen
        assert KEY not in seen
        assert not re.search(r"\+?33639\s?98|0639\s?98", seen)
    # nothing is left lying about
    assert {path.name for path in elsewhere.iterdir() if path.is_file()} == {"numbers.csv"}


@needs_workers
def test_run_creates_the_tables_of_an_empty_database(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with Running(tmp_path, environment, "run", "--workers", "0") as run:
        run.wait_for(r"^supervisor +\| redis ready$")
        assert run.stop(signal.SIGTERM) == 0, run.output

    # the gateway is away; campaigns would wait for it
    assert "dispatcher: warning: the gateway cannot be asked" in run.output
    values = {
        name.removeprefix("DISPATCHER_").lower(): value
        for name, value in environment.items()
        if name.startswith("DISPATCHER_")
    }
    dispatcher = Dispatcher(Settings.of(**values))
    assert dispatcher.campaigns() == []
    dispatcher.database.close()


@needs_workers
def test_run_with_json_writes_only_json_and_serves_metrics_of_each_worker(
    tmp_path: Path, environment: dict[str, str], gateway: Sandbox
) -> None:
    port = free_port(row=2)
    environment |= {"DISPATCHER_LOG_FORMAT": "json", "DISPATCHER_METRICS_PORT": str(port)}
    (tmp_path / "n.csv").write_text("0639980001\n0639980002\n")
    submit = [*INSTALLED, "submit", "n.csv", "--reference", "r", "--text", "x"]
    with Running(tmp_path, environment, "run", "--workers", "2") as run:
        for name in ("redis", "worker1", "worker2"):
            run.wait_for(rf'"message": "{name} ready"')
        subprocess.run(submit, cwd=tmp_path, env=environment, check=True, capture_output=True)
        run.wait_for('"event": "attempt"')
        for served in (port, port + 1):
            with socket.create_connection(("127.0.0.1", served)) as client:
                client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                assert client.recv(100).startswith(b"HTTP/1.0 200 OK")
        assert run.stop() == 0, run.output

    lines = [json.loads(line) for line in run.output.splitlines()]
    assert {"dispatcher", "supervisor", "redis"} <= {line["logger"] for line in lines}
    (attempt,) = [line for line in lines if line.get("event") == "attempt"]
    assert (
        attempt.items()
        >= {
            "level": "info",
            "campaign": 1,
            "batch": 1,
            "attempt": 1,
            "outcome": "sent",
            "messages": 2,
        }.items()
    )
    assert 0 < attempt["seconds"] < PATIENCE
    assert KEY not in run.output
    assert "63998" not in run.output


@needs_workers
def test_run_with_an_impossible_port_is_refused(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    environment["DISPATCHER_METRICS_PORT"] = "65535"
    with Running(tmp_path, environment, "run", "--workers", "2") as run:
        assert run.process.wait(PATIENCE) == 2
        run.wait_for(
            "^dispatcher: DISPATCHER_METRICS_PORT: there are not that many ports after it$"
        )


@needs_workers
def test_run_uses_the_configured_redis(
    environment: dict[str, str], tmp_path: Path, gateway: Sandbox
) -> None:
    from dispatcher.local.redis import EmbeddedRedis

    with EmbeddedRedis(tmp_path / "redis") as redis:
        environment["DISPATCHER_BROKER_URL"] = str(redis.url)
        with Running(tmp_path, environment, "run", "--workers", "1", "--no-beat") as run:
            run.wait_for(r"^supervisor +\| worker1 ready$")
            assert run.stop() == 0, run.output

    assert "starting worker1; Ctrl-C stops" in run.output


def test_campaign_with_the_printed_settings_reaches_the_sandbox(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "n.csv").write_text("0639980001\n")
    with Running(tmp_path, environment, "sandbox", "--delivery-seconds", "0", "0") as sandbox:
        sandbox.wait_for(r"^listening on http://127\.0\.0\.1:\d+/v1$")
        result = dict(re.findall(r"export (\w+)=(\S+)", sandbox.output))
        assert result.keys() == {"DISPATCHER_API_URL", "DISPATCHER_API_KEY"}
        for each in (
            ["submit", "n.csv", "--reference", "r", "--text", "x"],
            ["tick", "--inline"],
        ):
            subprocess.run(
                [*INSTALLED, *each],
                cwd=tmp_path,
                env=environment | result,
                check=True,
                capture_output=True,
            )
        assert sandbox.stop() == 0, sandbox.output

    assert texted(tmp_path / "sandbox-ledger.jsonl") == {"+33639980001": 1}


def test_sandbox_on_taken_port_ends_with_one_sentence(
    environment: dict[str, str], tmp_path: Path, gateway: Sandbox
) -> None:
    port = gateway.url.rsplit(":", 1)[1].removesuffix("/v1")

    with Running(tmp_path, environment, "sandbox", "--port", port) as sandbox:
        assert sandbox.process.wait(PATIENCE) == 1
        sandbox.wait_for(r"^dispatcher: the sandbox cannot run: ")


def test_unknown_switch_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    with Running(tmp_path, environment, "sandbox", "--switch", "mood=bad") as sandbox:
        assert sandbox.process.wait(PATIENCE) == 2
        sandbox.wait_for(r"^dispatcher: --switch: no switch is called 'mood'$")


@pytest.mark.parametrize(
    ("arguments", "database", "code"),
    [
        (["campaigns"], "", 0),
        (["progress", "nope"], "", 1),
        (["window", "--at", "2027-03-27T20:00"], "", 2),
        (["campaigns"], "sqlite:////no/such/place/x.db", 3),
    ],
)
def test_exit_codes_equal_those_of_the_help(
    environment: dict[str, str], tmp_path: Path, arguments: list[str], database: str, code: int
) -> None:
    if database:
        environment["DISPATCHER_DATABASE_URL"] = database
    else:
        subprocess.run([*INSTALLED, "migrate"], cwd=tmp_path, env=environment, check=True)

    done = subprocess.run(
        [*INSTALLED, *arguments], cwd=tmp_path, env=environment, capture_output=True, check=False
    )

    assert done.returncode == code
    assert bool(done.stderr) == bool(code)


def test_ctrl_c_ends_watch_silently(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text("0639980001\n")
    submit = [*INSTALLED, "submit", "n.csv", "--reference", "r", "--text", "x"]
    subprocess.run(submit, cwd=tmp_path, env=environment, check=True, capture_output=True)

    with Running(tmp_path, environment, "progress", "r", "--watch") as watch:
        watch.wait_for("r running: 1 pending")
        assert watch.stop() == 130

    assert watch.output == "r running: 1 pending\n"


@needs_workers
def test_celery_command_uses_the_same_settings(tmp_path: Path) -> None:
    report = subprocess.run(
        [*INSTALLED, "celery", "report"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "DISPATCHER_TICK": "1.5"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert "beat_max_loop_interval: 1.5" in report.stdout
    assert "dispatcher.send" in report.stdout


@needs_workers
@pytest.mark.parametrize(
    "words",
    [
        "-P prefork",
        "-Pprocesses",
        "-P solo",
        "--pool=gevent",
        "--pool eventlet",
        "--autoscale 8,2",
        "--autoscale=8",
    ],
)
@pytest.mark.parametrize(
    "start", [[*INSTALLED, "celery"], [sys.executable, "-m", "workers"]], ids=["ours", "lean"]
)
def test_worker_refuses_another_pool_in_one_sentence(start: list[str], words: str) -> None:
    done = subprocess.run(
        [*start, "worker", *words.split()],
        env={
            "PATH": os.environ["PATH"],
            "DISPATCHER_BROKER_URL": "redis://127.0.0.1:1/0",
            "DISPATCHER_API_KEY": "k" * 40,
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode in (1, 2)
    (sentence,) = done.stderr.splitlines()
    assert "leave out" in sentence
    assert "DISPATCHER_CONNECTIONS" in sentence


@needs_workers
@pytest.mark.parametrize(
    "words", [["worker"], ["worker", "--pool", "threads"], ["beat"]], ids=" ".join
)
def test_worker_and_beat_accept_options_of_celery(tmp_path: Path, words: list[str]) -> None:
    shown = subprocess.run(
        [*INSTALLED, "celery", *words, "--help"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert "--loglevel" in shown.stdout
    assert "--pidfile" in shown.stdout
