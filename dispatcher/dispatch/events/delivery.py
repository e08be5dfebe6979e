"""Deliveries: events go to receivers in this process and to an address."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from dispatcher.campaigns.waits import backoff
from dispatcher.dispatch.context import CHECK_LEASE, Context
from dispatcher.dispatch.events.callbacks import Callbacks
from dispatcher.dispatch.events.signals import SIGNALS, load
from dispatcher.dispatch.unforeseen import contained
from dispatcher.errors import StorageError
from dispatcher.settings import Settings
from dispatcher.storage import events, message_log
from dispatcher.storage.events import LeasedEvent

log = logging.getLogger(__name__)

#: an event that the address has not accepted after this is given up
GIVEN_UP_AFTER = timedelta(hours=24)
#: seconds before the first repetition, and the longest wait
_FIRST, _LONGEST = 10, 3600
#: one hint delivers events for this long (seconds)
_TIME_SLICE = 20.0


class Deliveries:
    """Any number of workers may deliver; each event is delivered by one of them at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._callbacks = _callbacks(context.settings)

    def deliver(self) -> int:
        """Deliver the events that are due; returns how many are finished.

        Ends with the first that the address does not accept: a later tick tries it again. Raises
        ConfigurationError for receivers that cannot be imported.
        """
        load(self._context.settings.receivers)  # without them an event would count as delivered
        finished = 0
        until = self._context.steady() + _TIME_SLICE
        while self._context.steady() < until and not self._context.stopping.is_set():
            now = self._context.clock()
            more = self._number_changes(now)
            with self._context.database.write() as session:
                taken = events.lease(session, now, CHECK_LEASE)
            if taken is None and more:
                continue
            if taken is None or not self._deliver(taken):
                break
            finished += 1
        return finished

    def _number_changes(self, now: datetime) -> bool:
        """Number changes of messages and add the event of the next; True if there may be more."""
        pushed = _pushed(self._context.settings)
        if not self._context.settings.message_events:
            return False
        try:
            with self._context.database.read() as session:
                if not events.changes_wait(session, pushed=pushed):
                    return False
            with self._context.database.write() as session:
                more = message_log.number(session)
                if pushed:
                    events.publish_changes(session, now)
        except StorageError as error:  # other events do not wait for it
            log.warning("changes of messages are delivered later: %s", error)
            return False
        return more

    def _deliver(self, taken: LeasedEvent) -> bool:
        """True if the event is finished."""
        if not taken.signalled:
            SIGNALS[taken.event.kind].send(taken.event)
            with self._context.database.write() as session:
                events.note_signalled(session, taken)
        if self._callbacks is None:
            return self._end(taken, "signalled")
        reason = "an unforeseen error"
        with contained(f"callback of event {taken.event.kind}"):
            reason = self._callbacks.post(taken.event, now=self._context.clock())
        if not reason:
            return self._end(taken, "delivered")
        now = self._context.clock()
        at = self._next(taken, now)
        if at is None:
            log.error("%s: the callback is given up: %s", taken.event.kind, reason)
            return self._end(taken, "given up")
        log.warning("%s: callback %d failed: %s", taken.event.kind, taken.tries, reason)
        with self._context.database.write() as session:
            events.postpone(session, taken, at)
        return False

    def _next(self, taken: LeasedEvent, now: datetime) -> datetime | None:
        wait = timedelta(seconds=backoff(taken.tries - 1, first=_FIRST, longest=_LONGEST))
        if taken.event.kind == events.CHANGES:  # others follow, and must not overtake it
            return now + wait
        end = taken.event.at + GIVEN_UP_AFTER
        return None if now >= end else min(now + wait, end)

    def _end(self, taken: LeasedEvent, outcome: str) -> bool:
        with self._context.database.write() as session:
            events.end(session, taken, outcome)
        return True


def is_due(session: Session, settings: Settings, now: datetime) -> bool:
    """Whether events are to be delivered now, or changes of messages to be numbered."""
    if events.due(session, now):
        return True
    return settings.message_events and events.changes_wait(session, pushed=_pushed(settings))


def _pushed(settings: Settings) -> bool:
    return settings.callback_url is not None or bool(settings.receivers)


def _callbacks(settings: Settings) -> Callbacks | None:
    if settings.callback_url is None or settings.callback_secret is None:
        return None
    return Callbacks(settings.callback_url, settings.callback_secret.get_secret_value())
