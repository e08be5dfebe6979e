"""Which tests the installed libraries allow: ``make matrix`` also installs the oldest ones."""

from __future__ import annotations

from typing import Final

import pytest

from dispatcher.settings.libraries import unfit_for_workers

#: on tests that start a worker or a beat, or import one
needs_workers: Final = pytest.mark.skipif(bool(unfit_for_workers()), reason=unfit_for_workers())
