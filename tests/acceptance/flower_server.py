"""A real Flower server, started as an operator starts it, and its pages."""

from __future__ import annotations

import base64
import http.client
import json
from collections import Counter
from typing import Any
from urllib.parse import urlencode

from tests.acceptance.installation import Child, Installation
from tests.ports import free_port
from tests.waiting import PATIENCE

USER, PASSWORD = "operator", "on-the-loopback"


class FlowerServer:
    """A Flower that watches one installation."""

    def __init__(self, site: Installation) -> None:
        self.port = free_port()
        # in the environment, as in docker-compose.yml: process lists show command lines
        self.process: Child = site.start(
            "flower",
            *("celery", "-A", "workers", "flower", "--address=127.0.0.1", f"--port={self.port}"),
            "--tasks-columns=name,args,state,received,runtime,worker",
            "--logging=debug",
            FLOWER_BASIC_AUTH=f"{USER}:{PASSWORD}",
        )
        site.wait(lambda: self._answers("/healthcheck"), "Flower to answer")

    def pages(self) -> dict[str, str]:
        """Every page and API answer about the workers, and about one task of each kind, by path."""
        paths = ["/", "/workers", "/tasks", "/broker", "/metrics", _TABLE]
        paths += ["/api/workers?refresh=1", "/api/tasks", "/api/task/types", "/api/queues/length"]
        shown = {path: self.page(path) for path in paths}
        for worker in json.loads(shown["/api/workers?refresh=1"]):
            shown[f"/worker/{worker}"] = self.page(f"/worker/{worker}")
        newest = {task["name"]: uuid for uuid, task in self.tasks().items()}
        for uuid in newest.values():
            for path in (f"/task/{uuid}", f"/api/task/info/{uuid}"):
                shown[path] = self.page(path)
        return shown

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Every task that it has seen, by id."""
        tasks: dict[str, dict[str, Any]] = json.loads(self.page("/api/tasks"))
        return tasks

    def done(self) -> Counter[str]:
        """How often it has seen a task of each name succeed."""
        return Counter(one["name"] for one in self.tasks().values() if one["state"] == "SUCCESS")

    def workers(self) -> dict[str, dict[str, Any]]:
        """Every worker that it sees, by name."""
        workers: dict[str, dict[str, Any]] = json.loads(self.page("/api/workers?refresh=1"))
        return workers

    def page(self, path: str) -> str:
        """The body of ``path``, asked for with the password; the status must be 200."""
        status, body = self.get(path)
        assert status == 200, f"{path}: {status}"
        return body

    def get(self, path: str, *, password: str | None = PASSWORD) -> tuple[int, str]:
        """Status and body of ``path``; with None as password, without credentials."""
        headers = {}
        if password is not None:
            known = base64.b64encode(f"{USER}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {known}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def _answers(self, path: str) -> bool:
        try:
            return self.get(path)[0] == 200
        except OSError:
            return False


#: the request for the table of tasks that its page makes
_TABLE = "/tasks/datatable?" + urlencode(
    {
        "draw": 1,
        "start": 0,
        "length": 1000,
        "search[value]": "",
        "order[0][column]": 0,
        "order[0][dir]": "asc",
        "columns[0][data]": "name",
    }
)
