"""The probes of a real worker, and its metrics for Prometheus compared with the rows."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from dispatcher.monitoring.metrics import FRESH
from tests.acceptance.installation import ROOT, Child, Installation, on_sqlite, people
from tests.ports import free_port
from tests.servers import NoPostgresError, PostgresServer, unavailable
from tests.waiting import PATIENCE


class Probed:
    """A worker with a port for its metrics."""

    def __init__(self, site: Installation, **environment: str) -> None:
        self.port = free_port()
        environment["DISPATCHER_METRICS_PORT"] = str(self.port)
        self.child: Child = site.worker(f"probed{self.port}", **environment)

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ready(self) -> tuple[int, dict[str, tuple[bool, str]]]:
        """The status of /readyz, and the result and sentence of each check."""
        status, body = self.get("/readyz")
        document: dict[str, Any] = json.loads(body)
        assert document["ready"] is (status == 200)
        return status, {
            check["name"]: (check["well"], check["says"]) for check in document["checks"]
        }

    def health_check(self) -> int:
        """The exit code of the health check of docker-compose.yml."""
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
        *_, program = compose["services"]["worker"]["healthcheck"]["test"]
        query = program.replace("9808", str(self.port))
        assert query != program
        return subprocess.run([sys.executable, "-c", query], check=False).returncode

    def metrics(self) -> dict[tuple[str, ...], float]:
        status, body = self.get("/metrics")
        assert status == 200, body
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(body)
            for sample in family.samples
        }


@dataclass(frozen=True)
class Scene:
    """A site with a beat and a worker that has probes."""

    site: Installation
    worker: Probed


@pytest.fixture(scope="module")
def scene(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with Installation(tmp_path_factory.mktemp("scene"), module_database_url) as site:
        worker = Probed(site)
        site.beat()
        yield Scene(site, worker)


@pytest.fixture
def lent(scene: Scene) -> Iterator[Scene]:
    with scene.site.lent():
        yield scene


def test_metrics_of_a_worker_agree_with_the_rows(lent: Scene) -> None:
    site, worker = lent.site, lent.worker
    before = worker.metrics()
    site.gateway.fault("reset_after_read", "/v1/bulk-send", nth=3)
    site.submit("soldes", people(1200))
    progress = site.wait_finished("soldes")

    def of(metrics: dict[tuple[str, ...], float], name: str) -> dict[str, float]:
        return {key[1]: value for key, value in metrics.items() if key[0] == name and value}

    def rows() -> Counter[str]:
        with site.dispatcher.database.read() as session:
            return Counter(session.scalars(text("SELECT state FROM dispatcher_message")).all())

    def up_to_date() -> bool:
        now = worker.metrics()
        running = now["dispatcher_campaigns", "running"]
        return running == 0 and of(now, "dispatcher_recipients") == rows()

    site.wait(up_to_date, f"the {FRESH} s to pass for which a reading is cached")
    after = worker.metrics()

    def grown(name: str) -> dict[str, float]:
        earlier = of(before, name)
        return {
            label: value - earlier.get(label, 0)
            for label, value in of(after, name).items()
            if value != earlier.get(label, 0)
        }

    with site.dispatcher.database.read() as session:
        batches = Counter(session.scalars(text("SELECT state FROM dispatcher_batch")).all())
    assert of(after, "dispatcher_batches") == batches
    assert grown("dispatcher_recipients") == {"delivered": 1200}
    assert grown("dispatcher_calls_total") == {"sent": 2, "in_doubt": 1}
    assert Counter(site.outcomes()) == {"sent": 3}  # the third one was proven by its tag
    calls = ("dispatcher_call_seconds_count",)
    assert after[calls] - before[calls] == 3
    spent = ("dispatcher_spend_euros_total",)
    assert after[spent] - before[spent] == pytest.approx(float(progress.cost))
    assert after["dispatcher_window_open", "metropole"] == 1
    assert after["dispatcher_due_batches",] == after["dispatcher_doubt_age_seconds",] == 0
    assert after["dispatcher_tick_age_seconds",] < 60
    assert of(after, "dispatcher_ready") == {
        "database": 1, "broker": 1, "beat": 1, "workers": 1,
    }  # fmt: skip
    assert after["process_start_time_seconds",] > 0
    (build,) = (key for key in after if key[0] == "dispatcher_build_info")
    assert site.dispatcher.database.engine.dialect.name in build
    site.check()


def test_probes_and_log_hold_no_secret(lent: Scene) -> None:
    site, worker = lent.site, lent.worker
    site.submit("Customers of July", people(3))
    site.wait_finished("Customers of July")
    answers = "".join(worker.get(path)[1] for path in ("/metrics", "/readyz", "/healthz", "/x"))
    password = urlsplit(str(site.redis.url)).password
    assert password
    for hidden in (site.gateway.key, password, "3363998", "July", "Soldes"):
        assert hidden not in answers
        assert hidden not in worker.child.log.read_text()


@on_sqlite
def test_worker_listens_on_loopback_unless_a_host_is_set(lent: Scene) -> None:
    here = lent.worker
    assert listening(here.child) == {("127.0.0.1", here.port)}
    everywhere = Probed(lent.site, DISPATCHER_METRICS_HOST="0.0.0.0")
    assert listening(everywhere.child) == {("0.0.0.0", everywhere.port)}


@on_sqlite
def test_worker_without_a_port_listens_nowhere(lent: Scene) -> None:
    worker = lent.site.worker("without-port")
    assert listening(worker) == set()


@on_sqlite
def test_worker_whose_port_is_taken_ends_with_one_sentence(lent: Scene) -> None:
    taken = lent.worker.port
    second = lent.site.start(
        "second",
        *("celery", "-A", "workers", "worker", "-n", "second@%h"),
        DISPATCHER_METRICS_PORT=str(taken),
    )
    assert second.process.wait(PATIENCE) != 0
    log = second.log.read_text()
    assert f"error: DISPATCHER_METRICS_PORT: 127.0.0.1 port {taken} cannot" in log
    assert "Traceback" not in log


@on_sqlite
def test_worker_without_prometheus_client_starts_and_names_the_missing_package(
    lent: Scene, tmp_path: Path
) -> None:
    shadow = tmp_path / "shadow" / "prometheus_client"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text("raise ImportError('not installed')")
    site = lent.site
    worker = Probed(site, PYTHONPATH=f"{shadow.parent}:{ROOT}")
    site.wait(lambda: worker.ready()[0] == 200, "the worker to be ready")
    assert worker.get("/healthz")[0] == 200
    status, body = worker.get("/metrics")
    assert (status, re.findall(r"\[(\w+)\]", body)) == (501, ["metrics"])
    assert worker.child.says("sms-campaign-dispatcher[metrics]")
    site.suspend(lent.worker.child)  # so that the other one sends
    site.submit("soldes", people(3))
    site.wait_finished("soldes")


def test_worker_without_redis_is_healthy_and_not_ready(tmp_path: Path, sqlite_url: str) -> None:
    with Installation(tmp_path, sqlite_url) as site:
        worker = Probed(site)
        status, checks = worker.ready()
        assert (status, checks["beat"]) == (503, (False, "no worker has ever ticked"))
        assert checks["database"][0]
        assert checks["broker"][0]
        site.beat()
        site.wait(lambda: worker.ready()[0] == 200, "the worker to be ready")
        assert worker.health_check() == 0
        assert site.command("doctor", "--only", "beat").returncode == 0
        site.redis.stop()
        site.wait(lambda: worker.ready()[0] == 503, "the worker to notice the loss of Redis")
        well, says = worker.ready()[1]["broker"]
        assert not well
        assert "Redis does not answer at DISPATCHER_BROKER_URL: nothing listens" in says
        assert worker.get("/healthz") == (200, '{"alive": true}\n')
        assert worker.health_check() == 1
        site.wait(lambda: worker.metrics()["dispatcher_ready", "broker"] == 0, "its metric")


def test_worker_without_its_database_is_healthy_and_not_ready(tmp_path: Path) -> None:
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
        site.wait(lambda: worker.ready()[0] == 503, "the worker to notice the loss of its database")
        well, says = worker.ready()[1]["database"]
        assert not well
        assert "database" in says
        assert worker.get("/healthz")[0] == 200
        site.wait(lambda: worker.metrics()["dispatcher_database_up",] == 0, "its metric")
        assert ("dispatcher_calls_total", "sent") in worker.metrics()
        server.restart()
        site.wait(lambda: worker.ready()[0] == 200, "the worker to be ready again")


def listening(child: Child) -> set[tuple[str, int]]:
    """The addresses and ports on which a process listens."""
    return {
        (connection.laddr.ip, connection.laddr.port)
        for connection in psutil.Process(child.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
