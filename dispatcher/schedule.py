"""When the batches of a submission may first leave, and what they wait for until then. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from dispatcher.errors import InvalidCampaign
from dispatcher.planner import PlannedBatch
from dispatcher.submission import Submission
from dispatcher.window import Hold, Windows


class Schedule:
    """The first instants of one submission, territory by territory.

    Raises InvalidCampaign when ``not_after`` comes before the first opening, NeverOpen for a
    territory whose clock shares no hour with Paris's.
    """

    def __init__(self, submission: Submission, windows: Windows, now: datetime) -> None:
        #: the earliest instant that the submission asks for (UTC)
        self.start = max(now, submission.not_before or now)
        self._windows = windows if submission.commercial else None
        #: what judges its batches (``Windows.rule``); empty for what no window holds
        self.rule = windows.rule if submission.commercial else ""
        self._scheduled = Hold(self.start, "scheduled" if self.start > now else "")
        self._holds: dict[str, Hold] = {}
        first = self.hold(submission.territory or "metropole")
        if submission.not_after is not None and first.until >= submission.not_after:
            raise InvalidCampaign(
                f"not_after {submission.not_after.isoformat()} is before the next opening "
                f"{first.until.isoformat()}" + (f" ({first.why})" if first.why else "")
            )

    def hold(self, territory: str) -> Hold:
        """What a batch of ``territory`` waits for; until ``start`` when nothing holds it."""
        if territory not in self._holds:
            held = self._windows and self._windows.hold(self.start, territory)
            self._holds[territory] = held or self._scheduled
        return self._holds[territory]

    def each(self, batches: Iterable[PlannedBatch]) -> Iterator[tuple[PlannedBatch, Hold]]:
        """Every batch with what it waits for."""
        for batch in batches:
            yield batch, self.hold(batch.territory)
