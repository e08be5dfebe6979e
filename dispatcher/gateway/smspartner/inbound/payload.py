"""The fields of a call that came in, whatever their form, within bounds.

The gateway shows JSON for reports and short-code replies, and dumps of PHP arrays elsewhere, which
may stand for a form as well as for JSON. So a body is read as JSON when it is an object, else as
a form; without a body the query counts, as some clients have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from dispatcher.errors import InvalidPayload, InvalidPhone
from dispatcher.gateway.smspartner import fields
from dispatcher.recipients.senders import long_number

#: bytes of a body or a query; the largest documented one has some 600
LARGEST: Final = 16 * 1024
_MOST_FIELDS: Final = 40


def payload(body: bytes, query: str = "") -> Mapping[str, Any]:
    """The fields of a call. Raises InvalidPayload for none, too many, or no form that is known."""
    if len(body) > LARGEST or len(query) > LARGEST:
        raise InvalidPayload("the call is too large")
    found: Mapping[str, Any] | None
    if not body.strip():
        found = _form(query)
    elif body.lstrip()[:1] in b'{["':
        found = fields.patient_json_object(body)
    else:
        found = _form(_decoded(body))
    if not found or len(found) > _MOST_FIELDS:
        raise InvalidPayload("the call holds no fields that can be read")
    return found


def phone(raw: object) -> str:
    """A number of a call as E.164; those of long numbers come without a plus.

    Raises InvalidPayload.
    """
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw)
    found = fields.phone(raw)
    if found is None and isinstance(raw, str) and raw.isdigit() and raw.isascii():
        found = fields.phone(f"+{raw}")
    if found is None:
        raise InvalidPayload("the call names no number that can be read")
    return found


def own(raw: object) -> str:
    """A long number of ours as E.164, of whatever range. Raises InvalidPayload."""
    number = str(raw) if isinstance(raw, int | str) else ""
    for spelling in (number, f"+{number}"):  # it comes without a plus
        try:
            return long_number(spelling)
        except InvalidPhone:
            continue
    raise InvalidPayload("the call names no long number that can be read")


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise InvalidPayload("the call is not in UTF-8") from None


def _form(text: str) -> dict[str, str] | None:
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        return None
    found = dict(pairs)
    return found if len(found) == len(pairs) else None
