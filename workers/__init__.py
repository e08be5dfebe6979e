"""The processes: Celery app, beat schedule, tasks of one line each. No decision in here."""

import os
import sys

from dispatcher.settings.libraries import unfit_for_workers

# Celery prefers variables CELERY_… to the app's own settings, and its commands read options from
# them: they are of another project, whose broker, loader or pool would silently replace ours
for _name in [name for name in os.environ if name.startswith("CELERY_")]:
    del os.environ[_name]

if _unfit := unfit_for_workers():
    sys.exit(f"error: {_unfit}")
