"""Settings that do not come from the environment alone, and settings for a child process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from dispatcher.settings.settings import PREFIX, Settings


def settled(given: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of an app that has some itself; the environment has the rest.

    ``given`` is named as variables are (``DISPATCHER_RATE``, ``DISPATCHER_API_KEY_FILE``); its
    values may be text or typed, other names are left alone. Raises ConfigurationError.
    """
    ours = {variable: value for variable, value in given.items() if value not in (None, "")}
    names = {variable.removesuffix("_FILE") for variable in ours}
    rest = {
        variable: value
        for variable, value in environ.items()
        if variable.removesuffix("_FILE") not in names
    }
    return Settings.from_env({**rest, **ours})


def written(settings: Settings) -> dict[str, str]:
    """The variables that make the same settings in a child process; secrets are in clear."""
    given = {
        name: ",".join(settings.accounts) if name == "accounts" else getattr(settings, name)
        for name in Settings.model_fields
        if name in settings.model_fields_set
    }
    return {
        f"{PREFIX}{name.upper()}": text
        for name, value in {**given, **own_of(settings)}.items()
        if (text := as_variable(value)) is not None
    }


def own_of(settings: Settings) -> dict[str, Any]:
    """What the accounts have of their own, named as settings are: ``rate_shop``."""
    return {
        f"{field}_{name}": getattr(own, field)
        for name, own in settings.accounts.items()
        for field in type(own).model_fields
        if field in own.model_fields_set
    }


def as_variable(value: Any) -> str | None:
    """A setting as it stands in a variable; None for one that is not set."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Mapping):
        value = [f"{name}={each}" for name, each in value.items()]
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    return None if value is None or value == "" else str(value)
