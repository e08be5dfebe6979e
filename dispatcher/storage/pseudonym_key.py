"""The keys of the pseudonyms of this installation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dispatcher.errors import UnusableKey
from dispatcher.recipients.pseudonyms import Pseudonyms, ring_of
from dispatcher.storage.own_key import OwnKey


class PseudonymKey:
    """The pseudonyms under the keys of one installation; the first is made at its first use."""

    def __init__(self, database: Callable[[], Path | None]) -> None:
        """``database`` returns the file of SQLite; None for a server, whose key is a setting."""
        self._key = OwnKey(database, "pseudonym key", "nobody can be erased")
        self.configure = self._key.configure
        self.needed = self._key.needed

    @property
    def file(self) -> Path | None:
        """The file of the key; None if it can only be a setting."""
        return self._key.file

    def found(self) -> Pseudonyms | None:
        """The pseudonyms under the keys; None if there is none. Raises StorageError."""
        lines = self._key.found()
        return None if lines is None else self._pseudonyms(lines)

    def made(self) -> Pseudonyms:
        """The same; with SQLite a key is made if there is none.

        Raises ConfigurationError where none can be made, and StorageError.
        """
        return self._pseudonyms(self._key.made())

    def _pseudonyms(self, lines: str) -> Pseudonyms:
        try:
            return Pseudonyms(*ring_of(lines))
        except ValueError as error:
            name = self.file.name if self.file else "DISPATCHER_PSEUDONYM_KEY"
            raise UnusableKey(f"the pseudonym key is wrong: {name} {error}") from None
