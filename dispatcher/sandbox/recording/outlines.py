"""The outline of an answer: its names and the kinds of its values, without the values.

A kind is a word: ``true``, ``int``, ``text: digits``. Only codes and ``success`` keep their value;
the kind of a known status names its case.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from dispatcher.gateway.smspartner.wire import xml

Outline = Any

_SOUND_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_SHORT_DIGITS: Final = re.compile(r"\d{5,}")
_STATUSES: Final = frozenset({"delivered", "not delivered", "waiting", "ko", "sent"})
_LARGEST_CODE: Final = 9999
_KINDS: Final = (
    (re.compile(r"\+\d{8,15}"), "text: number with plus"),
    (re.compile(r"0\d{9}"), "text: national number"),
    (re.compile(r"-?\d+"), "text: digits"),
    (re.compile(r"-?\d+[.,]\d+"), "text: decimal"),
    (re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}"), "text: wall time"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})"), "text: instant"),
    (re.compile(r"[A-Z]{3}"), "text: currency"),
)
#: outlines of a body that is no document
NOTHING, PAGE, OTHER = "nothing", "a page", "something else"


def of_body(body: bytes) -> Outline:
    """The outline of a body: JSON, XML (entries in a list), or a word for anything else."""
    if not body.strip():
        return NOTHING
    try:
        return of_value(json.loads(body))
    except (ValueError, RecursionError):
        entries = xml.entries(body)
    if entries is not None:
        return {"xml": _of_entries(entries)}
    return PAGE if body.lstrip()[:1] == b"<" else OTHER


def _of_entries(entries: list[Any]) -> Outline:
    """Entries by their position, since they have no names; rows of a list as in JSON."""
    if entries and all(isinstance(each, list) for each in entries):
        rows = [_of_entries(each) for each in entries]
        return [row for at, row in enumerate(rows) if row not in rows[:at]]
    return {
        f"entry {at}": _of_entries(each) if isinstance(each, list) else _kind(each, "")
        for at, each in enumerate(entries, 1)
    }


def of_value(value: Any, name: str = "") -> Outline:
    """The outline of a value; that of a list has each different outline of its entries once."""
    if isinstance(value, dict):
        return {_sound(key): of_value(each, key) for key, each in value.items()}
    if isinstance(value, list):
        found: list[Outline] = []
        for each in value:
            outline = of_value(each)
            if outline not in found:
                found.append(outline)
        return found
    return _kind(value, name)


def _kind(value: Any, name: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower() if name == "success" else "boolean"
    if name == "code" and re.fullmatch(r"\d{1,4}", str(value)):
        return f"text {value}" if isinstance(value, str) else f"int {value}"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "number"
    text = str(value)
    if text.lower() in _STATUSES:
        case = "lower" if text.islower() else "upper" if text.isupper() else "title"
        return f"text: status in {case} case"
    kinds = (kind for pattern, kind in _KINDS if pattern.fullmatch(text))
    return next(kinds, "text" if text else "text: empty")


def _sound(name: str) -> str:
    """A name, or "?" if it could be a value, such as a number or a text."""
    return name if _SOUND_NAME.fullmatch(name) and not _SHORT_DIGITS.search(name) else "?"


def differences(one: Outline, other: Outline, where: str = "") -> list[tuple[str, str, str]]:
    """The differences of two outlines: place, kind in the first, kind in the other."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for name in [*one, *(name for name in other if name not in one)]:
            place = f"{where}.{name}" if where else name
            if name not in other:
                found.append((place, _text(one[name]), "absent"))
            elif name not in one:
                found.append((place, "absent", _text(other[name])))
            else:
                found += differences(one[name], other[name], place)
        return found
    if isinstance(one, list) and isinstance(other, list):
        return _in_lists(one, other, f"{where}[]")
    return [] if _alike(one, other) else [(where or "the answer", _text(one), _text(other))]


def _in_lists(one: list[Outline], other: list[Outline], where: str) -> list[tuple[str, str, str]]:
    """Compares each entry with the entry of the other list that differs least."""
    if not one or not other:
        return []  # an empty list does not show what its entries would be
    found: list[tuple[str, str, str]] = []
    for each in one:
        nearest = min((differences(each, known, where) for known in other), key=len)
        found += [difference for difference in nearest if difference not in found]
    for each in other:
        nearest = min((differences(known, each, where) for known in one), key=len)
        found += [difference for difference in nearest if difference not in found]
    return found


def _alike(one: Outline, other: Outline) -> bool:
    if one == other:
        return True
    # an empty text does not show its kind
    kinds = [kind for kind in (one, other) if isinstance(kind, str)]
    return len(kinds) == 2 and "text: empty" in kinds and all(k.startswith("text") for k in kinds)


def _text(outline: Outline) -> str:
    if isinstance(outline, dict):
        return "an object"
    return "a list" if isinstance(outline, list) else str(outline)
