"""An unforeseen error in a poll, a lookup, a recall or the STOP list holds up nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from dispatcher import IllegalMove
from dispatcher.campaigns.set_aside import MOST_ERRORS, NEVER
from dispatcher.gateway import Lost, StatusPage
from tests.integration.bench import OPEN, Bench, people


def boom(*_: object) -> None:
    raise ValueError("+33639980000 is poison")


@pytest.fixture
def polled(bench: Bench) -> Bench:
    """A bench with two batches that were sent; asking about the first number is poison."""
    for number in range(2):
        bench.send(bench.submit(3, f"c{number}", start=10 * number))
    ask = bench.gateway.multi_status

    def poisoned(pairs: Sequence[tuple[str, str]]) -> object:
        if people(1)[0] in dict(pairs):
            boom()
        return ask(pairs)

    bench.gateway.multi_status = poisoned  # type: ignore[method-assign,assignment]
    bench.gateway.deliver()
    return bench


def test_poll_that_fails_waits_and_is_named_and_others_go_on(polled: Bench) -> None:
    polled.pass_by(minutes=5)
    assert polled.messages("c1") == {"delivered": 3}
    assert polled.messages("c0") == {"sent": 3}
    row = polled.batches()[0]
    assert row.why.startswith("an unforeseen error, 1 in a row: ValueError in test_unforeseen.py:")
    assert row.check_at is not None
    assert row.check_at > polled.clock()


def test_poll_that_fails_again_and_again_is_set_aside_for_a_person(polled: Bench) -> None:
    for _ in range(MOST_ERRORS):
        polled.pass_by(minutes=10)
    row = polled.batches()[0]
    assert row.check_at == NEVER
    assert polled.tick().polls == 0
    why = polled.progress("c0").why
    assert why.startswith("set aside after 5 unforeseen errors: ValueError in ")
    assert "39980000" not in why
    del polled.gateway.multi_status
    polled.dispatcher.resume("c0", reason="corrected")
    polled.work()
    assert polled.messages("c0") == {"delivered": 3}
    assert polled.batches()[0].why == ""


def test_poll_of_a_cancelled_campaign_that_is_set_aside_is_tried_again(polled: Bench) -> None:
    polled.dispatcher.cancel("c0")
    with pytest.raises(IllegalMove):
        polled.dispatcher.resume("c0")
    for _ in range(MOST_ERRORS):
        polled.pass_by(minutes=10)
    assert polled.batches()[0].check_at == NEVER
    del polled.gateway.multi_status
    polled.dispatcher.resume("c0", reason="corrected")
    polled.work()
    assert polled.messages("c0") == {"delivered": 3}
    assert polled.progress("c0").state == "cancelled"


def test_lookup_that_fails_waits_and_is_named_and_others_are_settled(bench: Bench) -> None:
    def lose(tag: str, phones: list[str]) -> Lost:
        bench.gateway.accept(tag, phones)
        return Lost("the call took too long")

    bench.gateway.behave = lose
    first, second = bench.submit(3, "c0"), bench.submit(3, "c1", start=10)
    for batch in (first, second):
        bench.send(batch)
    poison, ask = bench.batch(first).tag, bench.gateway.status_by_tag
    bench.gateway.status_by_tag = lambda tag: boom() if tag == poison else ask(tag)  # type: ignore[method-assign,assignment,return-value]
    for _ in range(MOST_ERRORS + 1):
        bench.pass_by(hours=1)
    assert bench.batch(second).state in ("sent", "done")
    row = bench.batch(first)
    assert (row.state, row.check_at) == ("in_doubt", NEVER)
    assert row.why.startswith("set aside after 5 unforeseen errors: ValueError in ")
    bench.gateway.status_by_tag = ask  # type: ignore[method-assign]
    bench.dispatcher.resume("c0")
    bench.work()
    assert bench.batch(first).state in ("sent", "done")


def test_recall_that_fails_is_asked_again(bench: Bench) -> None:
    batch = bench.submit(3, not_before=OPEN + timedelta(days=1), hand_over=True)
    bench.work()
    cancel = bench.gateway.cancel
    bench.gateway.cancel = boom  # type: ignore[method-assign,assignment]
    bench.dispatcher.pause("soldes", reason="a typo")
    bench.work()
    assert bench.batch(batch).state == "handed_over"
    bench.gateway.cancel = cancel  # type: ignore[method-assign]
    bench.pass_by(minutes=30)
    assert bench.batch(batch).state == "pending"


def test_stop_list_that_fails_is_read_again_soon(bench: Bench) -> None:
    bench.gateway.stop_list = boom  # type: ignore[method-assign,assignment]
    bench.dispatcher.steps.sync_opt_outs()
    assert not bench.tick().stop_list
    bench.clock.forward(minutes=5)
    assert bench.tick().stop_list


def test_tick_goes_on_after_a_row_that_it_cannot_judge(bench: Bench) -> None:
    bench.submit(3, "c0")
    bench.submit(3, "c1", start=10)
    change = (
        "UPDATE dispatcher_batch SET rule = 'old', territory = 'atlantis' WHERE campaign_id = 1"
    )
    with bench.dispatcher.database.write() as session:
        session.execute(text(change))
    bench.work()
    assert bench.messages("c1") == {"sent": 3}
    assert bench.dispatcher.last_tick() == bench.clock()
    assert bench.messages("c0") == {"pending": 3}
    assert "unforeseen error" in bench.progress("c0").why


def test_lookup_that_outlasts_its_lease_may_be_made_twice_and_settles_once(bench: Bench) -> None:
    """As one of 500 pages may: what shows is a union, so that both say the same."""

    def lose(tag: str, phones: list[str]) -> Lost:
        bench.gateway.accept(tag, phones)
        return Lost("the call took too long")

    bench.gateway.behave = lose
    batch = bench.submit()
    bench.send(batch)
    bench.clock.forward(minutes=5)
    ask, nested = bench.gateway.status_by_tag, list[bool]()

    def ask_slowly(tag: str) -> StatusPage:
        if not nested:
            nested.append(False)
            bench.clock.forward(minutes=10)
            nested[0] = bench.settle(batch)
        return ask(tag)

    bench.gateway.status_by_tag = ask_slowly  # type: ignore[method-assign]
    bench.settle(batch)
    assert nested == [True]
    assert (bench.messages(), bench.outcomes(batch)) == ({"sent": 3}, ["sent"])
    assert not bench.actions("texted twice")
