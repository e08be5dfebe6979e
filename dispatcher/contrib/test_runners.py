"""Whether a test runner is at work: cheap to ask, in every process."""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

#: modules that run tests when they are run as programs
_RUNNERS: Final = {"pytest", "unittest"}
#: what runs test cases, or loads them
_UNITTEST: Final = {"unittest.case", "unittest.suite", "unittest.main"}
#: pytest sets them while it runs
_VARIABLES: Final = {"PYTEST_VERSION", "PYTEST_CURRENT_TEST"}


def under_test_runner() -> bool:
    """Whether this process runs tests: by pytest, unittest or ``manage.py test``.

    Never true of a server that a test has started, nor where pytest or unittest is only imported.
    """
    # a server that pytest started has inherited the variable, but loads no pytest
    if "_pytest.main" in sys.modules and os.environ.keys() & _VARIABLES:
        return True
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.name.partition(".")[0] in _RUNNERS:
        return True
    return djangos_runner() or _in_unittest()


def djangos_runner() -> bool:
    """Whether it is ``manage.py test`` or pytest-django: both call setup_test_environment."""
    utils = sys.modules.get("django.test.utils")
    return hasattr(getattr(utils, "_TestState", None), "saved_data")


def _in_unittest() -> bool:
    """Whether the main thread is inside unittest: editors and scripts run its tests, too."""
    if "unittest.case" not in sys.modules:
        return False
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        if frame.f_globals.get("__name__") in _UNITTEST:
            return True
        frame = frame.f_back
    return False
