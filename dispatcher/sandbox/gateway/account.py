"""The account at the fake gateway: its credit and its STOP list."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import count
from typing import Any, Final

from dispatcher.sandbox.gateway.behaviour import Behaviour

#: the price of one paid check, in euros
CHECK_PRICE: Final = Decimal("0.005")


class Account:
    """A prepaid balance in euros and the numbers that said STOP (E.164)."""

    def __init__(self, credit: Decimal) -> None:
        self.credit = credit
        self._ids = count(1)
        self._stops: dict[str, tuple[int, float]] = {}
        self._expected: list[tuple[float, str]] = []

    def debit(self, amount: Decimal) -> None:
        """Subtract an amount (euros) from the credit; the caller checks that it is enough."""
        self.credit -= amount

    @property
    def stopped(self) -> Mapping[str, object]:
        """The numbers on the STOP list, for ``in``."""
        return self._stops

    def add_stop(self, phone: str, *, at: float) -> int | None:
        """Put a number on the STOP list; returns its id, None if it is there already."""
        if phone in self._stops:
            return None
        self._stops[phone] = (next(self._ids), at)
        return self._stops[phone][0]

    def remove_stop(self, stop_id: str) -> bool:
        """Remove an entry of the STOP list; False if there is none."""
        found = [phone for phone, (known, _) in self._stops.items() if str(known) == stop_id]
        for phone in found:
            del self._stops[phone]
        return bool(found)

    def replace_stops(self, phones: Iterable[str], *, at: float) -> None:
        """Replace the STOP list by these numbers."""
        self._stops.clear()
        for phone in phones:
            self.add_stop(phone, at=at)

    def stops(self) -> list[tuple[int, str, float]]:
        """The STOP list: id, number, since."""
        return [(stop_id, phone, at) for phone, (stop_id, at) in self._stops.items()]

    def expect_stop(self, phone: str, *, at: float) -> None:
        """Plan that a number replies STOP ``at`` an epoch second."""
        heapq.heappush(self._expected, (at, phone))

    def take_replies(self, *, now: float) -> None:
        """Put the numbers on the list whose planned STOP is due."""
        while self._expected and self._expected[0][0] <= now:
            at, phone = heapq.heappop(self._expected)
            self.add_stop(phone, at=at)

    def counters(self, behaviour: Behaviour, *, to_send: int) -> dict[str, Any]:
        """The ``credits`` of /me, in the shape that the switches choose."""
        text = f"{self.credit:.3f}"
        amount = text if behaviour.amounts == "text" else float(text)
        affordable = int(self.credit / behaviour.price) if behaviour.price else 0
        counters = {
            "creditSms": affordable,
            "creditSmsLowCost" if behaviour.old_counters else "creditSmsECO": affordable,
            "creditHlr": int(self.credit / CHECK_PRICE),
            "toSend": to_send,
            "solde": amount,
            "currency": "EUR",
            "balance": amount,
        }
        hidden = {"balance": "solde", "solde": "balance"}.get(behaviour.balance_names)
        return {name: value for name, value in counters.items() if name != hidden}
