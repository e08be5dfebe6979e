"""What makes every occurrence of a series fail: it is refused when the series is set up. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Final

from dispatcher.campaigns.recurrence import Rule
from dispatcher.campaigns.series import Series
from dispatcher.errors import InvalidCampaign
from dispatcher.window import Hold

#: occurrences that are looked at
_LOOKED_AT: Final = 60


def check_repeats(series: Series, within: timedelta) -> None:
    """Raise InvalidCampaign if the rule repeats the text ``within`` which no text may be repeated.

    Then each occurrence would be refused because of the one before it.
    """
    if series.next_at is None or not series.commercial:
        return
    rule = Rule(series.rule, series.since)
    some = (series.next_at, *islice(rule.all_after(series.next_at), _LOOKED_AT))
    if any(later - one <= within for one, later in pairwise(some)):
        raise InvalidCampaign(
            f"the rule {rule.text} repeats the text too soon for DISPATCHER_REPEAT_MODE=block with"
            f" DISPATCHER_REPEAT_DAYS={within.days}: choose a rule that comes less often"
        )


def check_leaves(series: Series, hold: Callable[[datetime], Hold | None]) -> None:
    """Raise InvalidCampaign if every occurrence would expire before the window opens."""
    if series.lasts is None or series.next_at is None:
        return
    why, rule = "", Rule(series.rule, series.since)
    for at in (series.next_at, *islice(rule.all_after(series.next_at), _LOOKED_AT)):
        held = hold(at)
        if held is None or held.until < at + series.lasts:
            return
        why = why or held.why
    raise InvalidCampaign(f"each occurrence would expire before the window opens: {why}")
