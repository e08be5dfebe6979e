"""Retention: old history is deleted, in short transactions that block nobody."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from dispatcher.dispatch.context import Context
from dispatcher.dispatch.erasures import Erasures
from dispatcher.errors import ConfigurationError
from dispatcher.settings import Settings
from dispatcher.storage import (
    drafts,
    erasures,
    message_log,
    pseudonymous,
    recipient_retention,
    retention,
)

log = logging.getLogger(__name__)

#: how often it is done
EVERY = timedelta(hours=1)
#: the most rows of one transaction, and transactions of one run; a rest is due again at once
ROWS, RUNS = 500, 20
#: batches whose recipients one transaction replaces (a claim waits for it on SQLite), and drafts
#: that one deletes
BATCHES, DRAFTS = 1, 20


def is_due(session: Session, settings: Settings, now: datetime) -> bool:
    """Whether old history is to be deleted or replaced, or an erasure goes on."""
    asked = _any_days(settings) or erasures.unfinished(session)
    return bool(asked) and retention.due(session, now, EVERY)


def _any_days(settings: Settings) -> bool:
    return any(
        (settings.history_days, settings.recipient_days, settings.text_days, settings.draft_days)
    )


class Retention:
    """Deletes rows that nobody needs. Any number of workers may do so at once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._erasures = Erasures(context.database, context.clock, context.stopping.is_set)

    def prune(self) -> int:
        """Delete what is older than the settings say, if that is due; returns how many rows.

        Pseudonyms take the place of the recipients of old campaigns: their batches are counted.
        First what is left of erasures is done.
        """
        settings, now = self._context.settings, self._context.clock()
        self._erasures.resume()
        with self._context.database.write() as session:
            if not retention.due(session, now, EVERY):
                return 0
            retention.note_pruned(session, now)  # no other worker needs to do it meanwhile
        if not _any_days(settings):
            return 0
        with suppress(ConfigurationError):  # without a key the hashes stay
            self._erasures.replace_hashed()
        total, left = self._delete(now, RUNS) if settings.history_days else (0, RUNS)
        for replace, days in (
            (self._replace_recipients, settings.recipient_days),
            (self._forget_texts, settings.text_days),
            (self._delete_drafts, settings.draft_days),
        ):
            if days:
                done, left = replace(now - timedelta(days=days), left)
                total += done
        if not left:
            with self._context.database.write() as session:
                retention.note_pruned(session, now - EVERY)
        return total

    def _delete(self, now: datetime, left: int) -> tuple[int, int]:
        settings = self._context.settings
        before = now - timedelta(days=settings.history_days)
        # as long as a check of a number counts, its result must stay: it would be ordered again
        checked = now - timedelta(days=max(settings.history_days, settings.checks_days + 1))
        of_checks = ("number checks", "orders of checks")
        total = 0
        for name in retention.STEPS:
            deleted, left = self._step(name, checked if name in of_checks else before, left)
            total += deleted
            if deleted:
                log.info("retention: %d %s deleted", deleted, name)
        deleted, left = self._delete_changes(before, left)
        return total + deleted, left

    def _delete_changes(self, before: datetime, left: int) -> tuple[int, int]:
        """Delete old changes of messages, and say how many nobody has had."""
        total = unread = 0
        with self._context.database.read() as session:
            if not message_log.any_old(session, before):
                return 0, left
        while left and not self._context.stopping.is_set():
            left -= 1
            with self._pausing(), self._context.database.write() as session:
                deleted, lost = message_log.prune(session, before, ROWS)
            total, unread = total + deleted, unread + lost
            if deleted < ROWS:
                break
        if total:
            log.info("retention: %d rows of changes of messages deleted", total)
        if unread:
            log.warning("retention: nobody had read %d deleted changes of messages", unread)
        return total, left

    def _replace_recipients(self, before: datetime, left: int) -> tuple[int, int]:
        database, total = self._context.database, 0
        with database.read() as session:
            if not recipient_retention.is_due(session, before):
                return 0, left
        try:
            with database.write() as session:
                pseudonyms = pseudonymous.begin(session)
        except ConfigurationError as error:
            log.warning("retention: recipients from before %s stay: %s", before.date(), error)
            return 0, left
        while left and not self._context.stopping.is_set():
            left -= 1
            with self._pausing(), self._erasures.write() as session:
                now = self._context.clock()
                done = recipient_retention.replace(session, before, pseudonyms, BATCHES, now)
            if not done:
                break
            total += done
        if total:
            log.info("retention: recipients of %d batches replaced", total)
            self._erasures.overwrite()
        return total, left

    def _forget_texts(self, before: datetime, left: int) -> tuple[int, int]:
        if not left:
            return 0, left
        with self._erasures.write() as session:
            now = self._context.clock()
            return recipient_retention.forget_texts(session, before, ROWS, now), left - 1

    def _delete_drafts(self, before: datetime, left: int) -> tuple[int, int]:
        if not left:
            return 0, left
        with self._erasures.write() as session:
            deleted = drafts.prune(session, before, DRAFTS, self._context.clock())
        if deleted:
            log.info("retention: %d drafts deleted", deleted)
        return deleted, left - 1 if deleted < DRAFTS else 0

    def _step(self, name: str, before: datetime, left: int) -> tuple[int, int]:
        """How many rows were deleted, and how many transactions are left of this run."""
        total = 0
        while left and not self._context.stopping.is_set():
            left -= 1
            with self._pausing(), self._context.database.write() as session:
                deleted = retention.STEPS[name](session, before, ROWS)
            total += deleted
            if deleted < ROWS:
                break
        return total, left

    @contextmanager
    def _pausing(self) -> Iterator[None]:
        """Wait after the block for as long as it took: who sends wants the database, too.

        SQLite has one writer, and lets it in only when it asks while nobody else writes.
        """
        start = time.monotonic()
        yield
        self._context.stopping.wait(time.monotonic() - start)
