"""What pages show: plain values, read from either database."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from dispatcher import NotFound
from dispatcher.campaigns.records import Page
from tests.integration.bench import OPEN, TEXT, Bench, people


def test_campaign_shows_what_was_submitted(bench: Bench) -> None:
    late = OPEN + timedelta(days=1)
    bench.submit(2, not_after=late, by="zoe")

    result = bench.dispatcher.campaign("soldes")

    assert (result.reference, result.text, result.sender) == ("soldes", TEXT, "MaBoutique")
    assert (result.created_at, result.not_before, result.not_after) == (OPEN, None, late)
    assert (result.state, result.reason, result.ended_at) == ("running", None, None)
    assert TEXT not in repr(result)
    with pytest.raises(FrozenInstanceError):
        result.state = "finished"  # type: ignore[misc]


def test_batches_are_listed_in_order_with_what_they_wait_for(bench: Bench) -> None:
    tomorrow = OPEN + timedelta(days=1)
    bench.submit(1200, not_before=tomorrow)

    page = bench.dispatcher.batches("soldes", offset=1, limit=1)

    assert (page.total, page.earlier, page.later) == (3, 0, 2)
    [batch] = page
    assert (batch.number, batch.size, batch.state) == (2, 500, "pending")
    assert batch.territory == "metropole"
    assert (batch.not_before, batch.why) == (tomorrow, "scheduled")
    assert (batch.attempt, batch.segments, batch.cost) == (0, 500, Decimal(0))
    assert batch.messages["pending"] == sum(batch.messages.values()) == 500
    assert [one.size for one in bench.dispatcher.batches("soldes")] == [500, 500, 200]


def test_sent_batch_shows_instant_and_cost(bench: Bench) -> None:
    first = bench.submit(3)
    bench.send(first)

    batch = bench.dispatcher.batch(first)

    assert (batch.state, batch.attempt, batch.sent_at) == ("sent", 1, OPEN)
    assert batch.messages["sent"] == 3
    assert batch.cost > 0
    assert batch.check_at is not None


def test_messages_of_a_batch_in_doubt_are_in_doubt(bench: Bench) -> None:
    first = bench.submit(3)
    bench.gateway.behave = bench.gateway.swallow
    bench.send(first)

    assert {one.state for one in bench.dispatcher.messages(first)} == {"in_doubt"}
    batch = bench.dispatcher.batch(first)
    assert (batch.messages["in_doubt"], batch.messages["pending"]) == (3, 0)


def test_repr_of_a_message_shows_no_number(bench: Bench) -> None:
    bench.opt_out(people(2)[1])
    first = bench.submit(2)

    kept, left_out = bench.dispatcher.messages(first)

    assert (kept.phone, kept.state, kept.code) == (people(1)[0], "pending", None)
    assert (left_out.position, left_out.state) == (1, "opted_out")
    assert kept.masked == "+336••••••00"
    assert "639980000" not in repr(kept)


def test_actions_have_who_what_and_why_latest_first(bench: Bench) -> None:
    bench.submit(2, by="zoe")
    bench.dispatcher.pause("soldes", reason="wrong text", by="luc")
    bench.clock.forward(minutes=5)
    bench.dispatcher.resume("soldes", reason="it was right", by="zoe")
    bench.dispatcher.cancel("soldes", by="luc")

    actions = bench.dispatcher.actions("soldes")

    result = [(one.verb, one.actor, one.reason) for one in actions]
    assert result == [
        ("cancel", "luc", ""),
        ("resume", "zoe", "it was right"),
        ("pause", "luc", "wrong text"),
        ("submit", "zoe", ""),
    ]
    assert actions[1].at - actions[2].at == timedelta(minutes=5)
    [third] = bench.dispatcher.actions("soldes", offset=2, limit=1)
    assert third == actions[2]


def test_action_on_a_batch_names_the_batch(bench: Bench) -> None:
    first = bench.submit(3)
    bench.gateway.behave = bench.gateway.swallow
    bench.send(first)
    bench.dispatcher.give_up(first, reason="too late anyway", by="zoe")

    latest = bench.dispatcher.actions("soldes")[0]

    assert (latest.verb, latest.batch_id, latest.actor) == ("give up", first, "zoe")


def test_campaigns_come_in_pages_latest_first(bench: Bench) -> None:
    for number in range(5):
        bench.submit(1, f"c{number}", start=number)

    page = bench.dispatcher.page(offset=2, limit=2)

    assert [one.reference for one in page] == ["c2", "c1"]
    assert (page.total, page.earlier, page.later) == (5, 0, 4)
    assert list(page) == bench.dispatcher.campaigns()[2:4]
    assert list(bench.dispatcher.page(offset=99)) == []


def test_opt_outs_come_in_pages_latest_first(bench: Bench) -> None:
    bench.dispatcher.opt_outs.add([people(1)[0]], reason="by phone", by="zoe")
    bench.clock.forward(minutes=1)
    bench.dispatcher.opt_outs.add(people(2, 1))

    page = bench.dispatcher.opt_outs.page(offset=2, limit=2)

    [first] = page
    assert (first.phone, first.reason, page.total) == (people(1)[0], "by phone", 3)
    assert bench.dispatcher.opt_outs.history(first.phone)[0].actor == "zoe"
    bench.dispatcher.opt_outs.erase(first.phone)
    assert bench.dispatcher.opt_outs.page().total == 2


def test_unknown_campaign_or_batch_raises_not_found(bench: Bench) -> None:
    for ask in (bench.dispatcher.campaign, bench.dispatcher.batches, bench.dispatcher.actions):
        with pytest.raises(NotFound, match="no campaign 'nothing'"):
            ask("nothing")
    for look in (bench.dispatcher.batch, bench.dispatcher.messages):
        with pytest.raises(NotFound, match="no batch 7"):
            look(7)


def test_page_is_a_sequence_of_its_items() -> None:
    page = Page(("a", "b"), total=5, offset=2, limit=2)

    assert (len(page), page[0], page[-1], page[:1], list(page)) == (2, "a", "b", ("a",), ["a", "b"])
    assert (page.earlier, page.later) == (0, 4)
    first, last = replace(page, offset=0), replace(page, offset=4)
    assert (first.earlier, first.later) == (None, 2)
    assert (last.earlier, last.later) == (2, None)
