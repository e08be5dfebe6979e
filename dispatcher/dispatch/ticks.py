"""The tick: sees to what time does, and says what is due."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from dispatcher.dispatch.context import Context
from dispatcher.dispatch.polls import hints_for
from dispatcher.guards import Load, caps_of, day_of
from dispatcher.states import BatchState
from dispatcher.storage import (
    attempts,
    batches,
    campaigns,
    credit,
    events,
    guards,
    heartbeats,
    opt_outs,
    reports,
    rules,
    supply,
)
from dispatcher.window import Hold

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """What a tick found to do."""

    send: Sequence[int]
    settle: Sequence[int]
    polls: int
    #: whether the gateway's STOP list is to be read
    stop_list: bool = False
    #: whether something that happened is to be told
    events: bool = False
    #: whether the account's balance is to be read
    credit: bool = False


class Ticks:
    """Any number of them may run at once, on any number of hosts."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def tick(self) -> Due:
        """See to what time does: lost workers, late batches, ended campaigns; say what is due.

        Any number of ticks may run at once; each step is one guarded statement.
        """
        now = self._context.clock()
        settings = self._context.settings
        with self._context.database.write() as session:
            lost = batches.rescue(session, now, self._context.after(settings.settle_intervals, 0))
            campaigns.expire_batches(session, now)
            campaigns.cancel_returned(session)
            campaigns.finish_ended(session, now)
            self._judge_anew(session, now)
            self._release(session, now)
            if settings.credit_check == "off":
                credit.release_all(session)
            heartbeats.beat(session, socket.gethostname(), now)
        for batch_id in lost:
            log.warning("batch %d: its worker was lost; in doubt", batch_id)
        with self._context.database.read() as session:
            doubtful = batches.doubts(session) >= settings.doubt_limit
            settle = [
                *reports.due_ids(session, BatchState.IN_DOUBT, now, 50),
                *(attempt.batch_id for attempt in attempts.due(session, now)),
            ]
            return Due(
                send=[] if doubtful else supply.due(session, now, 4 * settings.connections),
                settle=list(dict.fromkeys(settle)),
                polls=hints_for(reports.count_due(session, BatchState.SENT, now)),
                stop_list=opt_outs.due(session, now, timedelta(seconds=settings.stop_list_every)),
                events=events.due(session, now),
                credit=settings.credit_check != "off"
                and credit.due(session, now, timedelta(seconds=settings.credit_every)),
            )

    def _judge_anew(self, session: Session, now: datetime) -> None:
        """Nothing that waits is lost, or left to an old calendar, when the rule changes."""
        rule = self._context.windows.rule
        for group in rules.outdated(session, rule):
            start = max(now, group.not_before or now)
            scheduled = Hold(start, "scheduled" if start > now else "")
            rules.judge(
                session, group, self._context.hold(group.territory, start) or scheduled, rule
            )
            log.info("campaign %d, %s: judged anew", group.campaign_id, group.territory)

    def _release(self, session: Session, now: datetime) -> None:
        """Nothing waits for tomorrow because of a cap that was raised or is reached no more."""
        settings = self._context.settings
        day = caps_of(settings)[1]
        left = guards.left_since(session, day_of(now)) if day.set else Load(0)
        messages, parts = day.room(left, max(settings.prices.values(), default=Decimal(0)))
        released = guards.release(session, now, day.reasons, messages=messages, parts=parts)
        if released:
            log.info("%d batches need not wait for another day any more", released)
