"""What keeps campaigns from leaving beside their own rows, read once for a page of campaigns.

Broker and workers are asked only when nothing has ticked or left for long, and at most once in
some seconds, so that a page that has nothing to explain needs the database alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from dispatcher.api.installation import Installation
from dispatcher.campaigns.causes import Cause, Name, Surroundings
from dispatcher.campaigns.progress import Facts, longest_silence, silence
from dispatcher.campaigns.states import CampaignState
from dispatcher.campaigns.traffic import Traffic, because
from dispatcher.campaigns.waits import BatchHold, Wait
from dispatcher.dispatch.queues import QUEUES, SEND, TICK
from dispatcher.errors import DispatcherError
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import (
    durability,
    obstacles,
    surroundings,
    worker_refusals,
)
from dispatcher.storage.batches import queue
from dispatcher.storage.campaigns import campaigns
from dispatcher.window import Hold

if TYPE_CHECKING:
    from dispatcher.dispatch.hints import Hints

#: seconds for which an answer about broker and workers holds
_FRESH = 5.0


class TrafficReader:
    """Finds out how hints travel; safe for any number of threads."""

    def __init__(self, installation: Installation, hints: Callable[[], Hints]) -> None:
        self._installation, self._hints = installation, hints
        self._lock = threading.Lock()
        self._last: tuple[float, Traffic] | None = None

    def read(self) -> Traffic:
        """What is so now, or was some seconds ago. Raises StorageError."""
        with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > _FRESH:
                self._last = (time.monotonic(), self._read())
            return self._last[1]

    def _read(self) -> Traffic:
        database, address = self._installation.database, self._installation.broker
        with database.read() as session:
            refusal = worker_refusals.latest(session)
        found = Traffic(
            database.place,
            broker="" if address is None else address.place,
            database_fault=self._database_fault(),
            skew=self._skew(),
            refusal=refusal,
        )
        if address is None:
            return found
        from dispatcher.dispatch import broker  # it loads the client of Redis

        try:
            broker.check(address, set(QUEUES.values()))
            waiting = {name: broker.waiting(address, name) for name in (QUEUES[TICK], QUEUES[SEND])}
        except DispatcherError as error:
            return replace(found, broker_fault=str(error))
        known = waiting if address.is_redis else {}
        return replace(found, waiting=known, workers=self._hints().workers())

    def _database_fault(self) -> str:
        database = self._installation.database
        if database.in_transaction:
            return ""  # a row that is refused would end the caller's transaction
        try:
            durability.check_takes(database)
        except DispatcherError as error:
            return str(error)
        return ""

    def _skew(self) -> timedelta | None:
        clock = self._installation.database.clock()
        if clock is None:
            return None
        from dispatcher.dispatch import safeguards

        offset = timedelta(seconds=self._installation.settings.clock_offset)
        skew = abs(self._installation.clock() - clock - offset)
        return skew if skew > safeguards.MOST_SKEW else None


class SurroundingsReader:
    """Reads surroundings in one session; asks for each fact once, whatever the page's length."""

    def __init__(
        self,
        session: Session,
        installation: Installation,
        traffic: TrafficReader,
        refused: str,
        accounts: Iterable[str],
    ) -> None:
        """``refused``: why workers refuse the database; empty if they do not.

        ``accounts`` are those of the campaigns that are asked for.
        """
        self._session, self._traffic, self._refused = session, traffic, refused
        self._settings, self.now = installation.settings, installation.clock()
        self._around = surroundings.read(session, accounts)
        self._doubts = cache(lambda account: obstacles.doubts(session, account))
        self._leading = cache(self._read_leading)

    def of(self, facts: Facts, hold: Hold | None) -> Surroundings:
        """What surrounds a campaign whose first batch waits for ``hold``."""
        account, settings = facts.account, self._settings
        orphaned = account != DEFAULT and account not in settings.accounts
        limit = (settings if orphaned else settings.of_account(account)).doubt_limit
        oldest = timedelta(seconds=settings.stop_list_max_age)
        balance = None if facts.funded_to is None else self._around.balance(account)
        around = Surroundings(
            self.now,
            blocked=self._blocked(account),
            silent=() if self._refused else self._silent(facts),
            stopped=self._around.doubts >= limit and self._doubts_of(account) >= limit,
            stop_list=self._around.stop_list(account).wait(self.now, oldest),
            orphaned=orphaned,
            balance_failures=0 if balance is None else balance.failures,
            balance=None if balance is None else balance.euros,
        )
        free = not (around.blocked or around.silent or around.stopped or orphaned)
        return self._with_queue(around, facts, hold) if free else around

    def hold(self, facts: Facts, hold: Hold | None) -> Hold | None:
        """What a batch waits for that waits for ``hold``, and its account by the gateway's wish."""
        until = self._around.waits_until(facts.account, self.now)
        if hold is None or until is None or hold.until >= until:
            return hold
        number = hold.number if isinstance(hold, BatchHold) else 0
        return BatchHold(until, "the gateway asks to wait", Wait.RETRY, number)

    def _doubts_of(self, account: str) -> int:
        """Batches in doubt that count against the limit of an account."""
        return self._doubts(account) if self._settings.accounts else self._around.doubts

    def _blocked(self, account: str) -> Cause | None:
        if self._refused:
            return restored(self._refused)
        pause = self._around.pause(account)
        if pause is None:
            return None
        by_account = "" if pause.account is None else f" --account {pause.account or 'default'}"
        return Cause(Name.PAUSED_ALL, str(pause), f"dispatcher resume --all{by_account}")

    def _silent(self, facts: Facts) -> Sequence[Cause]:
        """Why nobody looks for what is due, if nobody has for long."""
        tick = self._settings.tick
        says = silence(self._around.last_tick, self.now, tick, facts.created_at)
        return because(says, self._traffic.read()) if says else ()

    def _with_queue(self, around: Surroundings, facts: Facts, hold: Hold | None) -> Surroundings:
        """With what stands before a campaign that may leave, and has not for long."""
        longest = longest_silence(self._settings.tick)
        if (
            facts.state is not CampaignState.RUNNING
            or hold is None
            or self.now - hold.until <= longest
            or facts.funded_to is not None
            or facts.budget_wait is not None
            or (facts.commercial and around.stop_list)
        ):
            return around
        leading = self._leading(facts.account, not around.stop_list)
        others = [name for name in leading if name != facts.reference]
        claimed = self._around.last_claim
        if claimed is not None and self.now - claimed <= longest:
            here = facts.reference in leading
            return replace(around, beside=others) if here else replace(around, ahead=others)
        says = f"it may leave since {hold.until:%Y-%m-%d %H:%M} UTC"
        return replace(around, silent=because(says, self._traffic.read(), QUEUES[SEND]))

    def _read_leading(self, account: str, commercial: bool) -> list[str]:
        ids = queue.campaigns(self._session, self.now, account, commercial=commercial)
        return campaigns.references(self._session, ids)


def restored(refused: str) -> Cause:
    """The cause that workers refuse the database."""
    return Cause(Name.RESTORED, refused, "dispatcher migrate --restored")
