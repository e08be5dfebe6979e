"""Flower with a real installation: what it shows, behind its password and without a secret."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from dispatcher.dispatch.hints import POLL, QUEUES, SEND, TICK
from tests.acceptance.browser import OpenPage, chromium, open_page
from tests.acceptance.flower_server import PASSWORD, USER, FlowerServer
from tests.acceptance.installation import ROOT, Installation, people
from tests.ports import free_port

__all__ = ["chromium", "open_page"]  # pytest finds them by their names

TEXT = "Le renard passe demain: {{ remise }} pour vous"
EVERYONE = people(1200)


@dataclass(frozen=True)
class Scene:
    """An installation that has finished a campaign while Flower watched."""

    site: Installation
    flower: FlowerServer


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("flower")
    with Installation(directory, f"sqlite:///{directory / 'test.db'}") as site:
        flower = FlowerServer(site)
        for name in ("worker1", "worker2"):
            site.worker(name)
        site.wait(lambda: len(flower.workers()) == 2, "Flower to see the workers")
        site.beat()
        recipients = [{"phone": phone, "remise": "moins-douze"} for phone in EVERYONE]
        site.dispatcher.submit("soldes", TEXT, recipients)
        site.wait_finished("soldes")
        # Flower is told of a task some time after it has ended
        site.wait(lambda: flower.done().keys() >= {SEND, POLL}, "Flower to see the tasks")
        yield Scene(site, flower)
        site.check()


def test_every_worker_is_shown_with_its_tasks_and_queues(scene: Scene) -> None:
    scene.site.wait(
        # a worker that is asked for its queues has a second to answer
        lambda: all("active_queues" in worker for worker in scene.flower.workers().values()),
        "the workers to tell their queues",
    )
    workers = scene.flower.workers()
    assert {name.partition("@")[0] for name in workers} == {"worker1", "worker2"}
    for worker in workers.values():
        assert {queue["name"] for queue in worker["active_queues"]} == set(QUEUES.values())
        assert set(worker["registered"]) >= set(QUEUES)


def test_every_task_is_counted_and_shows_its_batch(scene: Scene) -> None:
    site, flower = scene.site, scene.flower
    batches = {str(batch.id) for batch in site.batches()}

    def sent() -> set[str]:
        return {
            re.sub(r"\D", "", task["args"])
            for task in flower.tasks().values()
            if task["name"] == SEND and task["state"] == "SUCCESS"
        }

    site.wait(lambda: sent() & batches, "a batch's task to be seen")
    assert flower.done().keys() >= {SEND, POLL}
    assert sent() <= batches
    assert "flower_events_total{" in flower.page("/metrics")


def test_no_tick_takes_the_place_of_another_task(scene: Scene) -> None:
    scene.site.wait(lambda: scene.site.dispatcher.last_tick() is not None, "a tick")
    tasks = scene.flower.tasks().values()
    assert {task["name"] for task in tasks} >= {SEND, POLL}
    assert not [task for task in tasks if task["name"] in (TICK, None)]


def test_nothing_is_shown_without_the_password(scene: Scene) -> None:
    shown = scene.flower.pages()
    # Flower leaves this page open for Prometheus: names of workers and tasks, and counts
    open_to_all = {"/metrics"}
    for path in shown.keys() - open_to_all:
        for password in (None, "", "a guess"):
            status, body = scene.flower.get(path, password=password)
            assert (status, body) in {(401, "Access denied"), (401, "")}, path


def test_no_page_shows_key_number_or_text(scene: Scene) -> None:
    shown = scene.flower.pages()
    assert any(path.startswith("/task/") for path in shown)
    assert any(path.startswith("/worker/") for path in shown)
    password = urlsplit(str(scene.site.redis.url)).password
    assert password
    number = "|".join("[ .-]?".join(phone[3:]) for phone in EVERYONE)
    hidden = "|".join([re.escape(scene.site.gateway.key), re.escape(password), "renard", "douze"])
    # the search finds numbers where they are
    assert len(re.findall(number, scene.site.gateway.ledger_path.read_text())) >= len(EVERYONE)
    found = {
        path: match[0]
        for path, page in shown.items()
        if (match := re.search(f"{number}|{hidden}", page))
    }
    assert found == {}


def test_health_check_of_the_compose_file_notices_a_missing_flower(scene: Scene) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    *_, program = compose["services"]["flower"]["healthcheck"]["test"]
    assert program.count("5555") == 1
    for port, ended in ((scene.flower.port, 0), (free_port(), 1)):
        query = program.replace("5555", str(port))
        done = subprocess.run([sys.executable, "-c", query], check=False, capture_output=True)
        assert done.returncode == ended


@pytest.mark.parametrize(
    ("path", "words"),
    [("/workers", "worker2@"), ("/tasks", SEND), ("/broker", QUEUES[SEND])],
    ids=["workers", "tasks", "broker"],
)
def test_browser_shows_workers_tasks_and_queues(
    scene: Scene, open_page: OpenPage, path: str, words: str
) -> None:
    """Saves a screenshot to the directory ``TEST_SCREENSHOTS``, if that is set."""
    page = open_page(
        viewport={"width": 1200, "height": 640},
        http_credentials={"username": USER, "password": PASSWORD},
    )
    page.goto(f"http://127.0.0.1:{scene.flower.port}{path}")
    if path == "/tasks":
        page.get_by_role("searchbox").fill(words)
    page.get_by_text(words).first.wait_for()
    directory = os.environ.get("TEST_SCREENSHOTS")
    if directory:
        page.screenshot(path=Path(directory) / f"flower-{path.strip('/')}.png")
