"""Redaction of keys, passwords and phone numbers in logs and reports.

This project never writes them. Others may: a library at debug level, the error of a driver, a
frame of a traceback. The texts of campaigns cannot be recognised, so they are not redacted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

from dispatcher.masking import replaced

#: what replaces a number, a key or a password
NUMBER, SECRET = "[number]", "[secret]"

#: a shorter secret is not redacted, because it may be part of other words
_SHORTEST = 6

_KEYS = re.compile(
    r"""(api_?key(?:["'\s]*[=:]["'\s]*|%3D))(?!\[secret\])([^\s&"',;)}\]]+)""", re.IGNORECASE
)
# a password may hold @, / and :, so it ends at the last @ of the word
_PASSWORDS = re.compile(r"""(://[^\s/:@]*:)([^\s"'<>]+)(?=@)""")


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that redacts ``secrets`` in a text, and whatever looks like a key or number."""
    spellings = {
        spelt
        for secret in secrets
        if len(secret) >= _SHORTEST
        for spelt in (secret, quote(secret, ""))
    }
    # the longest first, because one may begin with another
    known = re.compile(
        "|".join(map(re.escape, sorted(spellings, key=len, reverse=True))) or r"(?!)"
    )

    def redact(text: str) -> str:
        text = known.sub(SECRET, text)
        text = _KEYS.sub(rf"\1{SECRET}", text)
        text = _PASSWORDS.sub(rf"\1{SECRET}", text)
        return replaced(text, lambda _: NUMBER)

    return redact
