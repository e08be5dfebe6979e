"""The opt-out list as callers and operators use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dispatcher.clock import Clock
from dispatcher.errors import InvalidCampaign
from dispatcher.phones import normalise
from dispatcher.storage import opt_outs
from dispatcher.storage.database import Database
from dispatcher.storage.opt_outs import OptOutEntry
from dispatcher.submission import actor

__all__ = ["OptOutEntry", "OptOuts"]


class OptOuts:
    """Who said STOP, when and where. They are left out when planning and again when arming."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def __iter__(self) -> Iterator[OptOutEntry]:
        """The list, the oldest first, streamed; of erased numbers there is no trace."""
        with self._database.read() as session:
            yield from opt_outs.entries(session)

    def __contains__(self, phone: str) -> bool:
        """Whether a number, in any spelling, has opted out, erased or not. Raises InvalidPhone."""
        with self._database.read() as session:
            return bool(opt_outs.known(session, [normalise(phone)]))

    def add(self, phones: Iterable[str], *, reason: str = "", source: str = "by hand") -> int:
        """Never text these numbers again, in any spelling; returns how many are new.

        Raises InvalidPhone for the first that is none; nothing is added then.
        """
        numbers = [normalise(phone) for phone in phones]
        with self._database.write() as session:
            return opt_outs.add(
                session, numbers, source=source, reason=reason, actor=actor(), now=self._clock()
            )

    def remove(self, phone: str, *, reason: str) -> bool:
        """Take a number off the list: its owner consented anew. False when it is not on it.

        The reason goes on record. Raises InvalidCampaign without one, InvalidPhone.
        """
        if not reason.strip():
            raise InvalidCampaign("a reason is needed: it goes on record")
        with self._database.write() as session:
            return opt_outs.remove(
                session, normalise(phone), reason=reason, actor=actor(), now=self._clock()
            )

    def erase(self, phone: str) -> bool:
        """Forget a number and keep its hash, so that it stays unsent. False when unknown."""
        with self._database.write() as session:
            return opt_outs.erase(session, normalise(phone))
