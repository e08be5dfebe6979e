"""What is no wrong setting, and yet does not do what somebody meant: told when the app is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

from flask import Flask

from dispatcher.errors import ConfigurationError
from dispatcher.settings import PREFIX, Settings
from dispatcher.settings.environment import as_variable


def check_names(app: Flask) -> None:
    """Raise ConfigurationError for settings under a name that nobody reads."""
    if app.config.get(PREFIX.rstrip("_")) is not None:
        raise ConfigurationError(
            'app.config["DISPATCHER"] is not read: each setting has its own name, such as'
            ' app.config["DISPATCHER_SENDER"]'
        )


def findings(app: Flask, settings: Settings) -> Iterator[str]:
    """A sentence for each thing that somebody should look at."""
    config = {name: value for name, value in app.config.items() if name.startswith(PREFIX)}
    for name in sorted(os.environ.keys() & config.keys()):
        if config[name] not in (None, "") and os.environ[name] not in (
            "",
            as_variable(config[name]),
        ):
            yield (
                f"{name} of the environment is not read here: app.config has another. Processes"
                " without the app, such as `dispatcher` and `celery -A workers`, read it"
            )
    for module in settings.receivers:
        if not _is_there(module):
            yield f"DISPATCHER_RECEIVERS: there is no module {module}; no worker will start"


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except Exception:  # noqa: BLE001 - a package above it may raise anything
        return False
