"""Corrupts a true answer as a faulty or changed gateway might."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from dispatcher.sandbox.gateway import codec
from dispatcher.sandbox.gateway.faults import How, Shape
from dispatcher.sandbox.gateway.state import MEANINGS

_LISTS = ("SMSResponse_List", "StatutResponse_List")
#: a number of the fiction block that no request names
UNKNOWN: Final = "+33639989999"

Document = dict[str, Any]


def corrupted(document: Document, how: How) -> bytes:
    """The bytes of a corrupted answer."""
    if how in _RAW:
        return _RAW[how](document)
    for name in _LISTS:
        if how in _ON_LISTS and document.get(name):
            lines = _ON_LISTS[how](document[name])
            document = {**document, name: lines}
            if "total" in document:
                document["total"] = len(lines)
    if how in _ON_DOCUMENT:
        document = _ON_DOCUMENT[how](document)
    return codec.dumps(document)


def _latin1(document: Document) -> bytes:
    accented = {**document, "message": "accepté"}
    return json.dumps(accented, ensure_ascii=False).encode("latin-1")


def _national(line: Document) -> Document:
    phone = str(line.get("phoneNumber", ""))
    if not phone.startswith("+33"):
        return line
    return {**line, "phoneNumber": "0" + phone.removeprefix("+33")}


_RAW: dict[str, Callable[[Document], bytes]] = {
    "list": lambda document: codec.dumps([document]),
    "bom": lambda document: b"\xef\xbb\xbf" + codec.dumps(document),
    "latin1": _latin1,
    "nan": lambda document: json.dumps({**document, "cost": float("nan")}).encode(),
}
_ON_DOCUMENT: dict[str, Callable[[Document], Document]] = {
    "no_message_id": lambda document: {
        name: value for name, value in document.items() if name != "message_id"
    },
    "success_as_text": lambda document: {
        **document,
        "success": str(document.get("success")).lower(),
    },
    "code_as_text": lambda document: {**document, "code": str(document.get("code"))},
}
_ON_LISTS: dict[str, Callable[[list[Document]], list[Document]]] = {
    "short_list": lambda lines: lines[: len(lines) // 2],
    "long_list": lambda lines: [*lines, {**lines[0], "phoneNumber": UNKNOWN}],
    "duplicates": lambda lines: [lines[0], *lines],
    "foreign_numbers": lambda lines: [{**line, "phoneNumber": UNKNOWN} for line in lines],
    "national_numbers": lambda lines: [_national(line) for line in lines],
    "reordered": lambda lines: lines[::-1],
}


def error(code: int, shape: Shape) -> Document:
    """An error in one of the shapes that were captured or documented."""
    message = MEANINGS.get(code, "Erreur")
    base: Document = {"success": False, "code": code}
    field = {"elementId": "children[phoneNumber].data", "message": message}
    if shape == "B":
        return base | {"error": [field]}
    if shape == "C":
        return base | {"errors": [field]}
    if shape == "D":
        counters = {"creditSms": 0, "creditSmsLowCost": 0, "toSend": 0, "solde": 0}
        return base | {"error": {"message": message}, "credits": counters}
    if shape == "E":
        line = {"success": False, "code": "9", "message": MEANINGS[9]}
        return base | {"message": message, "errors": [line]}
    return base | {"message": message}
