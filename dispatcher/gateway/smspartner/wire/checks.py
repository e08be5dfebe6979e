"""Numbers checked before they are texted: their format for free, their network for a price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dispatcher.errors import NotAnAnswer
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.wire.answer import Parse, done, objects, success
from dispatcher.gateway.smspartner.wire.options import check_tag, check_url
from dispatcher.gateway.smspartner.wire.requests import Base, checked_phones
from dispatcher.recipients.number_checks import HlrOrder, NumberCheck


def check_body(
    phones: Sequence[str], base: Base, *, tag: str = "", results_to: str | None = None
) -> bytes:
    """The body of ``POST /lookup`` and ``/hlr/notify``. Raises InvalidRequest, InvalidPhone."""
    check_tag(tag)
    check_url(results_to)
    body = {**base, "phoneNumbers": ",".join(checked_phones(phones))}
    if tag:
        body["tag"] = tag
    if results_to:
        body["notifyUrl"] = results_to
    return fields.encode(body)


def read_lookup(
    status: int, body: bytes, parse: Parse = fields.json_object
) -> tuple[NumberCheck, ...]:
    """The answer of ``POST /lookup``. Raises GatewayError.

    A number counts as valid only when the gateway says so and writes it in E.164.
    """
    return tuple(_check(entry) for entry in objects(success(status, body, parse), "lookup"))


def _check(entry: Mapping[str, Any]) -> NumberCheck:
    formats = entry.get("format")
    e164 = formats.get("e164") if isinstance(formats, dict) else None
    phone = fields.phone(entry.get("phoneNumber")) or fields.phone(e164)
    valid = entry.get("success") is True and phone is not None
    return NumberCheck(
        request=fields.text(entry.get("request")),
        valid=valid,
        phone=phone if valid else None,
        country=fields.text(entry.get("countryCode")),
        prefix=fields.integer(entry.get("prefixCode")),
        kind=fields.text(entry.get("type")),
        network=fields.text(entry.get("network")),
        refused=entry.get("success") is False,
    )


def read_order(status: int, body: bytes, parse: Parse = fields.json_object) -> HlrOrder:
    """The answer of ``POST /hlr/notify``.

    Raises GatewayError: a plain one says that the checks may have been ordered, and paid.
    """
    answer = done(status, body, parse)
    order_id, cost = (
        fields.identifier(answer.get("campaign_id")),
        fields.decimal(answer.get("cost")),
    )
    if order_id is None or cost is None:
        raise NotAnAnswer("the gateway answered without the order's id or cost")
    currency = fields.text(answer.get("currency"), 3)
    return HlrOrder(order_id, fields.count(answer.get("number")), cost, currency)
