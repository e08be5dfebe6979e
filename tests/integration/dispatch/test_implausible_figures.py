"""Figures of a success that cannot be: its receipt is stored, without them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dispatcher.gateway import BatchTaken, LineAnswer, SendReply
from tests.integration.bench import Bench


@pytest.mark.parametrize(
    ("segments", "cost"),
    [(999_999_999, Decimal("0.038")), (1, Decimal(999_999_999)), (-5, Decimal(-1))],
)
def test_receipt_with_implausible_figures_is_stored_without_them(
    bench: Bench, segments: int, cost: Decimal
) -> None:
    def take(tag: str, phones: list[str]) -> SendReply:
        message_id = bench.gateway.accept(tag, phones)
        return BatchTaken(message_id, [LineAnswer(it, True, 200, segments, cost) for it in phones])

    bench.gateway.behave = take
    batch = bench.submit(500)
    bench.send(batch)
    assert bench.messages() == {"sent": 500}
    assert bench.progress().cost == (Decimal(19) if cost == Decimal("0.038") else 0)
    bench.gateway.deliver()
    bench.pass_by(minutes=10)
    assert bench.messages() == {"delivered": 500}
