"""Pseudonyms: what is stored in place of a number once its owner is erased or retention is over.

A pseudonym is HMAC-SHA256 (RFC 2104) of the number in E.164 under the installation's key, so that
the same number always has the same one, and nobody finds it without the key. It is written in
letters behind a prefix that no number has: nothing takes it for a number.

A key that is replaced stays in the ring of keys: new pseudonyms are made under the newest one, and
people are recognised under each.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final

from dispatcher.errors import InvalidPhone
from dispatcher.masking import PSEUDONYM, is_pseudonym, plain, replaced
from dispatcher.recipients.phones import normalise
from dispatcher.recipients.spellings import places, start_of

__all__ = ["PSEUDONYM", "Pseudonyms", "is_pseudonym", "ring_of"]

#: bytes of the hash that a pseudonym has: enough that no two numbers share one
_BYTES: Final = 16
_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
#: the shortest key, and the most keys of a ring: each costs a hash for each number
SHORTEST: Final = 32
MOST: Final = 8
#: what the check of a key is the hash of: no number looks like it
_CHECKED: Final = "check of the dispatcher's pseudonym key"


def ring_of(lines: str) -> list[str]:
    """The keys of a ring, one a line, the newest first. Raises ValueError with what is wrong."""
    keys = list(dict.fromkeys(filter(None, map(str.strip, lines.split("\n")))))
    if len(keys) > MOST or min(map(len, keys), default=0) < SHORTEST:
        raise ValueError(
            f"must have 1 to {MOST} keys, one a line, each of at least {SHORTEST} characters"
        )
    return keys


class Pseudonyms:
    """The pseudonyms of numbers under the keys of a ring, the newest first."""

    def __init__(self, newest: str, *older: str) -> None:
        self._keys = [key.encode() for key in (newest, *older)]

    @property
    def check(self) -> str:
        """A hash that tells the newest key from any other, and does not tell the key."""
        return self.checks[0]

    @property
    def checks(self) -> list[str]:
        """The same of each key, the newest first."""
        return [_hash(key, _CHECKED) for key in self._keys]

    def under(self, check: str) -> Pseudonyms | None:
        """The pseudonyms under the key with this check alone; None without such a key."""
        keys = dict(zip(self.checks, self._keys, strict=True))
        return Pseudonyms(keys[check].decode()) if check in keys else None

    def newest_of(self, phone: str) -> str:
        """The pseudonym that a number (E.164) gets; a pseudonym stays as it is."""
        return phone if is_pseudonym(phone) else PSEUDONYM + _hash(self._keys[0], phone)

    def all_of(self, phone: str) -> tuple[str, ...]:
        """Every pseudonym that a number (E.164) may have, the newest first."""
        if is_pseudonym(phone):
            return (phone,)
        return tuple(PSEUDONYM + _hash(key, phone) for key in self._keys)

    def names(self, phones: Iterable[str]) -> dict[str, str]:
        """Under which names rows may have these numbers (E.164): each name -> its number."""
        return {name: phone for phone in phones for name in (phone, *self.all_of(phone))}

    def one_of(self, phone: str, only: Collection[str] | None) -> str | None:
        """The one of ``only`` that a number (E.164) has, if any; for None, the one it gets."""
        if only is None:
            return self.newest_of(phone)
        return next((name for name in self.all_of(phone) if name in only), None)

    def written(self, text: str, only: Collection[str] | None = None, territory: str = "") -> str:
        """The text with pseudonyms in place of the numbers in it, in any spelling.

        ``only`` these pseudonyms; None: those of all numbers that can be texted. Of ``only`` these
        local numbers are found, too, in a text about somebody in their ``territory``.
        """

        def by(number: str) -> str:
            try:
                return self.one_of(normalise(plain(number)), only) or number
            except InvalidPhone:
                return number

        whole = by(text)
        if whole != text:
            return whole
        return replaced(text if only is None else self._everywhere(text, only, territory), by)

    def _everywhere(self, text: str, only: Collection[str], territory: str) -> str:
        """The same in spellings that look like no number; to be asked of known people only."""
        parts, done = [], 0
        for at, end, number in places(text, territory):
            if at >= done and (pseudonym := self.one_of(number, only)):
                start = max(done, start_of(text, at))
                parts += [text[done:start], pseudonym]
                done = end
        return "".join([*parts, text[done:]]) if parts else text

    def possible(self, text: str, territory: str = "") -> set[str]:
        """The pseudonyms of everything in a text that may be a number, however it is written."""
        found = [*self.among(text), *(self.all_of(it) for _, _, it in places(text, territory))]
        return {name for names in found for name in names}

    def among(self, text: str) -> list[tuple[str, ...]]:
        """All pseudonyms of each number in a text, in any spelling; each number once."""
        found: dict[tuple[str, ...], None] = {}

        def note(number: str) -> str:
            with suppress(InvalidPhone):
                found[self.all_of(normalise(plain(number)))] = None
            return number

        note(text)
        if not found:
            replaced(text, note)
        return list(found)

    def hidden(self, digest: str) -> str:
        """A hash under the newest key that stands for ``digest``, which was made without one."""
        return _hash(self._keys[0], digest)


def _hash(key: bytes, text: str) -> str:
    found = hmac.digest(key, text.encode(), hashlib.sha256)
    return found[:_BYTES].hex().translate(_LETTERS)
