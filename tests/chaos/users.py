"""The users of the cluster: a customer submits campaigns, some of the people say STOP, and an
operator watches over it all.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

from sqlalchemy import text

from dispatcher import DispatcherError, Doubt, StorageError
from tests.chaos.campaigns import Plan
from tests.chaos.cluster import LEASE, Cluster
from tests.chaos.gateway_faults import LATE_TAG_LAG, LATEST
from tests.chaos.process_faults import LONGEST_FREEZE

#: how long the operator leaves a doubt to the gateway (seconds): longer than a worker may be frozen
#: and still send, and than the lag of tags
PATIENCE = LONGEST_FREEZE - LEASE + LATEST + LATE_TAG_LAG + 4.5
#: … if no lookup was made, because the worker that would have made it was killed
LONGEST_PATIENCE = PATIENCE + 8
_CHECK = "to see whether it stops"
_RUNNING = """
SELECT reference FROM dispatcher_campaign
 WHERE state = 'running'
   AND id IN (SELECT campaign_id FROM dispatcher_batch WHERE state = 'pending')
 ORDER BY id
"""


class User(threading.Thread):
    """A thread that repeats its turn; an unexpected error becomes a complaint."""

    def __init__(self, name: str, cluster: Cluster, rng: Random) -> None:
        super().__init__(name=name, daemon=True)
        self.cluster = cluster
        self.rng = rng
        self.done: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.3):
            self.attempt(self.turn)

    def attempt(self, call: Callable[[], Any]) -> bool:
        """True if the call succeeded; errors of the library are expected under faults."""
        try:
            call()
        except DispatcherError as error:
            self.done[f"refused: {type(error).__name__}"] += 1
            return False
        except Exception:  # noqa: BLE001 - reported in the findings
            self.complaints.append(f"{self.name} got\n{traceback.format_exc()}")
            return False
        return True

    def turn(self) -> None:
        """Do what there is to do now."""

    def leave(self) -> None:
        self.stopped.set()
        self.join()


class Customer(User):
    """Submits campaigns over ``seconds``; after an error it submits again."""

    def __init__(
        self, cluster: Cluster, rng: Random, plans: Sequence[Plan], seconds: float
    ) -> None:
        super().__init__("customer", cluster, rng)
        self.submitted: dict[str, Plan] = {}
        at_once, later = list(plans[:4]), list(plans[4:])
        rng.shuffle(later)
        start = time.monotonic()
        self._todo = [(start, plan) for plan in at_once]
        self._todo += [
            (start + seconds * position / len(later), plan) for position, plan in enumerate(later)
        ]

    @property
    def finished(self) -> bool:
        return not self._todo

    def turn(self) -> None:
        while self._todo and self._todo[0][0] <= time.monotonic() and not self.stopped.is_set():
            if not self.attempt(lambda: self._submit(self._todo[0][1])):
                return
            self._todo.pop(0)

    def _submit(self, plan: Plan) -> None:
        dispatcher = self.cluster.dispatcher
        try:
            found = self._submitted(plan)
        except StorageError:
            self.done["submitted again after an error"] += 1
            raise
        self.submitted[plan.reference] = plan
        self.done["submitted"] += 1
        if self.rng.random() < 0.05:
            self.done["submitted twice on purpose"] += 1
            if self._submitted(plan) != found:
                self.complaints.append(f"{plan.reference} was stored twice")
        if dispatcher.progress(found).recipients != len(plan.phones):
            self.complaints.append(f"{plan.reference} was not stored whole")

    def _submitted(self, plan: Plan) -> int:
        return self.cluster.dispatcher.submit(
            plan.reference, plan.text, plan.recipients(), **plan.options
        )


class People(User):
    """People who are put on the opt-out list, one every second or so."""

    def __init__(self, cluster: Cluster, rng: Random, phones: Sequence[str]) -> None:
        super().__init__("people", cluster, rng)
        self._phones = phones
        self._next_at = time.monotonic()
        #: phone -> an instant by which it was on the list
        self.stops: dict[str, datetime] = {}

    def turn(self) -> None:
        if time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + self.rng.uniform(0.2, 2)
        phone = self.rng.choice(self._phones)
        self.cluster.dispatcher.opt_out(phone, reason="asked by telephone")
        self.stops.setdefault(phone, self.cluster.dispatcher.clock())
        self.done["opted out"] += 1


class Operator(User):
    """Resumes, pauses and cancels campaigns; ends doubts, half of them each way."""

    def __init__(self, cluster: Cluster, rng: Random) -> None:
        super().__init__("operator", cluster, rng)
        self.cancels = 2
        self.most_doubts = 0
        self._resends: dict[int, bool] = {}
        self._pause_at = time.monotonic() + 4
        self._cancel_at = time.monotonic() + 12

    def turn(self) -> None:
        for call in (self._resume, self._look_at_doubts, self._count, self._cancel, self._pause):
            self.attempt(call)

    def calm_down(self) -> None:
        """Pause and cancel no more."""
        self._pause_at = self._cancel_at = float("inf")

    def _resume(self) -> None:
        for reference in self._references(
            "SELECT reference FROM dispatcher_campaign WHERE state = 'paused'"
        ):
            self.attempt(partial(self._resume_one, reference))

    def _resume_one(self, reference: str) -> None:
        self.cluster.dispatcher.resume(reference)
        self.done["resumed"] += 1

    def _look_at_doubts(self) -> None:
        doubts = self.cluster.dispatcher.doubts()
        self.most_doubts = max(self.most_doubts, len(doubts))
        now = self.cluster.dispatcher.clock()
        for doubt in doubts:
            age = (now - doubt.since).total_seconds()
            looked_up = doubt.lookups > 0 and doubt.why.startswith("the gateway shows")
            if age > (PATIENCE if looked_up else LONGEST_PATIENCE):
                self.attempt(partial(self._decide, doubt))

    def _decide(self, doubt: Doubt) -> None:
        dispatcher = self.cluster.dispatcher
        # decided once: a resend that fails because a lookup fails is tried again
        resend = self._resends.setdefault(doubt.batch_id, self.rng.random() < 0.5)
        if resend and dispatcher.progress(doubt.reference).state != "cancelled":
            dispatcher.resend(doubt.batch_id, reason="nothing shows", by="operator")
            self.done["resent"] += 1
        else:
            dispatcher.give_up(doubt.batch_id, reason="nothing shows", by="operator")
            self.done["given up"] += 1
        del self._resends[doubt.batch_id]

    def _count(self) -> None:
        for progress in self.cluster.dispatcher.campaigns(3):
            self.done["progress read"] += 1
            if progress.recipients != sum(progress.messages.values()):
                self.complaints.append(f"the progress of {progress.reference} does not add up")

    def _cancel(self) -> None:
        if self.cancels == 0 or time.monotonic() < self._cancel_at:
            return
        running = [name for name in self._references(_RUNNING) if not _large(name)]
        if running:
            self.cluster.dispatcher.cancel(self.rng.choice(running))
            self.done["cancelled"] += 1
            self.cancels -= 1
            self._cancel_at = time.monotonic() + 15

    def _pause(self) -> None:
        """Pause a campaign and check that it stops."""
        if time.monotonic() < self._pause_at:
            return
        self._pause_at = time.monotonic() + self.rng.uniform(4, 8)
        running = self._references(_RUNNING)
        if not running:
            return
        reference = next((name for name in running if _large(name)), running[0])
        progress = self.cluster.dispatcher.pause(reference, reason=_CHECK)
        before = self._texted(progress.id)
        in_flight = progress.batches["sending"] + progress.batches["in_doubt"]
        self.stopped.wait(self.rng.uniform(1, 3))
        grown = self._texted(progress.id) - before
        again = self.cluster.dispatcher.progress(reference)
        self.cluster.dispatcher.resume(reference)
        self.done["paused"] += 1
        # a refusal of the gateway may have paused it a moment earlier: only the state counts
        if again.state != "paused":
            self.complaints.append(f"{reference} was paused and then {again.state}: {again.why}")
        if len(grown) > in_flight:
            self.complaints.append(
                f"{reference} was paused with {in_flight} batches in flight, "
                f"then {len(grown)} were sent"
            )

    def _texted(self, campaign_id: int) -> set[tuple[str, int]]:
        """The ledger's entries of a campaign."""
        # the ledger is read first: a tag in it is in the rows already
        entries = [(entry.tag, entry.message_id) for entry in self.cluster.gateway.entries()]
        query = text(
            "SELECT tag FROM dispatcher_attempt"
            " WHERE batch_id IN (SELECT id FROM dispatcher_batch WHERE campaign_id = :campaign)"
        )
        with self.cluster.dispatcher.database.read() as session:
            tags = set(session.scalars(query, {"campaign": campaign_id}))
        return {entry for entry in entries if entry[0] in tags}

    def _references(self, query: str) -> list[str]:
        with self.cluster.dispatcher.database.read() as session:
            return list(session.scalars(text(query)))


def _large(reference: str) -> bool:
    return reference in ("soldes-1", "soldes-2")
