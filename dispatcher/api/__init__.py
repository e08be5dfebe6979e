"""What callers hold: ``Dispatcher`` and the services behind it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dispatcher.api.dispatcher import Dispatcher

__all__ = ["Dispatcher"]


def __getattr__(name: str) -> object:
    # looked up at first use: it loads SQLAlchemy
    if name not in __all__:
        raise AttributeError(f"module 'dispatcher.api' has no attribute {name!r}")
    return getattr(import_module("dispatcher.api.dispatcher"), name)
