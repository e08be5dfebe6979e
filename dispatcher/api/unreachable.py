"""Numbers that never arrive, as operators see them: which, why, and a person's word against it."""

from __future__ import annotations

from collections.abc import Iterator

from dispatcher.api.actor import named, needed
from dispatcher.api.installation import Installation
from dispatcher.campaigns.records import Page
from dispatcher.campaigns.unreachable import Lift, Rule, Standing
from dispatcher.recipients.phones import normalise
from dispatcher.storage import actions, lifts, unreachable


class Unreachable:
    """The numbers that commercial campaigns do not text, because nothing arrives there.

    Numbers may be in any spelling. Without the setting ``unreachable_after`` there are none. Every
    method raises StorageError when the database cannot be used.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    @property
    def rule(self) -> Rule | None:
        """After which reports a number is unreachable; None if none is."""
        return Rule.of(self._installation.settings)

    def __iter__(self) -> Iterator[Standing]:
        """The unreachable numbers with their reports, in the order of numbers.

        It reads the states of all messages. People of whom retention has left only a pseudonym are
        left out here as well as there.
        """
        if self.rule is not None and not self._installation.is_empty:
            with self._installation.stream() as session:
                yield from unreachable.every(session, self.rule, self._installation.clock())

    def page(self, offset: int = 0, limit: int = 50) -> Page[Standing]:
        """Part of the same: ``limit`` numbers from ``offset`` on."""
        shown, total = [], 0
        for total, one in enumerate(self, start=1):
            if offset < total <= offset + limit:
                shown.append(one)
        return Page(tuple(shown), total, offset, limit)

    def get(self, phone: str) -> Standing:
        """What is known of a number, unreachable or not. Raises InvalidPhone."""
        number, now = normalise(phone), self._installation.clock()
        with self._installation.read() as session:
            return unreachable.standing(session, number, self.rule or Rule.off(), now)

    def lift(self, phone: str, *, reason: str, by: str | None = None) -> bool:
        """Text a number again: no message that has left by now counts. Goes on record.

        False if it is not unreachable; nothing is changed then. Raises InvalidPhone, and
        InvalidCampaign without a reason.
        """
        number, now = normalise(phone), self._installation.clock()
        lift = Lift(at=now, actor=named(by), reason=needed(reason))
        if self.rule is None:
            return False
        with self._installation.write() as session:
            if not unreachable.among(session, [number], self.rule, now):
                return False
            lifts.add(session, number, lift)
            actions.note(session, None, verb="lift", actor=lift.actor, now=now, reason=lift.reason)
        return True
