"""One person, everywhere: all that is stored about a number, and its erasure."""

from __future__ import annotations

from typing import Any

from dispatcher.api.actor import named, needed
from dispatcher.api.installation import Installation
from dispatcher.dispatch.erasures import Erasures
from dispatcher.errors import NotFound
from dispatcher.recipients.phones import normalise
from dispatcher.storage import erasures, persons
from dispatcher.storage.erasures import WaitingBatch


class Persons:
    """What is stored about single people. Numbers may be in any spelling."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._erasures = Erasures(installation.database, installation.clock)

    def show(self, phone: str) -> dict[str, list[dict[str, Any]]]:
        """Table -> its rows about a number, under the number or its pseudonym; empty: none.

        Instants are aware. Raises InvalidPhone.
        """
        number = normalise(phone)
        self._installation.prepare()
        with self._installation.database.stream() as session:
            return persons.of(session, number)

    def erase(self, phone: str, *, reason: str, by: str | None = None) -> list[WaitingBatch]:
        """Replace a number and its fields by a pseudonym everywhere; it is never texted again.

        Whoever is still to go in a batch counts as opted out. Returns the batches that wait,
        because the gateway has them or may have them: workers do the rest once they have ended.
        To erase a number again changes nothing, and does what was left to do. Raises
        InvalidPhone, NotFound if nothing is stored about the number, InvalidCampaign without a
        reason, ConfigurationError without a key of the pseudonyms, and StorageError.
        """
        number, reason = normalise(phone), needed(reason)
        if not self.show(number):
            raise NotFound("nothing is stored about this number: nobody is erased")
        return self._erasures.erase(number, reason=reason, actor=named(by))

    def is_erased(self, phone: str) -> bool:
        """Whether a number was erased. Raises InvalidPhone."""
        with self._installation.read() as session:
            return erasures.is_erased(session, normalise(phone))
