"""Pseudonyms: what is stored in place of a number once its owner is erased or retention is over.

A pseudonym is HMAC-SHA256 (RFC 2104) of the number in E.164 under the installation's key, so that
the same number always has the same one, and nobody finds it without the key. It is written in
letters behind a prefix that no number has: nothing takes it for a number.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from dispatcher.errors import InvalidPhone
from dispatcher.masking import PSEUDONYM, is_pseudonym, plain, replaced
from dispatcher.recipients.phones import normalise
from dispatcher.recipients.spellings import places, start_of

__all__ = ["PSEUDONYM", "Pseudonyms", "is_pseudonym"]

#: bytes of the hash that a pseudonym has: enough that no two numbers share one
_BYTES: Final = 16
_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
#: what the check of a key is the hash of: no number looks like it
_CHECKED: Final = "check of the dispatcher's pseudonym key"


class Pseudonyms:
    """The pseudonyms of numbers under one key."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    @property
    def check(self) -> str:
        """A hash that tells this key from any other, and does not tell the key."""
        return self._hash(_CHECKED)

    def of(self, phone: str) -> str:
        """The pseudonym of a number (E.164); a pseudonym stays as it is."""
        return phone if is_pseudonym(phone) else PSEUDONYM + self._hash(phone)

    def written(self, text: str, only: Collection[str] | None = None, territory: str = "") -> str:
        """The text with pseudonyms in place of the numbers in it, in any spelling.

        ``only`` these pseudonyms; None: those of all numbers that can be texted. Of ``only`` these
        local numbers are found, too, in a text about somebody in their ``territory``.
        """

        def by(number: str) -> str:
            try:
                pseudonym = self.of(normalise(plain(number)))
            except InvalidPhone:
                return number
            return pseudonym if only is None or pseudonym in only else number

        whole = by(text)
        if whole != text:
            return whole
        return replaced(text if only is None else self._everywhere(text, only, territory), by)

    def _everywhere(self, text: str, only: Collection[str], territory: str) -> str:
        """The same in spellings that look like no number; to be asked of known people only."""
        parts, done = [], 0
        for at, end, number in places(text, territory):
            if at >= done and (pseudonym := self.of(number)) in only:
                start = max(done, start_of(text, at))
                parts += [text[done:start], pseudonym]
                done = end
        return "".join([*parts, text[done:]]) if parts else text

    def possible(self, text: str, territory: str = "") -> set[str]:
        """The pseudonyms of everything in a text that may be a number, however it is written."""
        return {*self.among(text), *(self.of(it) for _, _, it in places(text, territory))}

    def among(self, text: str) -> list[str]:
        """The pseudonyms of the numbers in a text, in any spelling, each once."""
        found: dict[str, None] = {}

        def note(number: str) -> str:
            with suppress(InvalidPhone):
                found[self.of(normalise(plain(number)))] = None
            return number

        note(text)
        if not found:
            replaced(text, note)
        return list(found)

    def hidden(self, digest: str) -> str:
        """A hash that stands for ``digest``, which was made of a number without a key."""
        return self._hash(digest)

    def _hash(self, text: str) -> str:
        found = hmac.digest(self._key, text.encode(), hashlib.sha256)
        return found[:_BYTES].hex().translate(_LETTERS)
