"""The calls about money: the credit of the account, and its costs by month."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from dispatcher.sandbox.gateway.send_options import PARIS
from dispatcher.sandbox.gateway.state import Refused, State


def me(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The credit. XML always has both names of the balance, as it was captured."""
    behaviour = state.behaviour
    if parameters.get("_format") == "xml":
        behaviour = behaviour.changed({"balance_names": "both"})
    waiting = state.messages.to_leave(now=state.clock())
    return {
        "success": True,
        "code": 200,
        "user": {"username": "sandbox@example.org", "firstname": "Sand", "lastname": "Box"},
        "credits": state.account.counters(behaviour, to_send=waiting),
    }


def costs(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The costs of each month in an interval. A success has no code. Raises Refused."""
    now = datetime.fromtimestamp(state.clock(), PARIS)
    first, last = _interval(parameters, now)
    months: dict[tuple[int, int], tuple[Decimal, int]] = {}
    for message in state.messages.all(now=state.clock()):
        at = datetime.fromtimestamp(message.accepted_at, PARIS)
        if first <= at < last and not message.sandbox and not message.cancelled:
            cost, sent = months.get((at.year, at.month), (Decimal(0), 0))
            months[at.year, at.month] = (cost + message.price, sent + message.units)
    datas = [
        {
            "month": f"{datetime(year, month, 1, tzinfo=PARIS):%B}".lower(),
            "year": str(year),
            "m": str(month),
            "date": int(datetime(year, month, 1, tzinfo=PARIS).timestamp()),
            "type": "month",
            "cost": f"{cost:.3f}",
            "nb_send": str(sent),
        }
        for (year, month), (cost, sent) in sorted(months.items())
    ]
    return {"success": True, "datas": datas}


def _interval(parameters: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """The first instant of an interval, and the first after it."""
    this_month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    match parameters.get("interval"):
        case "last_month":
            return _before(this_month, 1), now + timedelta(seconds=1)
        case "last_twelve_months":
            return _before(this_month, 12), now + timedelta(seconds=1)
        case "custom":
            return _day(parameters.get("from")), _day(parameters.get("to")) + timedelta(days=1)
        case _:
            raise Refused(9, "Intervalle invalide")


def _before(month: datetime, months: int) -> datetime:
    years, index = divmod(month.year * 12 + month.month - 1 - months, 12)
    return month.replace(year=years, month=index + 1)


def _day(raw: object) -> datetime:
    try:
        return datetime.strptime(str(raw), "%d-%m-%Y").replace(tzinfo=PARIS)
    except ValueError:
        raise Refused(49) from None
