"""Reevaluation: what waits by hours, a calendar or a clock that have changed since."""

from __future__ import annotations

import logging
from datetime import datetime

from dispatcher.dispatch.context import Context
from dispatcher.dispatch.evidence import Evidence
from dispatcher.dispatch.sending.pacing import Pacing
from dispatcher.dispatch.unforeseen import contained
from dispatcher.storage.batches import hand_over, paces, recalls, reevaluation
from dispatcher.window import Hold

log = logging.getLogger(__name__)


class Reevaluation:
    """Decides again on batches that wait."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pacing = Pacing(context)
        self._evidence = Evidence(context)

    def reevaluate(self, now: datetime) -> None:
        """Decide again on pending batches when the policy or a calendar has changed."""
        policy, database = self._context.windows.policy, self._context.database
        with database.read() as session:
            stale = reevaluation.stale(session, policy)
            smoothed = paces.smoothed(session, {group.campaign_id for group in stale})
        left = {paced.campaign_id for paced in smoothed}
        for paced in smoothed:  # first: once the groups are reevaluated nobody looks again
            with contained(f"campaign {paced.campaign_id}"):
                self._pacing.move_on(paced)
                left.discard(paced.campaign_id)
        for group in stale:
            if group.campaign_id in left:  # the next tick begins anew
                continue
            with contained(f"campaign {group.campaign_id}, {group.territory}"):
                start = max(now, group.not_before or now)
                scheduled = Hold(start, "scheduled" if start > now else "")
                hold = self._context.hold(group.territory, start) or scheduled
                with database.write() as session:
                    reevaluation.reevaluate(session, group, hold, policy)
                log.info("campaign %d, %s: reevaluated", group.campaign_id, group.territory)

    def look_after_held(self, now: datetime) -> None:
        """What the gateway holds leaves at its hour, or is wanted back: the world has changed."""
        policy, database = self._context.windows.policy, self._context.database
        with database.read() as session:
            stale = reevaluation.stale_held(session, policy)
        poll_at = self._context.after(self._context.settings.poll_intervals, 0)
        with database.write() as session:
            in_doubt = hand_over.leave(session, now, poll_at)
            self._evidence.record_confirmed(session, in_doubt)
        wanted = recalls.request_cancelled, recalls.request_paused, recalls.request_opted_out
        for request in wanted:
            with database.write() as session:
                request(session, now)
        for territory, leaves_at in stale:
            hold = self._context.hold(territory, leaves_at)
            with database.write() as session:
                reevaluation.reevaluate_held(session, territory, leaves_at, policy, hold, now)

    def put_paces_right(self, now: datetime) -> None:
        """Let smoothed campaigns go on that a clock holds which was ahead."""
        with self._context.database.read() as session:
            found = paces.ahead(session, now)
        for paced in found:
            with contained(f"campaign {paced.campaign_id}"):
                self._pacing.move_on(paced)
                log.warning("campaign %d: a clock was ahead; it goes on", paced.campaign_id)
