"""The calendar of a month."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from dispatcher.api.installation import Installation
from dispatcher.campaigns import calendar
from dispatcher.campaigns.calendar import Calendar
from dispatcher.campaigns.caps import WEEK
from dispatcher.campaigns.period import month_after
from dispatcher.campaigns.weekly_outlook import MOST, left_out
from dispatcher.storage import series
from dispatcher.storage import weekly_outlook as stored
from dispatcher.storage.campaigns import calendar as counts

#: how far series are looked ahead, and how many of them
_YEAR, _MOST_SERIES = timedelta(days=366), 200


def weekly_outlook(installation: Installation, until: datetime) -> dict[date, int] | None:
    """How many planned messages would meet the weekly cap, by day; None if too many are planned.

    Nobody without a weekly cap. Raises StorageError.
    """
    most, now = installation.settings.weekly_messages, installation.clock()
    if most is None:
        return {}
    with installation.read() as session:
        planned = stored.planned(session, now, until, MOST + 1)
        if len(planned) > MOST:
            return None
        had = stored.had(session, {person for person, _ in planned}, now - WEEK)
    return left_out(had, planned, most)


def calendar_of(installation: Installation, day: date, account: str | None) -> Calendar:
    """The month of ``day``; three statements, whatever is planned. Raises StorageError.

    Series are in the months of the next year alone: a rule is counted from its first day on.
    """
    first = day.replace(day=1)
    ends = calendar.ends_of(first)
    closed = {
        one: name
        for one, name in installation.windows.closed_days_after(ends[0], "metropole", 31)
        if one < month_after(first)
    }
    now = installation.clock()
    with installation.read() as session:
        soon = now - WEEK * 5 < ends[0] < now + _YEAR
        coming = series.latest(session, _MOST_SERIES, account) if soon else ()
        return calendar.calendar_of(
            first,
            closed,
            counts.sent(session, ends, account),
            counts.planned(session, ends, now, account),
            coming,
        )
