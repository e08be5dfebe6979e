"""Our package ``workers`` under a name of its own: a user's project may have a ``workers``, too.

It is found by its place, so that no folder of the project on the path of modules can hide it, and
what the project calls ``workers`` stays what it imports by that name.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

#: what ``celery -A`` may be given after ``load``
NAME: Final = "dispatcher_workers"
_FOLDER = Path(__file__).parents[2] / "workers"


def load(module: str) -> ModuleType:
    """A module of ours, such as ``celery``. Raises ModuleNotFoundError."""
    if NAME not in sys.modules:
        file = _FOLDER / "__init__.py"
        spec = spec_from_file_location(NAME, file, submodule_search_locations=[str(_FOLDER)])
        if spec is None or spec.loader is None:
            raise ModuleNotFoundError(f"no package in {_FOLDER.name}/", name="workers")
        sys.modules[NAME] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[NAME])
    return import_module(f"{NAME}.{module}")
