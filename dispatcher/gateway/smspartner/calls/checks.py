"""Checks of numbers before they are texted."""

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
        """How the gateway reads numbers; free of charge (``/lookup``)."""
        body = checks.check_body(phones, self._transport.base("/lookup"))
        return self._transport.post("/lookup", body).read(checks.read_lookup)

    def order_hlr(self, phones: Sequence[str], *, results_to: str, tag: str = "") -> HlrOrder:
        """Order checks by the networks (``/hlr/notify``), which cost money.

        Each result is posted to ``results_to``. After a plain GatewayError the checks may have
        been ordered and charged.
        """
        base = self._transport.base("/hlr/notify")
        body = checks.check_body(phones, base, tag=tag, results_to=results_to)
        return self._transport.post("/hlr/notify", body).read(checks.read_order)
