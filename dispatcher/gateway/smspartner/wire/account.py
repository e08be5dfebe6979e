"""The account behind a key: its credit, and what it spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from dispatcher.errors import InvalidRequest, NotAnAnswer
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.wire.answer import Parse, first, objects, success

Interval = Literal["last_month", "last_twelve_months", "custom"]


@dataclass(frozen=True, slots=True)
class Credit:
    """What ``GET /me`` tells. Counts are what the balance would buy, each on its own.

    A count that is absent or unreadable is None: 0 is said only by the gateway.
    """

    #: in ``currency``
    balance: Decimal
    currency: str = ""
    sms: int | None = None
    low_cost: int | None = None
    checks: int | None = None
    #: SMS that wait for their schedule
    to_send: int | None = None
    #: an e-mail address
    username: str = field(default="", repr=False)
    first_name: str = field(default="", repr=False)
    last_name: str = field(default="", repr=False)
    #: the gateway's clock (UTC)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MonthCost:
    """What one month cost, in the account's currency, and how many SMS it was."""

    #: the month's beginning (UTC), midnight in Paris
    since: datetime | None
    cost: Decimal
    sent: int
    #: the first day of the month, as the gateway names it
    month: date | None = None


def read_credit(
    status: int, headers: Mapping[str, str], body: bytes, parse: Parse = fields.json_object
) -> Credit:
    """The whole answer of ``GET /me``.

    Raises GatewayError with the gateway's code, NotAnAnswer when it names no balance.
    """
    answer = success(status, body, parse)
    credit, user = _object(answer, "credits"), _object(answer, "user")
    named = (fields.decimal(credit.get(name)) for name in ("balance", "solde"))
    balance = next((amount for amount in named if amount is not None), None)
    if balance is None:
        raise NotAnAnswer("the gateway answered without a balance")
    return Credit(
        balance=balance,
        currency=fields.text(credit.get("currency"), 3),
        sms=fields.integer(credit.get("creditSms")),
        low_cost=fields.integer(first(credit, "creditSmsECO", "creditSmsLowCost")),
        checks=fields.integer(credit.get("creditHlr")),
        to_send=fields.integer(credit.get("toSend")),
        username=fields.text(user.get("username")),
        first_name=fields.text(user.get("firstname")),
        last_name=fields.text(user.get("lastname")),
        at=fields.http_date(headers.get("Date")),
    )


def costs_params(interval: Interval, since: date | None, until: date | None) -> dict[str, str]:
    """The query of ``GET /statistics/cost-resume``; days are Paris's. Raises InvalidRequest."""
    if interval not in ("last_month", "last_twelve_months", "custom"):
        raise InvalidRequest("the interval is last_month, last_twelve_months or custom")
    if (interval == "custom") != (since is not None and until is not None):
        raise InvalidRequest("a custom interval, and no other, has a first and a last day")
    if since is None or until is None:
        return {"interval": interval}
    if until < since:
        raise InvalidRequest("the interval ends before it begins")
    return {"interval": interval, "from": f"{since:%d-%m-%Y}", "to": f"{until:%d-%m-%Y}"}


def read_costs(
    status: int, body: bytes, parse: Parse = fields.json_object
) -> tuple[MonthCost, ...]:
    """The answer of ``GET /statistics/cost-resume``.

    Raises GatewayError, also for one entry that cannot be read: a sum must not lack it.
    """
    return tuple(_month(entry) for entry in objects(success(status, body, parse), "datas"))


def _month(entry: Mapping[str, Any]) -> MonthCost:
    cost, sent = fields.decimal(entry.get("cost")), fields.integer(entry.get("nb_send"))
    if cost is None or sent is None:
        raise NotAnAnswer("the gateway answered with a month that cannot be read")
    year, month = fields.integer(entry.get("year")), fields.integer(entry.get("m"))
    named = None
    if year is not None and month is not None and 1 <= year <= 9999 and 1 <= month <= 12:
        named = date(year, month, 1)
    return MonthCost(fields.instant(entry.get("date")), cost, sent, named)


def _object(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = answer.get(name)
    return found if isinstance(found, dict) else {}
