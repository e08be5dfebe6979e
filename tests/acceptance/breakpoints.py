"""The workers' app with breakpoints: a worker halts at a named point until the point is off.

A point is on while ``$SITE_HALTS/<point>.on`` exists; a worker that reaches it creates
``<point>.reached``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dispatcher.dispatch.sending import attempt
from dispatcher.dispatch.sending.attempt import Attempts
from dispatcher.dispatch.sending.results import Results
from dispatcher.storage import engines
from dispatcher.storage.batches.turns import turn as turns
from workers.celery import app

__all__ = ["app"]

_HALTS = Path(os.environ["SITE_HALTS"])


# limits that a test may shorten (seconds; milliseconds)
attempt.STALE = float(os.environ.get("SITE_STALE", attempt.STALE))
engines._SQLITE_PATIENCE = int(os.environ.get("SITE_PATIENCE", engines._SQLITE_PATIENCE))


def halt(point: str) -> None:
    """Wait here while the point is on."""
    switch = _HALTS / f"{point}.on"
    if switch.exists():
        (_HALTS / f"{point}.reached").touch()
        while switch.exists():
            time.sleep(0.02)


def _before(owner: Any, name: str, point: str) -> None:
    original: Callable[..., Any] = getattr(owner, name)

    def halting(*args: Any, **options: Any) -> Any:
        halt(point)
        return original(*args, **options)

    setattr(owner, name, halting)


def _after(owner: Any, name: str, point: str) -> None:
    original: Callable[..., Any] = getattr(owner, name)

    def halting(*args: Any, **options: Any) -> Any:
        try:
            return original(*args, **options)
        finally:  # a claim that finds its campaign stopped raises
            halt(point)

    setattr(owner, name, halting)


#: the batch is gathered, the connection is open, the claim has not begun
_before(Attempts, "_claim", "before_arm")
#: the claim is written and not committed. On PostgreSQL this needs ``installation.CAPPED``, which
#: makes the claim a transaction of several statements and not one statement that commits itself
_after(turns, "turn", "before_commit")
#: the claim is committed, no byte has left
_before(Attempts, "_deliver", "armed")
#: the answer is known and not recorded
_before(Results, "record", "answered")
#: the answer is recorded
_after(Results, "record", "recorded")
#: the attempt has ended, whatever it came to
_after(Attempts, "make", "ended")
