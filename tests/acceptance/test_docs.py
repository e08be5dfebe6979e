"""The documentation: it builds without a warning, its tutorial works, its code is valid."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
import subprocess
import sys
import textwrap
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from dispatcher import Dispatcher
from dispatcher.campaigns.submission import Options
from tests.integration.cli.test_commands import TUESDAY
from tests.integration.cli.test_run import Running
from tests.ports import free_port
from tests.unit.programs import check_command
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
#: blocks of the tutorial that are not run: this one fetches packages, test_wheel.py installs them
NOT_RUN = "python3 -m venv"
CALLS = {"submit", "plan", "submit_on_commit"}


def blocks(page: Path, *languages: str) -> list[str]:
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [textwrap.dedent(code).strip() for _, language, code in found if language in languages]


def of_all(language: str) -> list[object]:
    return [
        pytest.param(code, id=f"{page.stem}-{at}")
        for page in PAGES
        for at, code in enumerate(blocks(page, language))
    ]


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", ROOT / "docs", tmp_path],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert "DISPATCHER_CALLBACK_SECRET" in (tmp_path / "settings.html").read_text("utf-8")
    assert "dispatcher.Dispatcher.give_up" in (tmp_path / "api.html").read_text("utf-8")
    assert "idempotency key" in (tmp_path / "limits.html").read_text("utf-8")


@pytest.mark.parametrize("code", of_all("python"))
def test_python_compiles_and_uses_what_exists(code: str) -> None:
    # none stands alone: each needs an app, a key or a request; the apps' own tests run theirs
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dispatcher"):
            if "django" in (node.module or ""):
                continue  # needs a configured project: test_django_shop.py imports it
            for alias in node.names:
                assert hasattr(import_module(node.module or ""), alias.name), alias.name
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CALLS
            and ast.unparse(node.func.value) == "dispatcher"
        ):
            known = {*inspect.signature(Dispatcher.submit).parameters, *Options.__annotations__}
            known |= {"fields", "phone", "territory_field", "key", "on_error"}  # contrib.django's
            assert {keyword.arg for keyword in node.keywords} <= known


@pytest.mark.parametrize("code", of_all("sh"))
def test_shell_parses_and_its_commands_exist(code: str) -> None:
    subprocess.run(["sh", "-n"], input=code, text=True, check=True)
    for line in re.sub(r"\\\n", " ", code).splitlines():
        if line.startswith("dispatcher ") and "opt-outs" not in line:
            check_command(shlex.split(line, comments=True))


def test_the_tutorial_ends_with_a_finished_campaign(tmp_path: Path) -> None:
    port = str(free_port())
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "LANG": "C.UTF-8",
        "DISPATCHER_CLOCK_OFFSET": str((TUESDAY - datetime.now(UTC)).total_seconds()),
    }
    text = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8").replace("8025", port)
    output, ran = "", 0
    with ExitStack() as terminals:
        for _, language, code in FENCE.findall(text):
            if language == "text":
                for line in code.splitlines():
                    assert line in output, f"{line!r} is not in\n{output}"
            elif code.startswith(NOT_RUN):
                continue
            elif re.search(r"^dispatcher (sandbox|run)\b", code, re.MULTILINE):
                *exports, command = code.strip().splitlines()
                variables = dict(line.removeprefix("export ").split("=", 1) for line in exports)
                arguments = shlex.split(command)[1:]
                environment |= variables  # the third terminal has them too
                running = Running(tmp_path, environment, *arguments)
                terminals.enter_context(running)
                running.wait_for(r"listening on|worker\d+@\S+ ready")
                ran += 1
            else:
                done = subprocess.run(
                    ["sh", "-ec", code],
                    cwd=tmp_path,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=PATIENCE,
                )
                output = done.stdout
                assert done.returncode == 0, output
                ran += 1
        assert (tmp_path / "sandbox-ledger.jsonl").read_text("utf-8").count("+336399800") == 2
    assert ran == 7
