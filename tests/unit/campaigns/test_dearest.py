"""The dearest message of a plan."""

from __future__ import annotations

from decimal import Decimal

from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.dearest import Dearest, DearestMessage

PRICES = {"metropole": Decimal("0.045"), "mayotte": Decimal("0.2")}


def batch(*messages: tuple[str, int], first_row: int | None = 2) -> PlannedBatch:
    rows = () if first_row is None else tuple(range(first_row, first_row + len(messages)))
    phones = tuple((phone, None) for phone, _ in messages)
    return PlannedBatch("metropole", phones, tuple(count for _, count in messages), rows=rows)


def test_price_of_the_destination_counts_before_the_segments() -> None:
    dearest = Dearest(PRICES)
    dearest.add(batch(("+33639980001", 1), ("+33639980002", 3)), set())
    dearest.add(batch(("+262639980003", 1), first_row=9), set())
    assert dearest.found == DearestMessage(row=9, segments=1, cost=Decimal("0.2"))


def test_first_of_equally_dear_messages_is_found_without_prices() -> None:
    dearest = Dearest({})
    dearest.add(batch(("+33639980001", 1), ("+33639980002", 2), ("+33639980003", 2)), set())
    assert dearest.found == DearestMessage(row=3, segments=2, cost=None)


def test_message_to_somebody_who_opted_out_is_not_the_dearest() -> None:
    dearest = Dearest(PRICES)
    people = batch(("+33639980001", 1), ("+33639980002", 3), ("+33639980003", 2))
    dearest.add(people, {"+33639980002"})
    assert dearest.found == DearestMessage(row=4, segments=2, cost=Decimal("0.09"))


def test_no_message_is_dearest_among_equal_ones_or_without_rows() -> None:
    equal, unnumbered = Dearest(PRICES), Dearest(PRICES)
    equal.add(batch(("+33639980001", 1), ("+33639980002", 1)), set())
    unnumbered.add(batch(("+33639980001", 1), ("+33639980002", 2), first_row=None), set())
    assert (equal.found, unnumbered.found, Dearest(PRICES).found) == (None, None, None)
