"""Settings as a person or a record may see them: secrets are masked."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from dispatcher.settings.environment import account_values, as_variable
from dispatcher.settings.settings import PREFIX, Settings

_HIDDEN = "********"


def shown(settings: Settings) -> dict[str, Any]:
    """Every setting that is in effect, by its variable; those of accounts come last."""
    values = settings.model_dump(mode="json") | {"accounts": ",".join(settings.accounts)}
    values = {name: _hidden(name, getattr(settings, name)) or values[name] for name in values}
    for name, value in account_values(settings).items():
        values[name] = as_variable(_hidden(name, value) or value)
    return {f"{PREFIX}{name.upper()}": value for name, value in values.items()}


def description_of(variable: str) -> str:
    """What a setting is, by its variable; empty for one of an account."""
    field = Settings.model_fields.get(variable.removeprefix(PREFIX).lower())
    return (field and field.description) or ""


def _hidden(name: str, value: Any) -> str | None:
    """A secret as it is shown, masked; None if the value is not a secret."""
    if isinstance(value, SecretStr):
        return _masked(value.get_secret_value()) if name.endswith("_url") else _HIDDEN
    return None


def _masked(url: str) -> str:
    """A URL without its password and its query, which may hold a password, too."""
    try:
        parts = urlsplit(url)
        user, at, place = parts.netloc.rpartition("@")
    except ValueError:
        return _HIDDEN
    if not parts.scheme:
        return _HIDDEN
    user = f"{user.partition(':')[0]}:{_HIDDEN}" if ":" in user else user
    tail = "?…" if parts.query else ""
    return f"{parts.scheme}://{user}{at}{place}{parts.path}{tail}"
