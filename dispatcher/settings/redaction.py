"""Redaction: keys, passwords and phone numbers are taken out of what somebody may read.

The code of this project writes none of them anywhere. This is for what others write: a library
at debug level, a driver's error, the frame of a traceback. Texts cannot be told from other words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

#: what stands for a number, a key or a password that was taken out
NUMBER, SECRET = "[number]", "[secret]"

#: a word shorter than this is no secret, and would be taken out of other words
_SHORTEST = 6

_NUMBERS = re.compile(
    r"(?<![\d.])(?:"
    # international, as people write it
    r"(?:\+|00)[1-9](?:[ .()-]{0,2}\d){7,14}"
    # national, in pairs or in one
    r"|0[1-9](?:[ .-]?\d\d){4}"
    # in a URL, or behind a letter
    r"|33[1-9]\d{8}"
    # any other run of digits that could be one
    r"|(?<![0-9A-Za-z])\d{9,15}(?![0-9A-Za-z])"
    r")(?!\d)"
)
_KEYS = re.compile(
    r"""(api_?key(?:["'\s]*[=:]["'\s]*|%3D))(?!\[secret\])([^\s&"',;)}\]]+)""", re.IGNORECASE
)
_PASSWORDS = re.compile(r"(://[^\s/:@]*:)([^\s/@]+)(?=@)")


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that takes out of a text ``secrets`` and what looks like one or like a number."""
    spellings = {
        spelt
        for secret in secrets
        if len(secret) >= _SHORTEST
        for spelt in (secret, quote(secret, ""))
    }
    # the longest first: one may be the beginning of another
    known = re.compile(
        "|".join(map(re.escape, sorted(spellings, key=len, reverse=True))) or r"(?!)"
    )

    def redact(text: str) -> str:
        text = known.sub(SECRET, text)
        text = _KEYS.sub(rf"\1{SECRET}", text)
        text = _PASSWORDS.sub(rf"\1{SECRET}", text)
        return _NUMBERS.sub(NUMBER, text)

    return redact
