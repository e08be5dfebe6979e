"""Erasing people, in short transactions: killed at any moment, it goes on where it was."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatcher.errors import StorageError, UnusableKey
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.settings.clock import Clock
from dispatcher.storage import (
    erased_columns,
    erased_texts,
    erasures,
    mentions,
    meta,
    opt_outs,
    pseudonymous,
    replacement,
)
from dispatcher.storage.database import Database
from dispatcher.storage.erasures import WaitingBatch

log = logging.getLogger(__name__)

#: batches of one transaction
_BATCHES = 20
#: when the numbers behind the hashes of an earlier version were looked for
_HASHES = "hashes_replaced_at"


class Erased(list[WaitingBatch]):
    """The batches that wait for their end before a person is erased there, too."""

    def __init__(self, waiting: Iterable[WaitingBatch], *, overwritten: bool) -> None:
        super().__init__(waiting)
        #: False if old pages of SQLite may still hold the person, until somebody erases again
        self.overwritten = overwritten


class Erasures:
    """Erases people. Any number of processes may do so at once."""

    def __init__(
        self, database: Database, clock: Clock, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self._database, self._clock, self._stopping = database, clock, stopping

    def erase(self, phone: str, *, reason: str, actor: str) -> Erased:
        """Erase a number (E.164): it is never texted again. Returns the batches that wait.

        A batch waits while the gateway has it, or may have it: its reports are asked for by the
        number. ``resume`` does the rest. Raises ConfigurationError without a key, StorageError.
        """
        with self._database.stream() as session:
            found = mentions.find(session, phone)
        with self.write() as session:
            now = self._clock()
            pseudonym = erasures.begin(
                session, phone, reason=reason, actor=actor, now=now, mentions=found
            )
        left = self._go_on([pseudonym]).get(pseudonym, [])
        overwritten = self.overwrite()
        with self._database.read() as session:
            return Erased(erasures.waiting(session, left), overwritten=overwritten)

    def overwrite(self) -> bool:
        """Overwrite the pages of SQLite that held people; False if it must wait, which is logged.

        PostgreSQL does that itself, when it vacuums.
        """
        try:
            done = self._database.checkpoint()
        except StorageError:
            done = False
        if not done:
            log.warning(
                "people are erased, but old pages of the SQLite database may still hold them:"
                " another program reads it, or a transaction is open"
            )
        return done

    def resume(self) -> int:
        """Go on with all erasures of which anything is left to do; returns how many ended."""
        with self._database.read() as session:
            unfinished = erasures.unfinished(session)
        self._go_on(unfinished)
        with self._database.read() as session:
            ended = len(unfinished) - len({*unfinished}.intersection(erasures.unfinished(session)))
        if ended:
            log.info("%d erasures ended", ended)
            self.overwrite()
        return ended

    def replay(self, erased: Mapping[str, datetime], checks: Collection[str], *, actor: str) -> int:
        """Erase people again whom a restored database has in clear; returns how many it lacked.

        ``erased`` are pseudonyms, with when they were erased, and ``checks`` those of their keys.
        Raises StorageError if one of these is not at hand, ConfigurationError without any.
        """
        with self.write() as session:
            if not pseudonymous.adopt(session, checks):
                raise UnusableKey("these erasures were made under another pseudonym key")
            new = erasures.adopt(session, erased, actor, self._clock())
        self._erase_found(
            lambda _, phones, pseudonyms: [it for it in phones if pseudonyms.one_of(it, erased)],
            reason=erasures.REPLAYED,
            actor=actor,
        )
        self.resume()
        return new

    def replace_hashed(self) -> None:
        """Erase people whom an earlier version replaced by a hash, if their numbers are stored."""
        with self._database.read() as session:
            if not opt_outs.any_hashed(session) or meta.get(session, _HASHES):
                return
        with self.write() as session:
            pseudonymous.begin(session)
            meta.put(session, _HASHES, self._clock().isoformat())
        self._erase_found(
            lambda session, phones, _: opt_outs.hashed(session, phones),
            reason="erased by an earlier version",
            actor="dispatcher",
        )

    def _erase_found(
        self,
        which: Callable[[Session, list[str], Pseudonyms], list[str]],
        *,
        reason: str,
        actor: str,
    ) -> None:
        """Erase all stored numbers that ``which`` finds in a group of them."""
        found: set[str] = set()
        with self._database.stream() as session:
            pseudonyms = pseudonymous.begin(session)
            for phones in erasures.numbers(session):
                found.update(which(session, phones, pseudonyms))
        for phone in sorted(found):
            self.erase(phone, reason=reason, actor=actor)

    def _go_on(self, people: Sequence[str]) -> dict[str, list[int]]:
        """Replace people wherever that can be done now; returns the batches that wait for each."""
        with self._database.read() as session:
            pseudonyms = pseudonymous.current(session)
        if pseudonyms is None or not people:
            return {}
        left = {it: self._replace(it, pseudonyms) for it in people if not self._stopping()}
        named = self._replace_texts(pseudonyms, left.keys())
        with self.write() as session:
            erasures.forget_unread(session, pseudonyms, left.keys())
            for pseudonym in sorted(left.keys() - named):
                erasures.finish(session, pseudonym, self._clock())
        return left

    def _replace(self, pseudonym: str, pseudonyms: Pseudonyms) -> list[int]:
        """Replace one person in batches; returns those that wait."""
        only = {pseudonym}
        with self._database.read() as session:
            ids = left = erasures.left_of(session, pseudonym) or []
        for start in range(0, len(ids), _BATCHES):
            with self.write() as session:
                some = ids[start : start + _BATCHES]
                done = [it for it in some if replacement.replace(session, it, pseudonyms, only)]
                left = erasures.note_left(session, pseudonym, done)
        return left

    def _replace_texts(self, pseudonyms: Pseudonyms, only: Collection[str]) -> set[str]:
        """Replace people in texts, column by column; returns those whom a running campaign names.

        Its text is what others still get: a person stays in it until the campaign has ended.
        """
        with self._database.stream() as session:  # first: one that ends now is replaced below
            named = erased_texts.running(session, pseudonyms, only)
        for column, which in erased_columns.TEXTS:
            with self._database.stream() as session:
                changed = erased_texts.found(session, column, which, pseudonyms, only)
            if changed:
                with self.write() as session:
                    erased_texts.replace(session, column, which, changed)
        return named

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that overwrites what it frees, also on a connection of Django's."""
        with self._database.write() as session:
            if self._database.is_sqlite:
                session.execute(text("PRAGMA secure_delete = ON"))
            yield session
