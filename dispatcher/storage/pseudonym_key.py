"""The key of the pseudonyms: from the settings, or with SQLite from a file beside the database."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from dispatcher.errors import ConfigurationError, StorageError
from dispatcher.recipients.pseudonyms import Pseudonyms

#: what the name of the key's file beside a SQLite database ends with
BESIDE: Final = "-pseudonym-key"
#: what is said where a key is needed and there is none
NEEDED: Final = (
    "DISPATCHER_PSEUDONYM_KEY is not set: nobody can be erased without it (scripts/secrets.sh"
    " makes one)"
)
#: the key of databases in memory, as of tests: it ends with this process, as they do
_TEMPORARY: Final = Pseudonyms(secrets.token_hex(32))


class PseudonymKey:
    """Finds the key of one installation; makes it at the first use where it may."""

    def __init__(self, database: Callable[[], Path | None]) -> None:
        """``database`` returns the file of SQLite; None for a server, whose key is a setting."""
        self._database = database
        self._configured: Pseudonyms | None = None
        self._read: Pseudonyms | None = None

    def configure(self, key: str | None) -> None:
        """Use the key of the settings; None leaves the file."""
        self._configured = None if key is None else Pseudonyms(key)

    @property
    def file(self) -> Path | None:
        """The file of the key; None if it can only be a setting."""
        database = self._database()
        return None if database is None else database.with_name(database.name + BESIDE)

    def found(self) -> Pseudonyms | None:
        """The pseudonyms under the key; None if there is none. Raises StorageError."""
        if self._configured is None and self._read is None and (file := self.file) is not None:
            if _in_memory(file):
                self._read = _TEMPORARY
            else:
                with suppress(FileNotFoundError):
                    self._read = Pseudonyms(_read(file))
        return self._configured or self._read

    def made(self) -> Pseudonyms:
        """The same; with SQLite a key is made if there is none.

        Raises ConfigurationError where none can be made, and StorageError.
        """
        if (found := self.found()) is not None:
            return found
        if (file := self.file) is None:
            raise ConfigurationError(NEEDED)
        _make(file)
        self._read = Pseudonyms(_read(file))
        return self._read


def _in_memory(file: Path) -> bool:
    return ":memory:" in file.name or "mode=memory" in file.name


def _read(file: Path) -> str:
    try:
        key = file.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(
            f"the pseudonym key {file.name} cannot be read: {error.strerror}"
        ) from None
    if not key:
        raise StorageError(f"the pseudonym key {file.name} is empty: restore it")
    return key


def _make(file: Path) -> None:
    """Write a new key, whole or not at all; of two processes the first one's stays."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    try:
        opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(opened, f"{secrets.token_hex(32)}\n".encode())
            os.fsync(opened)
        finally:
            os.close(opened)
        with suppress(FileExistsError):  # another process has made it
            os.link(draft, file)
    except OSError as error:
        raise ConfigurationError(
            f"the pseudonym key {file.name} cannot be made beside the database: {error.strerror}"
        ) from None
    finally:
        draft.unlink(missing_ok=True)
