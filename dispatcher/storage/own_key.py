"""A secret key of this installation: from the settings, or with SQLite from a file beside it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from dispatcher.errors import ConfigurationError, UnusableKey

#: the key of databases in memory, as of tests: it ends with this process, as they do
_TEMPORARY: Final = secrets.token_hex(32)


class OwnKey:
    """Finds one key of one installation; makes it at the first use where it may."""

    def __init__(self, database: Callable[[], Path | None], name: str, without: str) -> None:
        """``database`` returns the file of SQLite; None for a server, whose key is a setting.

        ``name`` is the key's, such as "signing key"; ``without`` says what cannot be done then.
        """
        self._database = database
        self.name = name
        variable = f"DISPATCHER_{name.replace(' ', '_').upper()}"
        #: what is said where the key is needed and there is none
        self.needed = f"{variable} is not set: {without} without it (scripts/secrets.sh makes one)"
        self._configured: str | None = None
        self._read: str | None = None

    def configure(self, key: str | None) -> None:
        """Use the key of the settings; None leaves the file."""
        self._configured = key

    @property
    def file(self) -> Path | None:
        """The file of the key; None if it can only be a setting."""
        database = self._database()
        ending = self.name.replace(" ", "-")
        return None if database is None else database.with_name(f"{database.name}-{ending}")

    def found(self) -> str | None:
        """The key; None if there is none. Raises StorageError."""
        if self._configured is None and self._read is None and (file := self.file) is not None:
            if _in_memory(file):
                self._read = _TEMPORARY
            else:
                with suppress(FileNotFoundError):
                    self._read = self._key_in(file)
        return self._configured or self._read

    def made(self) -> str:
        """The same; with SQLite a key is made if there is none.

        Raises ConfigurationError where none can be made, and StorageError.
        """
        if (found := self.found()) is not None:
            return found
        if (file := self.file) is None:
            raise ConfigurationError(self.needed)
        self._make(file)
        self._read = self._key_in(file)
        return self._read

    def _key_in(self, file: Path) -> str:
        try:
            key = file.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UnusableKey(
                f"the {self.name} {file.name} cannot be read: {error.strerror}"
            ) from None
        if not key:
            raise UnusableKey(f"the {self.name} {file.name} is empty: restore it")
        return key

    def _make(self, file: Path) -> None:
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
                f"the {self.name} {file.name} cannot be made beside the database: {error.strerror}"
            ) from None
        finally:
            draft.unlink(missing_ok=True)


def _in_memory(file: Path) -> bool:
    return ":memory:" in file.name or "mode=memory" in file.name
