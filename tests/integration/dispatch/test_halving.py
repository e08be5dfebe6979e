"""Calls that are refused because of some number: halves of the batch are asked for again."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from unittest import mock

import pytest

from dispatcher import IllegalMove
from dispatcher.dispatch.sending.fair_queue import FairQueue
from dispatcher.gateway import (
    BatchTaken,
    Declined,
    FieldError,
    LineAnswer,
    SendReply,
    Throttled,
)
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened, people

WHY = "not in their dashboard"
CODES = [9, 13, 14, 15, 55]


class Killed(BaseException):
    """The worker dies here."""


def refuse(bench: Bench, bad: Collection[str], code: int = 9) -> None:
    """Let the gateway refuse each call in which one of these numbers is."""

    bench.gateway.behave = lambda tag, phones: (
        bench.gateway.take(tag, phones) if set(bad).isdisjoint(phones) else Declined(code)
    )


def at(*positions: int) -> list[str]:
    return [people(1, position)[0] for position in positions]


def finish(bench: Bench) -> None:
    """Work until nothing is to go any more."""
    for _ in range(200):
        bench.pass_by(seconds=20)
        bench.check()
        if not {"pending", "in_doubt"} & bench.messages().keys():
            return
    raise AssertionError(f"not finished: {bench.messages()}, {bench.progress().why}")


def judge(bench: Bench, count: int, bad: Collection[str], code: int = 9) -> None:
    """All but the bad ones were texted, once; the bad ones are rejected with the code."""
    texted = [phone for phone in people(count) if phone not in bad]
    assert bench.gateway.texted == dict.fromkeys(texted, 1)
    rejected = {phone for *_, phone, state in bench.view() if state == "rejected"}
    assert rejected == set(bad)
    codes = [code for batch in bench.batches() for code in json.loads(batch.codes).values()]
    assert codes == [code] * len(bad)


@pytest.mark.parametrize("code", CODES)
def test_refusal_that_names_nobody_rejects_only_who_is_the_reason(bench: Bench, code: int) -> None:
    bad = at(7)
    bench.submit(20)
    refuse(bench, bad, code)
    finish(bench)
    judge(bench, 20, bad, code)
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    assert bench.messages() == {"delivered": 19, "rejected": 1}


@pytest.mark.parametrize("spots", [(0,), (499,), (249, 250), (3, 100, 400), range(4, 500, 125)])
def test_few_calls_find_who_is_the_reason(bench: Bench, spots: Collection[int]) -> None:
    bad = at(*spots)
    bench.submit(500)
    refuse(bench, bad)
    finish(bench)
    judge(bench, 500, bad)
    assert len(bench.gateway.requests) <= 13 * len(bad)
    assert len(set(bench.gateway.requests)) == len(bench.gateway.requests)  # a tag for each


def test_one_text_for_all_is_asked_for_number_by_number_and_then_in_halves(
    tables: Database,
) -> None:
    with opened(tables, single_send=True) as bench:
        bad = at(2)
        bench.submit(8)
        refuse(bench, bad)
        finish(bench)
        judge(bench, 8, bad)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(FieldError("phoneNumber", 2), id="a line"),
        pytest.param(FieldError("message", 2), id="the text of a line"),
        pytest.param(FieldError("phoneNumbers", phones=at(2)), id="a number"),
        pytest.param(FieldError(phones=at(2), code=9), id="a number and a code"),
    ],
)
def test_refusal_that_names_a_number_rejects_it_at_once(bench: Bench, error: FieldError) -> None:
    replies = iter([Declined(9, [error])])
    bench.gateway.behave = lambda tag, phones: (
        next(replies, None) or bench.gateway.take(tag, phones)
    )
    bench.submit(5)
    finish(bench)
    judge(bench, 5, at(2))
    assert len(bench.gateway.requests) == 2


@pytest.mark.parametrize("field", ["sender", "message", "scheduledDeliveryDate", "minute", "gamme"])
def test_refusal_of_a_field_of_all_requests_pauses_with_the_gateways_sentence(
    bench: Bench, field: str
) -> None:
    sentence = "Cette valeur n'est pas valide (+33639980001)"
    bench.gateway.behave = lambda *_: Declined(9, [FieldError(field, message=sentence)])
    bench.submit(600)
    bench.work()
    progress = bench.progress()
    assert progress.state == "paused"
    assert "Cette valeur n'est pas valide" in progress.why
    assert "39980001" not in progress.why
    assert bench.messages() == {"pending": 600}
    bench.gateway.behave = bench.gateway.take
    bench.dispatcher.resume("soldes")
    bench.work()
    assert bench.messages() == {"sent": 600}


def test_date_refused_for_a_batch_to_be_handed_over_pauses_and_then_waits_here(
    bench: Bench,
) -> None:
    hour = bench.clock() + timedelta(hours=5)
    error = FieldError("scheduledDeliveryDate", message="La date est antérieure")
    bench.gateway.behave = lambda *_: Declined(9, [error])
    bench.submit(3, not_before=hour, hand_over=True)
    bench.work()
    assert bench.progress().why.endswith("La date est antérieure")
    bench.gateway.behave = bench.gateway.take
    bench.dispatcher.resume("soldes")
    bench.work()
    assert not bench.gateway.texted
    bench.clock.at = hour
    bench.work()
    assert bench.messages() == {"sent": 3}
    assert bench.gateway.bodies[-1].at is None


def test_batch_to_be_handed_over_is_halved_at_its_hour(bench: Bench) -> None:
    hour = bench.clock() + timedelta(hours=5)
    bad = at(1)
    refuse(bench, bad, 13)
    bench.submit(4, not_before=hour, hand_over=True)
    bench.work()
    assert bench.messages() == {"pending": 4}
    bench.clock.at = hour
    finish(bench)
    judge(bench, 4, bad, 13)


# -- the breaker


@pytest.mark.parametrize("code", CODES)
def test_everybody_refused_pauses_the_campaign_and_a_resume_sends_to_all(
    bench: Bench, code: int
) -> None:
    bench.submit(500)
    refuse(bench, people(500), code)
    for _ in range(5):
        bench.pass_by(seconds=20)
    assert bench.progress().why.startswith("paused: batches in a row were refused: ")
    assert bench.messages() == {"pending": 497, "rejected": 3}
    assert len(bench.gateway.requests) < 30
    bench.gateway.behave = bench.gateway.take
    bench.dispatcher.resume("soldes")
    finish(bench)
    judge(bench, 500, [])


def test_many_neighbours_that_are_refused_do_not_pause_while_others_are_taken(
    bench: Bench,
) -> None:
    bad = at(*range(5))
    bench.submit(500)
    refuse(bench, bad)
    finish(bench)
    judge(bench, 500, bad)
    assert bench.actions("pause") == []


def test_resume_asks_no_more_for_who_was_refused_alone_while_others_were_taken(
    bench: Bench,
) -> None:
    bad = at(3)
    bench.submit(1000)
    first, second = (batch.id for batch in bench.batches())
    refuse(bench, bad)
    while bench.batch(first).pending:
        next_attempt(bench, first)
        bench.clock.forward(seconds=1)
    bench.gateway.behave = lambda *_: Declined(9)
    while bench.progress().state == "running":
        next_attempt(bench, second)
    bench.gateway.behave = bench.gateway.take
    bench.dispatcher.resume("soldes")
    finish(bench)
    judge(bench, 1000, bad)


@pytest.mark.parametrize(
    "spots",
    [pytest.param((0, 1, 2), id="the first"), pytest.param(range(1, 6), id="the last")],
)
def test_resume_leads_past_those_whom_the_gateway_always_refuses(
    bench: Bench, spots: Collection[int]
) -> None:
    bad = at(*spots)
    bench.submit(6)
    refuse(bench, bad, 14)
    for _ in range(20):
        bench.pass_by(seconds=20)
    assert bench.progress().state == "paused"
    bench.dispatcher.resume("soldes")
    finish(bench)
    judge(bench, 6, bad, 14)


def test_gateway_that_is_not_well_after_a_resume_pauses_again(bench: Bench) -> None:
    bench.submit(8)
    refuse(bench, people(8), 14)
    for _ in range(20):
        bench.pass_by(seconds=20)
    bench.dispatcher.resume("soldes")  # the gateway is not well yet
    for _ in range(20):
        bench.pass_by(seconds=20)
    assert bench.progress().state == "paused"
    bench.gateway.behave = bench.gateway.take
    bench.dispatcher.resume("soldes")
    finish(bench)
    assert bench.messages() == {"sent": 5, "rejected": 3}  # three were refused alone twice
    assert set(bench.gateway.texted.values()) == {1}


def test_refusal_of_the_rest_of_a_partly_sent_batch_counts_and_is_taken_back(
    bench: Bench,
) -> None:
    """Of three batches the gateway took a part; the rest of each is refused as a whole."""

    def part(tag: str, phones: list[str]) -> SendReply:
        message_id = bench.gateway.accept(tag, phones[:1])
        return BatchTaken(message_id, [LineAnswer(phones[0], True, 200, 1)])

    bench.gateway.behave = part
    bench.submit(1500)
    for batch in bench.batches():
        next_attempt(bench, batch.id)
    for batch in bench.batches():
        bench.dispatcher.resend(batch.id, reason=WHY)
    bench.gateway.behave = lambda *_: Declined(90)
    bench.pass_by(seconds=1)
    assert bench.progress().why == (
        "paused: batches in a row were refused: the request is malformed"
    )
    assert bench.messages() == {"sent": 3, "rejected": 1497}
    bench.gateway.behave = bench.gateway.take
    bench.dispatcher.resume("soldes")
    bench.pass_by(minutes=1)
    assert bench.messages() == {"sent": 1500}
    assert set(bench.gateway.texted.values()) == {1}
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    bench.pass_by(hours=1)
    assert bench.messages() == {"delivered": 1500}


# -- in the middle


def half_sent(bench: Bench) -> int:
    """Four of eight are taken; the third is the reason, among the other four."""
    batch = bench.submit(8)
    refuse(bench, at(6))
    for _ in range(2):
        next_attempt(bench, batch)
    assert bench.messages() == {"sent": 4, "pending": 4}
    return batch


def next_attempt(bench: Bench, batch: int) -> None:
    """One attempt, although a send loop would go on at once."""
    with mock.patch.object(FairQueue, "next_batch", return_value=None):
        bench.clock.at = max(bench.clock(), bench.batch(batch).not_before)
        bench.send(batch)


def test_cancelled_in_the_middle(bench: Bench) -> None:
    half_sent(bench)
    bench.dispatcher.cancel("soldes")
    bench.gateway.deliver()
    for _ in range(3):
        bench.pass_by(minutes=5)
    assert bench.messages() == {"delivered": 4, "cancelled": 4}
    bench.check()


def test_paused_and_resumed_in_the_middle(bench: Bench) -> None:
    half_sent(bench)
    bench.dispatcher.pause("soldes")
    bench.pass_by(minutes=5)
    assert bench.messages() == {"sent": 4, "pending": 4}
    bench.dispatcher.resume("soldes")
    finish(bench)
    judge(bench, 8, at(6))


def test_opt_out_in_the_middle(bench: Bench) -> None:
    half_sent(bench)
    bench.opt_out(at(7)[0])
    finish(bench)
    assert bench.messages() == {"sent": 6, "rejected": 1, "opted_out": 1}


def test_reason_that_opts_out_in_the_middle_leaves_the_others_to_go(bench: Bench) -> None:
    half_sent(bench)
    bench.opt_out(at(6)[0])
    finish(bench)
    assert bench.messages() == {"sent": 7, "opted_out": 1}


def half_in_doubt(bench: Bench, behave: Callable[[str, list[str]], SendReply]) -> int:
    """Eight are refused; the answer about the first four is lost."""
    batch = bench.submit(8)
    refuse(bench, at(6))
    next_attempt(bench, batch)
    bench.gateway.behave = behave
    next_attempt(bench, batch)
    assert bench.batch(batch).state == "in_doubt"
    (doubt,) = bench.dispatcher.doubts()
    assert doubt.messages == 4
    refuse(bench, at(6))
    return batch


def test_half_in_doubt_that_shows_is_settled_and_the_others_go_on(bench: Bench) -> None:
    batch = half_in_doubt(bench, bench.gateway.lose)
    bench.pass_by(minutes=1)
    assert bench.batch(batch).state == "pending"
    finish(bench)
    judge(bench, 8, at(6))
    assert bench.outcomes(batch)[1] == "sent"


def test_half_in_doubt_that_was_not_taken_is_sent_again_by_a_person_only(bench: Bench) -> None:
    batch = half_in_doubt(bench, bench.gateway.swallow)
    for _ in range(5):
        bench.pass_by(minutes=10)
    assert not bench.gateway.texted
    bench.dispatcher.resend(batch, reason=WHY)
    finish(bench)
    judge(bench, 8, at(6))


def test_half_in_doubt_that_is_given_up_leaves_the_others_to_go(bench: Bench) -> None:
    batch = half_in_doubt(bench, bench.gateway.swallow)
    bench.dispatcher.give_up(batch, reason=WHY)
    assert bench.messages() == {"unreported": 4, "pending": 4}
    finish(bench)
    assert bench.messages() == {"unreported": 4, "sent": 3, "rejected": 1}
    assert bench.gateway.texted == dict.fromkeys(at(4, 5, 7), 1)


def half_given_up(bench: Bench) -> int:
    """Four of eight were taken and given up, because their tag did not show them."""

    def lose(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.hidden.add(tag)
        return bench.gateway.lose(tag, phones)

    batch = half_in_doubt(bench, lose)
    bench.dispatcher.give_up(batch, reason=WHY)
    assert bench.messages() == {"unreported": 4, "pending": 4}
    return batch


def judge_given_up(bench: Bench, batch: int) -> None:
    """All but the bad one were texted, and a person is told of the four."""
    finish(bench)
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    judge(bench, 8, at(6))
    assert bench.messages() == {"delivered": 7, "rejected": 1}
    assert bench.outcomes(batch)[:3] == ["halved", "sent", "sent"]
    (action,) = bench.actions("texted after give up")
    assert "was sent after all: until now its messages counted as 4 unreported" in action.reason
    assert len(bench.dispatcher.incidents()) == 1


def test_half_that_was_given_up_and_shows_while_the_others_wait_is_corrected(
    bench: Bench,
) -> None:
    batch = half_given_up(bench)
    bench.dispatcher.pause("soldes")
    bench.gateway.hidden.clear()
    for _ in range(3):
        bench.pass_by(minutes=10)
    assert bench.messages() == {"sent": 4, "pending": 4}
    assert bench.dispatcher.doubts() == []
    bench.check()
    bench.dispatcher.resume("soldes")
    judge_given_up(bench, batch)


def test_half_that_was_given_up_and_shows_while_the_others_are_sent_is_corrected(
    bench: Bench,
) -> None:
    batch = half_given_up(bench)

    def slow(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.hidden.clear()
        bench.clock.forward(seconds=3)
        bench.settle(batch)
        assert bench.messages() == {"sent": 4, "pending": 4}
        return bench.gateway.take(tag, phones)

    bench.gateway.behave = slow
    next_attempt(bench, batch)
    refuse(bench, at(6))
    judge_given_up(bench, batch)


def test_late_answer_of_a_half_that_was_given_up_is_a_correction(bench: Bench) -> None:
    """Its worker slept with the answer; the others wait for their turn."""
    batch = bench.submit(8)
    refuse(bench, at(6))
    next_attempt(bench, batch)

    def late(tag: str, phones: list[str]) -> SendReply:
        reply = bench.gateway.take(tag, phones)
        bench.gateway.hidden.add(tag)
        bench.clock.forward(seconds=bench.settings.lease + 1)
        bench.tick()
        bench.dispatcher.give_up(batch, reason=WHY)
        return reply

    bench.gateway.behave = late
    next_attempt(bench, batch)
    assert bench.messages() == {"sent": 4, "pending": 4}
    bench.gateway.hidden.clear()  # their reports come by the tag
    refuse(bench, at(6))
    judge_given_up(bench, batch)


@pytest.mark.parametrize("verb", ["resend", "give_up"])
def test_half_in_doubt_that_shows_when_a_person_decides_is_settled(bench: Bench, verb: str) -> None:
    batch = half_in_doubt(bench, bench.gateway.lose)
    with pytest.raises(IllegalMove, match="it was taken"):
        getattr(bench.dispatcher, verb)(batch, reason=WHY)
    finish(bench)
    judge(bench, 8, at(6))


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("call", range(1, 7))
def test_worker_killed_in_any_call_texts_nobody_twice_and_loses_nobody(
    bench: Bench, call: int, taken: bool
) -> None:
    batch = bench.submit(8)
    refuse(bench, at(6))
    well = bench.gateway.behave

    def killed(tag: str, phones: list[str]) -> SendReply:
        if len(bench.gateway.requests) != call:
            return well(tag, phones)
        if taken and at(6)[0] not in phones:
            bench.gateway.accept(tag, phones)
        raise Killed

    bench.gateway.behave = killed
    with suppress(Killed):
        finish(bench)
    bench.pass_by(seconds=bench.settings.lease + 1)
    for _ in range(5):
        bench.pass_by(minutes=10)
    for doubt in bench.dispatcher.doubts():
        bench.dispatcher.resend(doubt.batch_id, reason=WHY)
    finish(bench)
    judge(bench, 8, at(6))
    assert bench.dispatcher.incidents() == []
    assert len(bench.attempts(batch)) == len(bench.gateway.requests)


def test_part_that_showed_late_is_not_sent_again(bench: Bench) -> None:
    """The call before was taken though the gateway asked to wait: the tag shows in the middle."""
    batch = bench.submit(8)

    def lying_429(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        bench.gateway.hidden.add(tag)
        return Throttled(1.0)

    bench.gateway.behave = lying_429
    next_attempt(bench, batch)
    bench.gateway.behave = lambda *_: Declined(9)
    next_attempt(bench, batch)
    bench.gateway.hidden.clear()
    bench.gateway.behave = bench.gateway.take
    for _ in range(5):
        bench.pass_by(minutes=10)
    assert bench.messages() == {"sent": 8}
    assert bench.gateway.texted == dict.fromkeys(people(8), 1)


def test_halves_count_once_for_the_caps(tables: Database) -> None:
    with opened(tables, daily_recipients=8) as bench:
        bad = at(6)
        bench.submit(8)
        refuse(bench, bad)
        finish(bench)
        judge(bench, 8, bad)
        bench.submit(1, "other", start=100)
        bench.work()
        assert bench.messages("other") == {"sent": 1}
        bench.submit(1, "more", start=200)
        bench.work()
        assert bench.progress("more").why == "daily cap of 8 messages reached"


def test_cost_of_a_halved_batch_is_the_sum_of_its_parts(bench: Bench) -> None:
    bench.submit(8)
    refuse(bench, at(6))
    finish(bench)
    assert bench.progress().cost == 7 * Decimal("0.038")
