"""The account: its credit and its costs."""

from __future__ import annotations

from datetime import date

from dispatcher.gateway.smspartner.transport import Transport
from dispatcher.gateway.smspartner.wire import account
from dispatcher.gateway.smspartner.wire.account import Credit, Interval, MonthCost


class Money:
    """Reads the credit and the costs. Raises GatewayError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def credit(self) -> Credit:
        """The balance, what it can buy, and the scheduled SMS (``/me``)."""
        answer = self._transport.get("/me")
        return account.read_credit(answer.status, answer.headers, answer.body, answer.parse)

    def costs(
        self, interval: Interval = "last_month", *, since: date | None = None,
        until: date | None = None,
    ) -> tuple[MonthCost, ...]:  # fmt: skip
        """Cost and number of SMS by month (``/statistics/cost-resume``, 5 calls a minute).

        A custom interval goes from ``since`` to ``until``, days of Paris. Raises InvalidRequest.
        """
        params = account.costs_params(interval, since, until)
        return self._transport.get("/statistics/cost-resume", params).read(account.read_costs)
