"""The context: everything outside of a process that its steps use."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from dispatcher.campaigns import hand_over as handover
from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.waits import after
from dispatcher.dispatch.call_counts import CallCounts
from dispatcher.errors import GatewayError, NotAnAnswer
from dispatcher.gateway import Gateway
from dispatcher.settings import Settings
from dispatcher.settings.accounts import DEFAULT
from dispatcher.settings.clock import Clock
from dispatcher.storage import obstacles
from dispatcher.storage.database import Database
from dispatcher.storage.obstacles import Obstacles
from dispatcher.window import Hold, NeverOpen, Windows

if TYPE_CHECKING:
    from dispatcher.dispatch.rate_limit import Limit

#: a poll or lookup that never comes back is due again after this
CHECK_LEASE = timedelta(minutes=2)


def of(account: str) -> str:
    """What a sentence of the log adds for an account; nothing for the default account."""
    return f" of {account}" if account else ""


@dataclass(frozen=True)
class Context:
    """What the steps of one account use; safe for any number of threads.

    Each account at the gateway has one: its ``settings`` are those of that account.
    """

    settings: Settings
    database: Database
    gateway: Gateway
    windows: Windows
    clock: Clock
    rate_limit: Limit
    call_counts: CallCounts = field(default_factory=CallCounts)
    #: set when the process is told to stop: no send loop begins another batch then
    stopping: threading.Event = field(default_factory=threading.Event)
    #: empty for the default account
    account: str = DEFAULT
    #: seconds that only grow, also while somebody sets the clock
    steady: Callable[[], float] = time.monotonic
    #: waits so many seconds
    sleep: Callable[[float], None] = time.sleep
    #: chooses so many of the batches that may leave next
    choose: Callable[[Sequence[int], int], list[int]] = random.sample

    @property
    def counted(self) -> str | None:
        """The account whose doubts and day are counted apart; None when there is but one."""
        return self.account if self.settings.accounts else None

    def clock_skew(self) -> timedelta:
        """By how much this clock and the database's differ; zero on SQLite. Raises StorageError."""
        clock = self.database.clock()
        offset = timedelta(seconds=self.settings.clock_offset)
        return timedelta(0) if clock is None else abs(self.clock() - clock - offset)

    def hold(self, territory: str, at: datetime | None = None) -> Hold | None:
        """What a commercial message for ``territory`` waits for at ``at`` (default: now)."""
        at = at or self.clock()
        try:
            return self.windows.hold(at, territory)
        except NeverOpen as error:  # refused when planned; the policy has changed since
            return Hold(error.next_open or at + timedelta(days=1), str(error))

    def next_opening(self, territory: str, at: datetime) -> datetime | None:
        """When the window opens after ``at``, or after its present opening if it is open then.

        For an attempt that the gateway's calendar refused while ours was open. None if the
        window stays open.
        """
        hold = self.hold(territory, at)
        if hold is None:
            hold = self.hold(territory, self.windows.closes_at(at, territory))
        return None if hold is None else hold.until

    def waits_here(self, batch: DueBatch, leaves_at: datetime) -> Hold | None:
        """What a batch waits for here instead of being handed over; None if it is handed over."""
        hold = self.hold(batch.territory, leaves_at) if batch.commercial else None
        unproven = bool(batch.unproven)
        return handover.waits_here(leaves_at, self.clock(), hold, unproven=unproven)

    def obstacles(self, session: Session) -> Obstacles:
        """What keeps batches of the account from leaving beside their own rows."""
        apart = self.counted is not None
        return obstacles.read(session, self.account, apart=apart, now=self.clock())

    def may_leave(self, found: Obstacles, *, commercial: bool) -> bool:
        """Whether messages may leave: doubts, the gateway's wish and the STOP list allow it."""
        if found.doubts >= self.settings.doubt_limit or found.waits_until is not None:
            return False
        most = timedelta(seconds=self.settings.stop_list_max_age)
        return not (commercial and found.stop_list.wait(self.clock(), most))

    def note_failed(self, error: GatewayError) -> None:
        """Count an answer of the gateway that is none; every failed call comes here."""
        if isinstance(error, NotAnAnswer):
            self.call_counts.count_unusable()

    def after(self, intervals: Sequence[int], done: int) -> datetime:
        """When the next poll or lookup is due after ``done`` of them."""
        return after(self.clock(), intervals, done)
