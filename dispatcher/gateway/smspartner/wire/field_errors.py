"""The entries of a refusal, under ``errors`` or ``error``: a list, an object or a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dispatcher.gateway.answers import FieldError
from dispatcher.gateway.smspartner import fields

#: an answer about 500 lines has several entries for each at most
_MOST = 2000
_LONGEST = 200
#: ``children[SMSList].children[3].children[message].data``: names of fields, and the line
_parts = re.compile(r"[A-Za-z_]\w*|\d{1,4}").findall
_STEPS = frozenset({"children", "data"})
_in_brackets = re.compile(r"\(([^()]{6,24})\)").findall


def field_errors(answer: Mapping[str, Any]) -> tuple[FieldError, ...]:
    """What the entries of a refusal say of its fields, lines and numbers."""
    return tuple(_read(entry) for entry in _entries(answer))[:_MOST]


def _entries(answer: Mapping[str, Any]) -> Iterator[object]:
    for name in ("errors", "error"):
        found = answer.get(name)
        yield from found if isinstance(found, list) else [] if found is None else [found]


def _read(entry: object) -> FieldError:
    if not isinstance(entry, dict):
        return FieldError(message=_sentence(entry))
    element = entry.get("elementId")
    parts = [
        part for part in _parts(element if isinstance(element, str) else "") if part not in _STEPS
    ]
    lines = [int(part) for part in parts if part.isdigit()]
    names = [part for part in parts if not part.isdigit()]
    sentence = _sentence(entry.get("message"))
    phones = map(fields.phone, (entry.get("phoneNumber"), *_in_brackets(sentence)))
    return FieldError(
        field=names[-1] if names else "",
        line=lines[-1] if lines else None,
        phones=tuple(phone for phone in phones if phone is not None),
        code=fields.integer(entry.get("code")),
        message=sentence,
    )


def _sentence(raw: object) -> str:
    text = raw if isinstance(raw, str) else ""
    text = "".join(char if char.isprintable() else " " for char in text[: 4 * _LONGEST])
    return " ".join(text.split())[:_LONGEST]
