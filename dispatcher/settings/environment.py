"""Settings of an app that has some itself, and settings for a child process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from dispatcher.settings.settings import PREFIX, Settings


def load(values: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of an app: ``values`` where it sets them, the environment for the rest.

    ``values`` has the names of variables (``DISPATCHER_RATE``, ``DISPATCHER_API_KEY_FILE``) and
    text or typed values; other names are ignored. Raises ConfigurationError.
    """
    ours = {variable: value for variable, value in values.items() if value not in (None, "")}
    names = {variable.removesuffix("_FILE") for variable in ours}
    rest = {
        variable: value
        for variable, value in environ.items()
        if variable.removesuffix("_FILE") not in names
    }
    return Settings.from_env({**rest, **ours})


def to_environment(settings: Settings) -> dict[str, str]:
    """The variables that give a child process the same settings. Secrets are in clear."""
    values = {
        name: ",".join(settings.accounts) if name == "accounts" else getattr(settings, name)
        for name in Settings.model_fields
        if name in settings.model_fields_set
    }
    return {
        f"{PREFIX}{name.upper()}": text
        for name, value in {**values, **account_values(settings)}.items()
        if (text := as_variable(value)) is not None
    }


def account_values(settings: Settings) -> dict[str, Any]:
    """The settings that accounts have of their own, by name: ``rate_shop``."""
    return {
        f"{field}_{name}": getattr(own, field)
        for name, own in settings.accounts.items()
        for field in type(own).model_fields
        if field in own.model_fields_set
    }


def as_variable(value: Any) -> str | None:
    """A setting as text for a variable; None if it is not set."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Mapping):
        value = [f"{name}={each}" for name, each in value.items()]
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    return None if value is None or value == "" else str(value)
