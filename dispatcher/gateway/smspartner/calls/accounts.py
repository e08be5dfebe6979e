"""The account: its credit, what it spent, and the accounts under it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from dispatcher.errors import GatewayRefused
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.transport import Transport
from dispatcher.gateway.smspartner.wire import account, subaccounts
from dispatcher.gateway.smspartner.wire.account import Credit, Interval, MonthCost
from dispatcher.gateway.smspartner.wire.subaccounts import Kind, SubAccount, Transfer

#: pages of a list of sub-accounts, 20 each
_MOST_PAGES = 500
_GONE = 404


class Money:
    """What there is and what was spent. Raises GatewayError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def credit(self) -> Credit:
        """The balance, what it would buy, and the SMS that wait (``/me``)."""
        answer = self._transport.get("/me")
        parse = self._transport.parser("/me")
        return account.read_credit(answer.status, answer.headers, answer.body, parse)

    def costs(
        self, interval: Interval = "last_month", *, since: date | None = None,
        until: date | None = None,
    ) -> tuple[MonthCost, ...]:  # fmt: skip
        """Cost and number of SMS by month (``/statistics/cost-resume``, 5 calls a minute).

        A custom interval goes from ``since`` to ``until``, days of Paris. Raises InvalidRequest.
        """
        asked = account.costs_params(interval, since, until)
        answer = self._transport.get("/statistics/cost-resume", asked)
        parse = self._transport.parser("/statistics/cost-resume")
        return account.read_costs(answer.status, answer.body, parse)


class SubAccounts:
    """Accounts under the account. Raises GatewayError.

    A plain GatewayError of a call that changes something says that it may have been done; the
    list tells.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self, email: str, *, kind: Kind = "simple", buyer: bool = False,
        credit: Decimal | None = None, first_name: str = "", last_name: str = "",
    ) -> SubAccount:  # fmt: skip
        """Make a sub-account; ``buyer`` lets it buy credit of its own. Raises InvalidRequest."""
        body = subaccounts.create_body(
            email,
            self._transport.base("/subaccount/create"),
            kind=kind,
            buyer=buyer,
            credit=credit,
            names=(first_name, last_name),
        )
        answer = self._transport.post("/subaccount/create", body)
        return subaccounts.read_created(answer.status, answer.body)

    def listed(self) -> tuple[SubAccount, ...]:
        """Every sub-account, with its API key, page by page."""
        found: dict[str, SubAccount] = {}
        for page in range(1, _MOST_PAGES + 1):
            answer = self._transport.get("/subaccount/list", {"page": page})
            listed, total = subaccounts.read_page(answer.status, answer.body)
            before = len(found)
            found.update({one.token: one for one in listed})
            if len(found) == before or len(found) >= total:
                break
        return tuple(found.values())

    def remove(self, token: str) -> bool:
        """Remove a sub-account for good; False when there is none."""
        base = self._transport.base("/subaccount/remove")
        body = fields.encode(base | {"token": token})
        answer = self._transport.post("/subaccount/remove", body, method="DELETE")
        try:
            subaccounts.read_removed(answer.status, answer.body)
        except GatewayRefused as refused:
            if refused.code == _GONE:
                return False
            raise
        return True

    def add_credit(self, token: str, credit: Decimal) -> Transfer:
        """Give a sub-account credit of the account's, in euros. Raises InvalidRequest."""
        return self._move("/subaccount/credit/add", token, credit)

    def remove_credit(self, token: str, credit: Decimal) -> Transfer:
        """Take credit back, in euros. Raises InvalidRequest."""
        return self._move("/subaccount/credit/remove", token, credit)

    def _move(self, path: str, token: str, credit: Decimal) -> Transfer:
        body = subaccounts.credit_body(token, credit, self._transport.base(path))
        answer = self._transport.post(path, body)
        return subaccounts.read_transfer(answer.status, answer.body)
