"""How one installation is set up: variables, accounts, the clock, and the log."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dispatcher.settings.settings import PREFIX, Settings

__all__ = ["PREFIX", "Settings"]


def __getattr__(name: str) -> object:
    # looked up at first use: the fake gateway needs no pydantic
    if name not in __all__:
        raise AttributeError(f"module 'dispatcher.settings' has no attribute {name!r}")
    return getattr(import_module("dispatcher.settings.settings"), name)
