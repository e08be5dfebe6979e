"""A real worker tells process from progress, and what it tells Prometheus is what the rows say."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from dispatcher.monitoring.metrics import FRESH
from tests.acceptance.installation import ROOT, Child, Installation, people
from tests.servers import NoPostgresError, PostgresServer, free_port, unavailable


class Probed:
    """A worker with a port for its metrics."""

    def __init__(self, site: Installation, **environment: str) -> None:
        self.port = free_port()
        environment["DISPATCHER_METRICS_PORT"] = str(self.port)
        self.child: Child = site.worker(f"probed{self.port}", **environment)

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ready(self) -> tuple[int, dict[str, tuple[bool, str]]]:
        """The status of /readyz, and each check with what it says."""
        status, body = self.get("/readyz")
        told: dict[str, Any] = json.loads(body)
        assert told["ready"] is (status == 200)
        return status, {check["name"]: (check["well"], check["says"]) for check in told["checks"]}

    def health_check(self) -> int:
        """How the health check of docker-compose.yml ends."""
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
        *_, program = compose["services"]["worker"]["healthcheck"]["test"]
        asked = program.replace("9808", str(self.port))
        assert asked != program
        return subprocess.run([sys.executable, "-c", asked], check=False).returncode

    def metrics(self) -> dict[tuple[str, ...], float]:
        status, body = self.get("/metrics")
        assert status == 200, body
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(body)
            for sample in family.samples
        }


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    with Installation(tmp_path, database_url) as site:
        yield site


def test_what_a_worker_tells_prometheus_is_what_the_rows_say(site: Installation) -> None:
    worker = Probed(site)
    beat = site.beat()
    site.gateway.fault("reset_after_read", "/v1/bulk-send", nth=3)
    site.submit("soldes", people(1200))
    site.wait_finished("soldes")

    def finished() -> bool:
        return worker.metrics()["dispatcher_campaigns", "running"] == 0

    site.wait(finished, f"the {FRESH} s to pass for which a reading is kept")
    told = worker.metrics()
    with site.dispatcher.database.read() as session:
        states = Counter(session.scalars(text("SELECT state FROM message")).all())
    outcomes = Counter(site.outcomes())

    def by(name: str) -> dict[str, float]:
        return {key[1]: value for key, value in told.items() if key[0] == name and value}

    assert by("dispatcher_recipients") == states == {"delivered": 1200}
    assert by("dispatcher_batches") == Counter(batch.state for batch in site.batches())
    assert by("dispatcher_calls_total") == {"sent": 2, "in_doubt": 1}
    assert outcomes == {"sent": 3}  # the third one was proven by its tag
    assert told["dispatcher_call_seconds_count",] == 3
    spent = float(site.progress("soldes").cost)
    assert told["dispatcher_spend_euros_total",] == pytest.approx(spent)
    assert told["dispatcher_window_open", "metropole"] == 1
    assert told["dispatcher_due_batches",] == told["dispatcher_doubt_age_seconds",] == 0
    assert told["dispatcher_tick_age_seconds",] < 60
    assert by("dispatcher_ready") == {"database": 1, "broker": 1, "beat": 1}
    assert told["process_start_time_seconds",] > 0
    (build,) = (key for key in told if key[0] == "dispatcher_build_info")
    assert site.dispatcher.database.engine.dialect.name in build
    assert beat.alive
    site.check()


def test_nothing_secret_is_told_or_logged(site: Installation) -> None:
    worker = Probed(site)
    site.beat()
    site.submit("Customers of July", people(3))
    site.wait_finished("Customers of July")
    told = "".join(worker.get(path)[1] for path in ("/metrics", "/readyz", "/healthz", "/x"))
    password = urlsplit(str(site.redis.url)).password
    assert password
    for hidden in (site.gateway.key, password, "3363998", "July", "Soldes"):
        assert hidden not in told
        assert hidden not in worker.child.log.read_text()


def test_a_worker_without_redis_is_healthy_and_not_ready(tmp_path: Path, sqlite_url: str) -> None:
    with Installation(tmp_path, sqlite_url) as site:
        worker = Probed(site)
        status, checks = worker.ready()
        assert (status, checks["beat"]) == (503, (False, "it has never ticked"))
        assert checks["database"][0]
        assert checks["broker"][0]
        site.beat()
        site.wait(lambda: worker.ready()[0] == 200, "the worker to be ready")
        assert worker.health_check() == 0
        assert site.command("doctor", "--only", "beat").returncode == 0
        site.redis.stop()
        site.wait(lambda: worker.ready()[0] == 503, "the worker to miss Redis")
        assert worker.ready()[1]["broker"] == (
            False,
            "Redis does not answer at DISPATCHER_BROKER_URL",
        )
        assert worker.get("/healthz") == (200, '{"alive": true}\n')
        assert worker.health_check() == 1
        site.wait(lambda: worker.metrics()["dispatcher_ready", "broker"] == 0, "it to be told")


def test_a_worker_without_its_database_is_healthy_and_not_ready(tmp_path: Path) -> None:
    try:
        server = PostgresServer()
        server.start()
    except NoPostgresError as error:
        unavailable(str(error))
    with server, Installation(tmp_path, server.create_database()) as site:
        worker = Probed(site)
        site.dispatcher.tick()
        site.wait(lambda: worker.ready()[0] == 200, "the worker to be ready")
        server.kill()
        site.wait(lambda: worker.ready()[0] == 503, "the worker to miss its database")
        well, says = worker.ready()[1]["database"]
        assert not well
        assert "database" in says
        assert worker.get("/healthz")[0] == 200
        told = worker.metrics
        site.wait(lambda: told()["dispatcher_database_up",] == 0, "it to be told")
        assert ("dispatcher_calls_total", "sent") in told()
        server.restart()
        site.wait(lambda: worker.ready()[0] == 200, "the worker to be ready again")


def test_without_a_port_nothing_listens(tmp_path: Path, sqlite_url: str) -> None:
    with Installation(tmp_path, sqlite_url) as site:
        worker = site.worker()
        assert listening(worker) == set()


def test_a_worker_listens_on_loopback_unless_told_otherwise(
    tmp_path: Path, sqlite_url: str
) -> None:
    with Installation(tmp_path, sqlite_url) as site:
        here = Probed(site)
        assert listening(here.child) == {("127.0.0.1", here.port)}
        everywhere = Probed(site, DISPATCHER_METRICS_HOST="0.0.0.0")
        assert listening(everywhere.child) == {("0.0.0.0", everywhere.port)}


def test_a_port_that_is_taken_ends_the_worker_with_one_sentence(
    tmp_path: Path, sqlite_url: str
) -> None:
    with Installation(tmp_path, sqlite_url) as site:
        first = Probed(site)
        second = site.start(
            "second",
            *("celery", "-A", "workers", "worker", "-n", "second@%h"),
            DISPATCHER_METRICS_PORT=str(first.port),
        )
        assert second.process.wait(60) != 0
        told = second.log.read_text()
        assert f"error: DISPATCHER_METRICS_PORT: 127.0.0.1 port {first.port} cannot" in told
        assert "Traceback" not in told


def test_without_prometheus_client_a_worker_starts_and_says_what_is_missing(
    tmp_path: Path, sqlite_url: str
) -> None:
    shadow = tmp_path / "shadow" / "prometheus_client"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text("raise ImportError('not installed')")
    with Installation(tmp_path, sqlite_url) as site:
        worker = Probed(site, PYTHONPATH=f"{shadow.parent}:{ROOT}")
        site.dispatcher.tick()
        assert worker.get("/healthz")[0] == worker.ready()[0] == 200
        status, body = worker.get("/metrics")
        assert (status, re.findall(r"\[(\w+)\]", body)) == (501, ["metrics"])
        assert worker.child.says("sms-campaign-dispatcher[metrics]")
        site.submit("soldes", people(3))
        site.beat()
        site.wait_finished("soldes")


def listening(child: Child) -> set[tuple[str, int]]:
    """Where a process waits for connections."""
    return {
        (connection.laddr.ip, connection.laddr.port)
        for connection in psutil.Process(child.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
