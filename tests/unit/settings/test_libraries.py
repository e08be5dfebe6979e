"""Workers say which library is too old for them; an app that submits takes older ones."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dispatcher.errors import ConfigurationError
from dispatcher.settings.libraries import APPS_NEED, unfit, unfit_for_workers
from dispatcher.storage import database
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
SENTENCE = (
    "workers and beats need celery 5.7 or newer (there is 5.4.0): pip install -U celery SQLAlchemy"
)


@pytest.mark.parametrize(
    ("celery", "sqlalchemy", "sentence"),
    [
        ("5.7.0", "2.1.0", ""),
        ("5.7.0rc1", "2.10", ""),
        ("5.10.2", "3.0", ""),
        ("6.0.0b1", "2.1.0b2", ""),
        ("5.4.0", "2.1.9", SENTENCE),
        (
            "5.6.2",
            "2.0.0",
            SENTENCE.replace("5.4.0)", "5.6.2) and SQLAlchemy 2.1 or newer (there is 2.0.0)"),
        ),
    ],
)
def test_old_library_is_named_with_what_workers_need(
    celery: str, sqlalchemy: str, sentence: str
) -> None:
    installed = {"celery": celery, "SQLAlchemy": sqlalchemy}

    assert unfit_for_workers(installed.__getitem__) == sentence


def claim_old_celery(folder: Path) -> dict[str, str]:
    """An environment whose Python takes Celery for 5.4.0 and SQLAlchemy for 2.1.0."""
    for name, release in (("celery", "5.4.0"), ("SQLAlchemy", "2.1.0")):
        named = folder / f"{name}-{release}.dist-info"
        named.mkdir()
        (named / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n"
        )
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["workers", "worker"], "error: "),
        (["celery", "-A", "workers", "beat"], "error: "),
        (["dispatcher.cli", "run"], "dispatcher: "),
        (["dispatcher.cli", "celery", "worker"], "error: "),
    ],
)
def test_worker_with_an_old_library_ends_with_one_sentence(
    tmp_path: Path, arguments: list[str], start: str
) -> None:
    env = claim_old_celery(tmp_path)

    ended = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=tmp_path,
        env=env | {"DISPATCHER_DATABASE_URL": f"sqlite:///{tmp_path}/dispatcher.db"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (ended.stdout, ended.stderr) == ("", f"{start}{SENTENCE}\n")
    assert ended.returncode in {1, 2}


def test_app_submits_with_an_old_library(tmp_path: Path) -> None:
    """The oldest releases themselves: ``make matrix``."""
    program = (
        "from dispatcher import Dispatcher, Settings\n"
        f"shop = Dispatcher(Settings(database_url='sqlite:///{tmp_path}/d.db', sender='Shop'))\n"
        "print(int(shop.submit('a', 'Bonjour', ['06 39 98 00 01'])))\n"
        "shop.database.close()\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=claim_old_celery(tmp_path),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert ended.stdout == "1\n", ended.stderr


def test_minimum_of_an_app_is_the_one_in_pyproject_and_in_the_matrix() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {
        name: rest.partition(",")[0]
        for name, found, rest in (one.partition(">=") for one in project["dependencies"])
        if found and name in APPS_NEED
    }
    matrix = (ROOT / "scripts/matrix.sh").read_text()

    assert asked == APPS_NEED
    for name, least in APPS_NEED.items():
        assert f"{name}=={least}" in matrix


@pytest.mark.parametrize("found", ["1.4.54", "2.0.0", "2.0.22", "2.0"])
def test_database_with_too_old_an_sqlalchemy_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    monkeypatch.setattr(database, "__version__", found)

    with pytest.raises(ConfigurationError) as raised:
        database.Database("sqlite:///nowhere.db")

    assert str(raised.value) == (
        f"SQLAlchemy 2.0.23 or newer is needed (there is {found}): pip install -U SQLAlchemy"
    )


@pytest.mark.parametrize("found", ["2.0.23", "2.1.0b1", "2.1", "3.0"])
def test_sqlalchemy_from_the_minimum_on_is_taken(found: str) -> None:
    assert unfit(found) == ""
