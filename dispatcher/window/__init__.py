"""When: territories and their holidays, opening hours, and the commercial window."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dispatcher.window.commercial import CommercialWindow, Hold, NeverOpen, Windows

__all__ = ["CommercialWindow", "Hold", "NeverOpen", "Windows"]


def __getattr__(name: str) -> object:
    # looked up at first use: the calendars are slow to load
    if name not in __all__:
        raise AttributeError(f"module 'dispatcher.window' has no attribute {name!r}")
    return getattr(import_module("dispatcher.window.commercial"), name)
