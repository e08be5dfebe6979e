"""The message of a plan that costs most."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.prices import Prices, price_of
from dispatcher.recipients.phones import destination_of


@dataclass(frozen=True, slots=True)
class DearestMessage:
    """``row`` is that of the list; ``cost`` is in euros, None without a price."""

    row: int
    segments: int
    cost: Decimal | None


class Dearest:
    """Finds the dearest message of the batches of a plan; without prices that of most segments."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._best: tuple[Decimal, int] | None = None
        self._least: tuple[Decimal, int] | None = None
        self._found: DearestMessage | None = None
        #: by destination and segments, because a list has few of them
        self._costs: dict[tuple[str, int], tuple[Decimal | None, tuple[Decimal, int]]] = {}

    @property
    def found(self) -> DearestMessage | None:
        """The first of the dearest; None if all cost the same, and if no row is known."""
        return self._found if self._best != self._least else None

    def add(self, batch: PlannedBatch, opted_out: Collection[str]) -> None:
        """Look at a batch; nothing goes to whoever has opted out."""
        rows = batch.rows or (None,) * len(batch.segments)
        for (phone, _), segments, row in zip(batch.messages, batch.segments, rows, strict=True):
            if phone in opted_out:
                continue
            cost, rank = self._ranked(destination_of(phone), segments)
            if self._least is None or rank < self._least:
                self._least = rank
            if row is not None and (self._best is None or rank > self._best):
                self._best = rank
                self._found = DearestMessage(row, segments, cost)

    def _ranked(
        self, destination: str, segments: int
    ) -> tuple[Decimal | None, tuple[Decimal, int]]:
        known = self._costs.get((destination, segments))
        if known is None:
            price = price_of(destination, self._prices)
            cost = None if price is None else price * segments
            known = cost, (cost or Decimal(0), segments)
            self._costs[destination, segments] = known
        return known
