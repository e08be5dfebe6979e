"""Words and ids that no database stores are refused in one sentence; on both databases."""

from __future__ import annotations

import pytest

from dispatcher import InvalidCampaign, NotFound
from tests.integration.bench import Bench, people


@pytest.mark.parametrize("by", ["Anne\0", "Anne\ud800"])
def test_name_that_no_database_stores_is_refused(bench: Bench, by: str) -> None:
    bench.submit()
    for act in (bench.dispatcher.pause, bench.dispatcher.resume, bench.dispatcher.cancel):
        if act == bench.dispatcher.resume:
            bench.dispatcher.pause("soldes", reason="a pause")
        with pytest.raises(InvalidCampaign, match="printable characters only"):
            act("soldes", reason="why", by=by)
    with pytest.raises(InvalidCampaign, match="printable characters only"):
        bench.dispatcher.submit("more", "Soldes", people(1), by=by)


def test_control_characters_of_a_reason_are_left_out(bench: Bench) -> None:
    bench.submit()
    bench.dispatcher.pause("soldes", reason="wrong\0 text\ud800")
    bench.dispatcher.resume("soldes", reason="right\0")
    assert [one.reason for one in bench.actions("pause")] == ["wrong text"]
    assert [one.reason for one in bench.actions("resume")] == ["right"]


@pytest.mark.parametrize("batch", [2**70, -(2**70), 12345678901234567890])
def test_id_that_no_database_counts_to_is_not_found(bench: Bench, batch: int) -> None:
    dispatcher = bench.dispatcher
    for ask in (dispatcher.batch, dispatcher.messages, dispatcher.progress):
        with pytest.raises(NotFound, match=str(batch)):
            ask(batch)
    for decide in (dispatcher.resend, dispatcher.give_up):
        with pytest.raises(NotFound, match=str(batch)):
            decide(batch, reason="why")
    assert dispatcher.steps.send_batch(batch) == 0
    assert not dispatcher.steps.settle_batch(batch)
