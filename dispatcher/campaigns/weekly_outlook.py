"""Who would be left out by the weekly cap, on each day of what is planned. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from datetime import date, datetime

from dispatcher.campaigns.caps import WEEK
from dispatcher.window.slots import PARIS

#: planned messages that are looked at
MOST = 50_000


def left_out(
    had: Iterable[tuple[str, datetime]], planned: Iterable[tuple[str, datetime]], most: int
) -> dict[date, int]:
    """How many planned messages meet a person who has had ``most`` in the week before, by day.

    Each is a person and an instant; what is planned earlier counts as had. Days are of Paris.
    """
    lately: defaultdict[str, deque[datetime]] = defaultdict(deque)
    for person, at in sorted(had, key=lambda one: one[1]):
        lately[person].append(at)
    found: Counter[date] = Counter()
    for person, at in sorted(planned, key=lambda one: one[1]):
        before = lately[person]
        while before and before[0] <= at - WEEK:
            before.popleft()
        if len(before) >= most:
            found[at.astimezone(PARIS).date()] += 1
        else:
            before.append(at)
    return dict(sorted(found.items()))
