"""Whether a test runner is at work; imports nothing, so that every process may ask."""

from __future__ import annotations

import os
import sys
from typing import Final

#: modules that run tests when they are run as programs
_RUNNERS: Final = {"pytest", "unittest"}
#: pytest sets them while it runs
_VARIABLES: Final = {"PYTEST_VERSION", "PYTEST_CURRENT_TEST"}


def under_test_runner() -> bool:
    """Whether this process runs tests: by pytest, ``python -m unittest`` or ``manage.py test``.

    Never true of a server that a test has started, nor where pytest or unittest is only imported.
    """
    # a server that pytest started has inherited the variable, but loads no pytest
    if "_pytest.main" in sys.modules and os.environ.keys() & _VARIABLES:
        return True
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.name.partition(".")[0] in _RUNNERS:
        return True
    return djangos_runner()


def djangos_runner() -> bool:
    """Whether it is ``manage.py test`` or pytest-django: both call setup_test_environment."""
    utils = sys.modules.get("django.test.utils")
    return hasattr(getattr(utils, "_TestState", None), "saved_data")
