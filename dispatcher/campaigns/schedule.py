"""When the batches of a submission may first leave, and what they wait for until then. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from dispatcher.campaigns.hand_over import departure, too_near
from dispatcher.campaigns.paced_batches import open_time
from dispatcher.campaigns.smoothing import shown
from dispatcher.campaigns.submission import Submission
from dispatcher.campaigns.wording import stamp
from dispatcher.errors import InvalidCampaign
from dispatcher.window import Hold, NeverOpen, Windows
from dispatcher.window.territories import TERRITORIES


class Schedule:
    """The first instants at which the batches of one submission may leave, by territory.

    Raises InvalidCampaign if ``not_after`` passes before anything can leave. Its methods raise
    NeverOpen for a territory whose clock shares no open hour with Paris.
    """

    def __init__(self, submission: Submission, windows: Windows, now: datetime) -> None:
        #: the earliest instant that the submission allows
        self.start = max(now, submission.not_before or now)
        self._now = now
        self._hand_over = submission.hand_over
        self._windows = windows if submission.commercial else None
        #: what decides on its batches (``Windows.policy``); empty for what no window holds
        self.policy = windows.policy if submission.commercial else ""
        self._scheduled = Hold(self.start, "scheduled" if self.start > now else "")
        self._holds: dict[str, Hold] = {}
        self._handed: dict[str, Hold | None] = {}
        self._not_after = submission.not_after
        self._smoothing = submission.smoothing
        if submission.not_after is None:
            return
        if submission.not_after <= now:
            says = f"not_after, {stamp(submission.not_after)} in Paris, lies in the past"
            raise InvalidCampaign(says)
        # too late for every territory: refused before the list is read
        if all(map(self._too_late, TERRITORIES)):
            raise self._refusal(self.hold(submission.territory or "metropole"))

    def check(self, territories: Collection[str]) -> None:
        """Raise InvalidCampaign if none of a list's territories opens before ``not_after``.

        If only some do, the batches of the others expire. Raises NeverOpen.
        """
        first = min(map(self.hold, territories), key=lambda hold: hold.until)
        if self._late(first):
            raise self._refusal(first)

    def late(self, territories: Collection[str]) -> list[str]:
        """Those of a list's territories that open too late for ``not_after``."""
        return [name for name in territories if self._late(self.hold(name))]

    def check_smoothing(self) -> None:
        """Raise InvalidCampaign if no territory is open for as long as it takes.

        For what is new: of a campaign that is being sent less is left.
        """
        smoothing = self._smoothing
        if smoothing is None or smoothing.over is None or self._not_after is None:
            return
        over = timedelta(seconds=smoothing.over)
        longest = timedelta(0)
        for territory in TERRITORIES:
            longest = max(longest, self._open_time(territory))
            if longest >= over:
                return
        raise InvalidCampaign(
            f"over {shown(over)} does not fit: before not_after, {stamp(self._not_after)}"
            f" in Paris, only {shown(longest)} are open"
        )

    def _open_time(self, territory: str) -> timedelta:
        """For how long messages for a territory may leave before ``not_after``."""
        assert self._not_after is not None  # noqa: S101 - for the type checker
        if self._windows is None:
            return self._not_after - self.start
        try:
            return open_time(self._windows, territory, self.start, self._not_after)
        except NeverOpen:
            return timedelta(0)

    def _too_late(self, territory: str) -> bool:
        try:
            return self._late(self.hold(territory))
        except NeverOpen:
            return True

    def _late(self, hold: Hold) -> bool:
        return self._not_after is not None and hold.until >= self._not_after

    def _refusal(self, first: Hold) -> InvalidCampaign:
        at = stamp(self._not_after) if self._not_after else ""
        why = f" ({first.why})" if first.why else ""
        return InvalidCampaign(
            f"not_after, {at} in Paris, is before the next opening, {stamp(first.until)}{why}"
        )

    def hold(self, territory: str) -> Hold:
        """What a batch of ``territory`` waits for: the window, or only ``start``."""
        if territory not in self._holds:
            handed = self._at_gateway(territory)
            held = self._held(self.start, territory) if handed is None else handed
            self._holds[territory] = held or self._scheduled
        return self._holds[territory]

    def handed(self, territory: str) -> datetime | None:
        """Until when the gateway holds a batch of ``territory``; None if it waits here (UTC)."""
        hold = self._at_gateway(territory)
        return None if hold is None or self._late(hold) else hold.until

    def _at_gateway(self, territory: str) -> Hold | None:
        """What the gateway would hold a batch for; None without ``hand_over`` or too near."""
        if not self._hand_over:
            return None
        if territory not in self._handed:
            hold = departure(self.start, lambda at: self._held(at, territory))
            if hold is not None and too_near(hold.until, self._now):
                hold = None
            self._handed[territory] = hold and Hold(hold.until, hold.why or self._scheduled.why)
        return self._handed[territory]

    def _held(self, at: datetime, territory: str) -> Hold | None:
        return None if self._windows is None else self._windows.hold(at, territory)
