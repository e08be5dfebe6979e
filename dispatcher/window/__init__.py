"""When: territories and their holidays, opening hours, and the commercial window."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dispatcher.window.commercial import CommercialWindow
    from dispatcher.window.policy import Hold, NeverOpen, Windows

__all__ = ["CommercialWindow", "Hold", "NeverOpen", "Windows"]


def __getattr__(name: str) -> object:
    # imported at first use, because the calendars are slow to load
    if name not in __all__:
        raise AttributeError(f"module 'dispatcher.window' has no attribute {name!r}")
    module = "commercial" if name == "CommercialWindow" else "policy"
    return getattr(import_module(f"dispatcher.window.{module}"), name)
