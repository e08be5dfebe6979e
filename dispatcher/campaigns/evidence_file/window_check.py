"""Recomputes when a batch might leave, from the rule and the territory that its evidence names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, cast

from dispatcher.errors import DispatcherError
from dispatcher.window.policy import Clock, Windows
from dispatcher.window.territories import CALENDAR_VERSION

#: the words of ``Windows.policy``: whose clock, the profile or the hours, the calendar
_RULE: Final = re.compile(
    r"(?P<clock>[a-z]+) (?:(?P<profile>[a-z]+)/\d+|(?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d))"
    r" (?P<calendar>.+)"
)


def wrong_windows(batch: dict[str, Any], attempts: list[dict[str, Any]]) -> Iterator[str]:
    """What contradicts the window of a commercial batch, a sentence each.

    Raises ValueError, KeyError or DispatcherError for values that are none.
    """
    number, window = batch["batch"], batch["window"]
    territory, rule = window["territory"], window["rule"]
    windows = _windows(rule)
    if windows is None:
        yield f"batch {number}: {rule!r} is no rule of the window"
        return
    moments = [("is held until", window["opens"])] if window["opens"] else []
    moments += [
        (f"attempt {one['attempt']} left", _left(one))
        for one in attempts
        if not one["texts_nobody"]
    ]
    for what, moment in moments:
        hold = windows.hold(datetime.fromisoformat(moment), territory)
        if hold is not None:
            yield (
                f"batch {number}: {what} {moment}, when the window of {territory} is closed"
                f" ({hold.why}) by the rule {rule}"
            )


def other_calendar(rule: str) -> str | None:
    """The calendar that a rule names, if it is not the one of this installation."""
    found = _RULE.fullmatch(rule)
    return found["calendar"] if found and found["calendar"] != CALENDAR_VERSION else None


def _left(attempt: dict[str, Any]) -> str:
    """When the messages of an attempt were to leave: at once, or at the hour it was held until."""
    return str(attempt["leaves_at"] or attempt["armed_at"])


@lru_cache(maxsize=64)
def _windows(rule: str) -> Windows | None:
    """The windows under a rule, without a guard, which is a setting and no rule."""
    found = _RULE.fullmatch(rule)
    if found is None:
        return None
    hours = {} if found["opens"] is None else _hours(found["opens"], found["closes"])
    try:
        return Windows(
            clock=cast("Clock", found["clock"]),
            profile=found["profile"] or "default",
            guard=timedelta(0),
            **hours,
        )
    except (DispatcherError, ValueError):
        return None


def _hours(opens: str, closes: str) -> dict[str, time]:
    return {"opens": time.fromisoformat(opens), "closes": time.fromisoformat(closes)}
