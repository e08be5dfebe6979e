"""Releases of libraries: workers need newer ones than an app that submits and plans."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import version

#: library -> the first release that pyproject.toml allows. Before SQLAlchemy 2.0.23 a condition on
#: two states that stands twice in a statement has the value of one of them everywhere
APPS_NEED = {"celery": "5.4", "SQLAlchemy": "2.0.23"}
#: library -> the first release that workers and beats are tested with
_WORKERS_NEED = {"celery": "5.7", "SQLAlchemy": "2.1"}


def unfit_for_workers(installed: Callable[[str], str] = version) -> str:
    """Why no worker or beat can start with the installed libraries; empty if they can."""
    old = [
        f"{name} {least} or newer (there is {found})"
        for name, least in _WORKERS_NEED.items()
        if _release(found := installed(name)) < _release(least)
    ]
    if not old:
        return ""
    upgrade = f"pip install -U {' '.join(_WORKERS_NEED)}"
    return f"workers and beats need {' and '.join(old)}: {upgrade}"


def unfit(sqlalchemy: str) -> str:
    """Why nothing can run with this release of SQLAlchemy; empty if an app can."""
    least = APPS_NEED["SQLAlchemy"]
    if _release(sqlalchemy) >= _release(least):
        return ""
    there = f"SQLAlchemy {least} or newer is needed (there is {sqlalchemy})"
    return f"{there}: pip install -U SQLAlchemy"


def _release(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)[:3]))
