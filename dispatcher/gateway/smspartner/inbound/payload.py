"""The fields of a call that came in, whatever its form and charset, within bounds.

The gateway shows JSON for reports and short-code replies, and dumps of PHP arrays elsewhere, which
may stand for a form as well as for JSON. What counts is the body, not what its header calls it;
without a body the query counts, as some clients have it.
"""

from __future__ import annotations

import codecs
import email
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from dispatcher.errors import InvalidPayload, InvalidPhone
from dispatcher.gateway.smspartner import fields
from dispatcher.recipients.senders import long_number

#: bytes of a body or a query; the largest documented one has some 600
LARGEST: Final = 16 * 1024
_MOST_FIELDS: Final = 40
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

#: the fields of one call; names are lower case and have no signs: ``phone_number`` is phonenumber
Fields = Mapping[str, Any]


def calls(body: bytes, query: str = "") -> list[Fields]:
    """The calls that a request makes: one, or one for each object of a JSON list; none if empty.

    Raises InvalidPayload for what is too large, and for broken JSON.
    """
    if len(body) > LARGEST or len(query) > LARGEST:
        raise InvalidPayload("the call is too large")
    body = body.strip().removeprefix(codecs.BOM_UTF8)
    if body.startswith(b"--"):
        return [_fields(_multipart(body))]
    text = text_of(body)
    if text[:1] in {"{", "[", '"'}:
        found = _json(text)
        return [_fields(one) for one in found]
    pairs = _form(body or query.encode("latin-1", "replace"))
    return [_fields(pairs)] if pairs else []


def text_of(raw: bytes) -> str:
    """Bytes as text: UTF-8 or UTF-16 if they are marked or valid, and Windows's Latin-1 if not."""
    if raw.startswith(_UTF_16):
        return raw.decode("utf-16", "replace")
    for charset in ("utf-8-sig", "cp1252"):
        try:
            return raw.decode(charset)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def phone(raw: object) -> str:
    """A number of a call as E.164; those of long numbers come without a plus.

    Raises InvalidPayload.
    """
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw)
    raw = raw.strip() if isinstance(raw, str) else raw  # a form has a blank for an unescaped plus
    found = fields.phone(raw)
    if found is None and isinstance(raw, str) and raw.isdigit() and raw.isascii():
        found = fields.phone(f"+{raw}")
    if found is None:
        raise InvalidPayload("the call names no number that can be read")
    return found


def own(raw: object) -> str:
    """A long number of ours as E.164, of whatever range. Raises InvalidPayload."""
    number = str(raw).strip() if isinstance(raw, int | str) else ""
    for spelling in (number, f"+{number}"):  # it comes without a plus
        try:
            return long_number(spelling)
        except InvalidPhone:
            continue
    raise InvalidPayload("the call names no long number that can be read")


def _fields(pairs: Any) -> Fields:
    """The fields of one call, their names folded; none of what is no call.

    That is too many fields, or two values for one.
    """
    call: dict[str, Any] = {}
    for name, value in pairs if isinstance(pairs, list) and len(pairs) <= _MOST_FIELDS else ():
        short = "".join(filter(str.isalnum, name)).casefold()
        if call.setdefault(short, value) != value:
            return {}
    return call


class _Object(list[tuple[str, Any]]):
    """The pairs of a JSON object, in which a name may come twice."""


def _json(text: str) -> list[Any]:
    """The objects of a JSON text as lists of pairs. Raises InvalidPayload."""

    def no_constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        found = json.loads(
            text,
            parse_float=Decimal,
            parse_constant=no_constant,
            object_pairs_hook=_Object,
        )
    except (ValueError, ArithmeticError, RecursionError):
        raise InvalidPayload("the call is no JSON") from None
    listed = found if type(found) is list else [found]
    return [one if isinstance(one, _Object) else None for one in listed]


def _multipart(body: bytes) -> list[tuple[str, str]]:
    """The fields of a multipart form; its first line says what divides it."""
    line, _, _ = body.partition(b"\n")
    boundary = line.strip()[2:].replace(b'"', b"")
    header = b'Content-Type: multipart/form-data; boundary="' + boundary + b'"\r\n\r\n'
    pairs = []
    for part in email.message_from_bytes(header + body).walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            pairs.append((name, text_of(content)))
    return pairs


def _form(raw: bytes) -> list[tuple[str, str]]:
    """The fields of a form, each in a charset of its own."""
    pairs = []
    for pair in raw.strip().split(b"&")[: _MOST_FIELDS + 1]:
        name, equals, value = (
            unquote_to_bytes(it.replace(b"+", b" ")) for it in pair.partition(b"=")
        )
        if name or equals:
            pairs.append((text_of(name), text_of(value)))
    return pairs
