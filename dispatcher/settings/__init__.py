"""Settings of one installation: variables, accounts, the clock, and the log."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dispatcher.settings.settings import PREFIX, Settings

__all__ = ["PREFIX", "Settings"]


def __getattr__(name: str) -> object:
    # imported at first use, because the fake gateway needs no pydantic
    if name not in __all__:
        raise AttributeError(f"module 'dispatcher.settings' has no attribute {name!r}")
    return getattr(import_module("dispatcher.settings.settings"), name)
