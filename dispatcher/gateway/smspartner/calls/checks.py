"""Numbers checked before they are texted."""

from __future__ import annotations

from collections.abc import Sequence

from dispatcher.gateway.smspartner.transport import Transport
from dispatcher.gateway.smspartner.wire import checks
from dispatcher.recipients.number_checks import HlrOrder, NumberCheck


class Checks:
    """At most 500 numbers a call and 360 calls a minute. Raises GatewayError, InvalidPhone."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def lookup(self, phones: Sequence[str]) -> tuple[NumberCheck, ...]:
        """What the gateway makes of numbers; free of charge (``/lookup``)."""
        body = checks.check_body(phones, self._transport.base("/lookup"))
        answer = self._transport.post("/lookup", body)
        parse = self._transport.parser("/lookup")
        return checks.read_lookup(answer.status, answer.body, parse)

    def order_hlr(self, phones: Sequence[str], *, results_to: str, tag: str = "") -> HlrOrder:
        """Have the networks asked, for a price; each answer is posted to ``results_to``.

        (``/hlr/notify``.) A plain GatewayError says that it may have been ordered, and paid.
        """
        base = self._transport.base("/hlr/notify")
        body = checks.check_body(phones, base, tag=tag, results_to=results_to)
        answer = self._transport.post("/hlr/notify", body)
        parse = self._transport.parser("/hlr/notify")
        return checks.read_order(answer.status, answer.body, parse)
