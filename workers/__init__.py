"""The processes: Celery app, beat schedule, tasks of one line each. No decision in here."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dispatcher.settings.libraries import unfit_for_workers

# Celery prefers variables CELERY_… to the app's own settings, and its commands read options from
# them: they are of another project, whose broker, loader or pool would silently replace ours
_of_project = {
    name: os.environ.pop(name) for name in list(os.environ) if name.startswith("CELERY_")
}

if _unfit := unfit_for_workers():
    sys.exit(f"error: {_unfit}")


@contextmanager
def environment_of_project() -> Iterator[None]:
    """Let the other project read its variables while it is loaded: its settings may need them."""
    os.environ.update(_of_project)
    try:
        yield
    finally:
        for name in _of_project:
            os.environ.pop(name, None)
