"""The driver: takes the steps of the workers in turn, and jumps to when the next one is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from dispatcher.dispatch.steps import Due, Steps
from dispatcher.rehearsal.clock import DrivenClock
from dispatcher.storage import upcoming
from dispatcher.storage.database import Database

#: how long to wait for what a tick cannot foresee, at first and at most
_SHORT, _LONG = timedelta(minutes=1), timedelta(hours=1)
#: for how long lookups go on when nothing else is due: by then none learns anything new
_LOOKUPS = timedelta(hours=6)


class Driver:
    """One worker and one beat, in one thread, by a driven clock."""

    def __init__(self, steps: Steps, database: Database, clock: DrivenClock) -> None:
        self._steps, self._database, self._clock = steps, database, clock
        self._patience = _SHORT
        self._settled_at: datetime | None = None

    def run(self, until: datetime) -> None:
        """Do all that is due until nothing more is, or until ``until``."""
        while self._clock() < until:
            if self._work():
                continue
            if (at := self._next()) is not None:
                self._clock.to(at)
            else:
                break
        self._steps.tick()  # who asks why then should not read that nobody looks

    def _work(self) -> bool:
        """Tick, and do what is due; True if that has changed something."""
        began, due = self._clock(), self._steps.tick()
        done = [self._calls(account, due) for account in due.by_account]
        done += [self._steps.settle_batch(batch_id) for batch_id in due.settle]
        # a send loop finds the other batches by itself
        if sent := [batch_id for batch_id in due.send[:1] if self._steps.send_batch(batch_id)]:
            self._patience = _SHORT
        return any(done) or bool(sent) or self._clock() > began

    def _calls(self, account: str, due: Due) -> bool:
        """The calls that are due for an account; True if one has changed something."""
        calls, done = due.by_account[account], False
        if calls.stop_list:
            self._steps.sync_opt_outs(account)
            done = True
        if calls.credit:
            done |= self._steps.check_credit(account)
        if calls.recall:
            done |= self._steps.recall(account) > 0
        if calls.polls:
            done |= self._steps.poll(account) > 0
        return done

    def _next(self) -> datetime | None:
        """When to look again; None if that would show nothing new."""
        now = self._clock()
        with self._database.read() as session:
            found = upcoming.read(session, now)
        self._settled_at = (self._settled_at or now) if found.settled else None
        if self._settled_at is not None and now - self._settled_at >= _LOOKUPS:
            return None
        if not found.held:
            return found.at
        at = now + self._patience
        self._patience = min(2 * self._patience, _LONG)
        return at if found.at is None else min(at, found.at)
