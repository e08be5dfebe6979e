"""Batches that fail by unforeseen errors: they wait, and are set aside for a person in the end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from dispatcher.campaigns.waits import backoff
from dispatcher.window import Hold

#: the ``not_before`` of a batch that is set aside: only a person's ``resume`` ends its wait
NEVER = datetime(9000, 1, 1, tzinfo=UTC)
#: errors in a row after which a batch is set aside
MOST_ERRORS = 5
_FAILED = "an unforeseen error: "
_AGAIN = "an unforeseen error, {} in a row: "
_COUNT = re.compile(_AGAIN.format(r"(\d+)"))
_ASIDE = f"set aside after {MOST_ERRORS} unforeseen errors: "


def errors_before(why: str, checks: int) -> int:
    """How many errors in a row a pending batch has had, from what its row says."""
    return checks if why.startswith(_FAILED) else 0


def hold_after(error: str, errors: int, now: datetime) -> Hold:
    """What a batch waits for after so many ``errors`` in a row, this one included."""
    if errors < MOST_ERRORS:
        return Hold(now + timedelta(seconds=backoff(errors - 1)), _FAILED + error)
    return Hold(NEVER, f"{_ASIDE}{error}; dispatcher resume tries again")


def check_after(error: str, why: str, now: datetime) -> Hold:
    """When a batch is asked about again after an error; ``why`` is what its row says before.

    ``checks`` counts the polls and lookups of such a batch, so ``why`` counts the errors.
    """
    before = _COUNT.match(why)
    errors = (int(before[1]) if before else 0) + 1
    if errors < MOST_ERRORS:
        return Hold(now + timedelta(seconds=backoff(errors)), _AGAIN.format(errors) + error)
    return Hold(NEVER, f"{_ASIDE}{error}; dispatcher resume tries again")


def place_of(error: BaseException) -> str:
    """The kind of an error, with file and line: its own words may hold a number or a key."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    file = trace.tb_frame.f_code.co_filename.rpartition("/")[2]
    return f"{type(error).__name__} in {file}:{trace.tb_lineno}"
