"""The workflow of CI: it runs `.ci/run` on every Python that the project supports."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PATH = ROOT / ".github/workflows/ci.yml"
WORKFLOW: dict[Any, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
SCRIPT = (ROOT / ".ci/run").read_text(encoding="utf-8")


def commands(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def combinations() -> list[tuple[str, str, bool]]:
    """System, Python, and whether it may fail, of every run of the suite."""
    matrix = JOBS["suite"]["strategy"]["matrix"]
    regular = [(os_name, python, False) for os_name in matrix["os"] for python in matrix["python"]]
    more = [(it["os"], it["python"], it.get("may-fail", False)) for it in matrix["include"]]
    return regular + more


def test_every_supported_python_runs_the_suite_on_linux() -> None:
    script = (ROOT / "scripts/matrix.sh").read_text(encoding="utf-8")
    (supported,) = re.findall(r'^VERSIONS="(.*)"$', script, re.MULTILINE)
    linux = [python for name, python, _ in combinations() if name.startswith("ubuntu-")]
    assert linux == supported.split()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={linux[0]}"


def test_only_the_newest_python_may_fail() -> None:
    assert [python for _, python, may_fail in combinations() if may_fail] == ["3.14"]
    assert JOBS["suite"]["continue-on-error"] == "${{ matrix.may-fail == true }}"
    assert [name for name, job in JOBS.items() if "continue-on-error" in job] == ["suite"]


def test_the_suite_runs_on_macos() -> None:
    assert [may_fail for name, _, may_fail in combinations() if name.startswith("macos-")] == [
        False
    ]


def test_the_suite_is_the_script_with_the_python_of_its_job() -> None:
    assert commands("suite") == [".ci/run"]
    (step,) = (step for step in JOBS["suite"]["steps"] if "run" in step)
    assert step["env"] == {"PYTHON": "python${{ matrix.python }}"}
    assert "python=${PYTHON:-}" in SCRIPT


def test_debians_own_python_runs_the_script() -> None:
    assert JOBS["debian"]["container"] == "debian:12"
    assert commands("debian")[-1] == ".ci/run"


def test_coverage_is_measured_by_make() -> None:
    assert commands("coverage") == ["make coverage"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^coverage: .*\n\t@\$\(PY\) -m pytest .*--cov\b", makefile, re.MULTILINE)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert settings["coverage"]["report"]["fail_under"] > 0


@pytest.mark.parametrize("name", JOBS)
def test_a_job_ends_and_clones_first(name: str) -> None:
    assert 0 < JOBS[name]["timeout-minutes"] <= 120
    uses = [step["uses"] for step in JOBS[name]["steps"] if "uses" in step]
    assert uses[0].startswith("actions/checkout@")
    for action in uses:
        assert re.fullmatch(r"actions/[\w-]+@v\d+", action)


def test_the_workflow_may_only_read_and_names_no_host() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert not re.search(r"://|\b\w+\.(?:io|org|com|net|dev)\b", PATH.read_text(encoding="utf-8"))


def test_the_script_may_be_run_and_ends_with_the_suite() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert SCRIPT.splitlines()[-1] == 'exec make test PYTHON="$python"'
