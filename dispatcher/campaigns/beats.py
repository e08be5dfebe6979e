"""Beats that have gone silent while ticks go on, and that no other beat has replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dispatcher.campaigns.progress import longest_silence

#: a beat that has been silent for longer was taken away for good
FORGOTTEN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Beat:
    """A process that ticks: its host and its number there, its first and its latest tick."""

    name: str
    since: datetime
    at: datetime


def missing(
    beats: Iterable[Beat], last_tick: datetime | None, now: datetime, tick: float
) -> list[Beat]:
    """The beats that are to be started again; ``tick`` is the interval (seconds).

    None while nothing ticks at all: then it is not a beat of several that is missing. A restart
    gives a beat another name, so a silent one counts as replaced by one that began when it ended,
    or later; each replaces one.
    """
    patience = longest_silence(tick)
    if last_tick is None or now - last_tick > patience:
        return []

    def ended(beat: Beat) -> datetime:
        # a new one may begin a little before the old one ends
        return max(beat.at - patience, beat.since)

    known = [beat for beat in beats if now - beat.at <= FORGOTTEN]
    silent = sorted((beat for beat in known if now - beat.at > patience), key=ended)
    begun = deque(sorted(beat.since for beat in known))
    found = []
    for beat in silent:
        while begun and begun[0] <= ended(beat):
            begun.popleft()
        if begun:
            begun.popleft()
        else:
            found.append(beat)
    return found
