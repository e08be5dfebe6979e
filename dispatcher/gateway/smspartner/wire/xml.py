"""Answers in XML, made into what their JSON would have been.

With ``_format=xml`` the gateway answers ``<result>`` with unnamed ``<entry>`` children in the
order of the JSON, texts in CDATA; only the user of /me keeps its names. A place has a meaning only
by the shape that is expected, so an answer counts when exactly one of the call's shapes fits it.

The parser is expat itself with a handler that refuses a document type: no entity can be declared,
so that none can be expanded, fetched or nested, and nothing here resolves one. Depth and the
number of elements are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from xml.parsers import expat

from dispatcher.gateway.smspartner.wire.answer import Parse

_DEEPEST: Final = 6
_MOST_ELEMENTS: Final = 500_000
_NIL: Final = "xsi:nil"
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,19}\.[0-9]{1,9}(?:[eE][+-]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of objects, each of one of these shapes."""

    name: str
    of: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Inner:
    """An object in its place, of one of these shapes."""

    name: str
    of: tuple[Shape, ...]


#: the names of an object's values, in their order
Shape = tuple[str | Rows | Inner, ...]


@dataclass(slots=True)
class _Node:
    name: str
    nil: bool
    children: list[_Node] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    quoted: bool = False


def reader(*shapes: Shape) -> Parse:
    """A reader of bodies in XML whose success has one of ``shapes``."""

    def parse(body: bytes) -> dict[str, Any] | None:
        root = _tree(body)
        if root is None or root.name != "result" or not root.children:
            return None
        found = _one(root, shapes if _scalar(root.children[0]) is True else _REFUSALS)
        return found if isinstance(found, dict) else None

    return parse


def entries(body: bytes) -> list[Any] | None:
    """The entries of a body in XML as nested lists, without any names; None when it is none."""
    root = _tree(body)
    return _values(root) if root is not None and root.name == "result" else None


def _values(node: _Node) -> list[Any]:
    return [_values(child) if child.children else _scalar(child) for child in node.children]


class _Refused(Exception):
    """Raised in the parser to end it."""


def _tree(body: bytes) -> _Node | None:
    parser = expat.ParserCreate()
    open_: list[_Node] = []
    top: list[_Node] = []
    seen = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal seen
        seen += 1
        if len(open_) >= _DEEPEST or seen > _MOST_ELEMENTS:
            raise _Refused
        node = _Node(name, attributes.get(_NIL) == "true")
        (open_[-1].children if open_ else top).append(node)
        open_.append(node)

    def end(_name: str) -> None:
        open_.pop()

    def text(data: str) -> None:
        open_[-1].text.append(data)

    def quoted() -> None:
        open_[-1].quoted = True

    def refuse(*_: object) -> None:
        raise _Refused

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartCdataSectionHandler = quoted
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError, _Refused):
        return None
    return top[0]


def _scalar(node: _Node) -> Any:
    """A value as JSON would have had it: what is not in CDATA is no text."""
    text = "".join(node.text)
    if node.nil:
        return None
    if node.quoted:
        return text
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else text


_UNFIT: Final = object()


def _one(node: _Node, shapes: tuple[Shape, ...]) -> Any:
    """The object of the one shape that fits."""
    if node.children and all(child.name != "entry" for child in node.children):
        return _named(node)
    found = [each for shape in shapes if (each := _fit(node, shape)) is not _UNFIT]
    return found[0] if len(found) == 1 else _UNFIT


def _named(node: _Node) -> Any:
    """An object that kept the names of its values."""
    names = [child.name for child in node.children]
    if len(set(names)) != len(names) or any(child.children for child in node.children):
        return _UNFIT
    return {child.name: _scalar(child) for child in node.children}


def _fit(node: _Node, shape: Shape) -> Any:
    if len(node.children) != len(shape):
        return _UNFIT
    found: dict[str, Any] = {}
    for child, place in zip(node.children, shape, strict=True):
        name = place if isinstance(place, str) else place.name
        if child.name not in ("entry", name):
            return _UNFIT
        if isinstance(place, str):
            value = _UNFIT if child.children else _scalar(child)
        elif isinstance(place, Inner):
            value = _one(child, place.of)
        else:
            value = _rows(child, place.of)
        if value is _UNFIT:
            return _UNFIT
        found[name] = value
    return found


def _rows(node: _Node, shapes: tuple[Shape, ...]) -> Any:
    if not node.children and "".join(node.text).strip():
        return _UNFIT
    rows = [_one(child, shapes) for child in node.children]
    return _UNFIT if any(row is _UNFIT for row in rows) else rows


LINE_REFUSALS: Final[tuple[Shape, ...]] = (
    ("success", "code", "message"),
    ("success", "code", "message", "phoneNumber"),
)
_REFUSALS: Final[tuple[Shape, ...]] = (
    ("success", "code", "message"),
    ("success", "code", Rows("errors", (("elementId", "message"),))),
    (
        "success",
        "code",
        Inner("error", (("message",),)),
        Inner("credits", (("creditSms", "creditSmsLowCost", "toSend", "solde"),)),
    ),
    ("success", "code", "message", Rows("errors", LINE_REFUSALS)),
)
