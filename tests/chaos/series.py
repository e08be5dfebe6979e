"""A series among the campaigns: its first occurrence comes while everything fails."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from random import Random

from dispatcher import ReferenceTaken
from dispatcher.campaigns.series import Occurrence
from dispatcher.campaigns.states import OccurrenceState, SeriesState
from dispatcher.window.slots import PARIS
from tests.chaos.campaigns import MARK, Plan
from tests.chaos.cluster import Cluster
from tests.chaos.users import User

NAME = "hebdo"
#: an occurrence of each of the first two days: on the third no report comes any more
_COUNT = 2


class Editor(User):
    """Sets up a series, whatever fails, and reads it again and again."""

    def __init__(self, cluster: Cluster, rng: Random, phones: Sequence[str]) -> None:
        super().__init__("editor", cluster, rng)
        self._phones = tuple(phones)
        self._list = cluster.directory / "series.csv"
        self._list.write_text("\n".join(["mobile", *phones]), encoding="utf-8")
        self._added = False
        self._first_at = time.monotonic() + 3

    def turn(self) -> None:
        """Add it once; then look at it."""
        if time.monotonic() < self._first_at:
            return
        if not self._added:
            self._add()
            self._added = True
            self.done["series added"] += 1
        self.cluster.dispatcher.series.get(NAME)

    def _add(self) -> None:
        # a minute ahead, so that it is made while workers die
        start = (self.cluster.dispatcher.clock() + timedelta(seconds=70)).astimezone(PARIS)
        rule = f"FREQ=DAILY;BYHOUR={start.hour};BYMINUTE={start.minute};COUNT={_COUNT}"
        text, lead = f"la boutique {MARK} ouvre demain", timedelta(minutes=1)
        try:
            self.cluster.dispatcher.series.add(
                NAME, rule=rule, source=self._list, text=text, lead=lead
            )
        except ReferenceTaken:  # the answer to an earlier attempt was lost
            self.done["series added again after an error"] += 1

    def came(self, count: int) -> bool:
        """Whether so many occurrences were settled."""
        if not self._added:
            return False
        return len(self.cluster.dispatcher.series.occurrences(NAME)) >= count

    def judged(self) -> dict[str, Plan]:
        """The campaigns that its occurrences are; complains of what is missing or there twice."""
        series = self.cluster.dispatcher.series
        found = series.occurrences(NAME)
        if len(found) != _COUNT or series.get(NAME).state is not SeriesState.ENDED:
            self.complaints.append(f"the series has {len(found)} occurrences of {_COUNT}")
        made = [one for one in found if one.state is OccurrenceState.MADE]
        self.done["occurrences made"] = len(made)
        self.complaints.extend(
            f"{one.reference} was skipped without a reason"
            for one in found
            if one.state is OccurrenceState.SKIPPED and not one.reason
        )
        return {one.reference: self._plan(one) for one in made}

    def _plan(self, one: Occurrence) -> Plan:
        return Plan(one.reference, self._phones)
