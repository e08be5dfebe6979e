"""Masks requests: values of the same length and kind, without personal data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

#: fields whose texts must have their form
_PHONES: Final = {"phoneNumbers", "phoneNumber", "to", "from", "msisdn", "phone"}
_URLS: Final = {"urlDlr", "urlResponse", "notifyUrl", "webhookUrl"}
#: words of the gateway
_WORDS: Final = frozenset(
    {"json", "xml", "simple", "advanced", "last_month", "last_twelve_months", "custom"}
)
_DAY: Final = re.compile(r"\d{2}([/-])\d{2}\1\d{4}")
_NAME: Final = re.compile(r"\$[A-Za-z_]{1,30}")
_PHONE: Final = re.compile(r"(\+33|0033|33|0)[67]\d{8}")
_LANDLINE: Final = re.compile(r"(\+33|0033|33|0)[1-5]\d{8}")
_TAG: Final = re.compile(r"[a-z0-9]{1,20}")
_SENDER: Final = re.compile(r"[A-Za-z0-9 ]{3,11}")
#: larger numbers could be personal data
_LARGEST_NUMBER: Final = 9999
#: the beginning of mobiles that belong to nobody, and such a landline
_FICTION: Final = "63998"
_NOBODY: Final = "199000001"


class Masks:
    """Masks values; the same value always gets the same mask."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    def request(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The masked fields of a request. Names are not masked."""
        return {name: self._value(name, value) for name, value in fields.items()}

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self.request(value)
        if isinstance(value, list):
            return [self._value(name, each) for each in value]
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return value if abs(value) <= _LARGEST_NUMBER else 1
        if isinstance(value, float):
            return 1.5
        return self._text(name, str(value))

    def _text(self, name: str, text: str) -> str:
        if _NAME.fullmatch(text) or text in _WORDS or _DAY.fullmatch(text) or not text:
            return text
        if name in _PHONES:
            # what separates numbers stays: a blank there changed an answer
            return re.sub(r"[^,\s]+", lambda found: self._phone(found[0]), text)
        if name in _URLS:
            return self._numbered("url", text, "https://example.org/{}")
        if name == "email" and "@" in text:
            return self._numbered("email", text, "someone{}@example.org")
        if name == "tag" and _TAG.fullmatch(text):
            return self._numbered("tag", text, "tag{}")
        if name == "sender" and _SENDER.fullmatch(text):
            return self._numbered("sender", text, "Sender{}")
        if text.isdigit() and len(text) <= 4:
            return text
        return "".join(map(_masked, text))

    def _phone(self, text: str) -> str:
        spelt = _PHONE.fullmatch(text)
        if spelt is None:
            landline = _LANDLINE.fullmatch(text)
            # a foreign or invalid number keeps its form
            return landline[1] + _NOBODY if landline else "".join(map(_masked, text))
        number = self._numbered("phone", text[len(spelt[1]) :], f"{_FICTION}{{:04d}}")
        return spelt[1] + number

    def _numbered(self, kind: str, text: str, pattern: str) -> str:
        count = sum(known == kind for known, _ in self._known) + 1
        return self._known.setdefault((kind, text), pattern.format(count))


def _masked(char: str) -> str:
    if char.isdigit():
        return "1"
    if char.isalpha():
        return ("X" if char.isupper() else "x") if char.isascii() else "é"
    return char if char.isascii() and char.isprintable() else "."
