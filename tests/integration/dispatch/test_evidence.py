"""Evidence of several attempts: none is forgotten, whatever the batch has come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest

from dispatcher import GatewayError, IllegalMove
from dispatcher.campaigns.states import MessageState
from dispatcher.gateway import (
    BatchTaken,
    Declined,
    LineAnswer,
    SendReply,
    Throttled,
    Unsent,
)
from tests.integration.bench import Bench, people

WHY = "not in their dashboard"


class Killed(BaseException):
    """The worker dies here."""


Behave = Callable[[str, list[str]], SendReply]


def lying_429(bench: Bench) -> Behave:
    """The gateway asks to wait, and has taken the batch all the same; its tag lags."""

    def behave(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        bench.gateway.hidden.add(tag)
        return Throttled(10.0)

    return behave


def honest_429(tag: str, phones: list[str]) -> SendReply:
    return Throttled(10.0)


def lost_but_taken(bench: Bench) -> Behave:
    def behave(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.hidden.add(tag)
        return bench.gateway.lose(tag, phones)

    return behave


def attempt(bench: Bench, batch: int, behave: Behave) -> None:
    bench.gateway.behave = behave
    bench.clock.at = max(bench.clock(), bench.batch(batch).not_before)
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take


def doubt_after_a_lying_429(bench: Bench) -> int:
    """Attempt 1 was taken though the gateway asked to wait; attempt 2 is lost and was not taken."""
    batch = bench.submit(3)
    attempt(bench, batch, lying_429(bench))
    attempt(bench, batch, bench.gateway.swallow)
    assert bench.batch(batch).state == "in_doubt"
    return batch


def doubt_after_a_resend(bench: Bench) -> int:
    """Attempt 1 was lost and taken; a person resends; attempt 2 is lost and was not taken."""
    batch = bench.submit(3)
    attempt(bench, batch, lost_but_taken(bench))
    bench.clock.forward(minutes=10)
    bench.dispatcher.resend(batch, reason=WHY)
    attempt(bench, batch, bench.gateway.swallow)
    assert bench.batch(batch).state == "in_doubt"
    return batch


DOUBTS = [doubt_after_a_lying_429, doubt_after_a_resend]


@pytest.mark.parametrize("doubt", DOUBTS)
def test_earlier_attempt_that_shows_ends_the_doubt(
    bench: Bench, doubt: Callable[[Bench], int]
) -> None:
    batch = doubt(bench)
    bench.gateway.hidden.clear()
    for _ in range(3):
        bench.pass_by(minutes=5)
    assert bench.messages() == {"sent": 3}
    assert bench.outcomes(batch) == ["sent", "in_doubt"]
    assert bench.dispatcher.incidents() == []
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    assert bench.messages() == {"delivered": 3}
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


@pytest.mark.parametrize("doubt", DOUBTS)
@pytest.mark.parametrize("verb", ["resend", "give_up"])
def test_earlier_attempt_that_shows_settles_the_doubt_when_a_person_decides(
    bench: Bench, doubt: Callable[[Bench], int], verb: str
) -> None:
    batch = doubt(bench)
    bench.gateway.hidden.clear()
    with pytest.raises(IllegalMove, match="it was taken"):
        getattr(bench.dispatcher, verb)(batch, reason=WHY)
    assert bench.messages() == {"sent": 3}
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


@pytest.mark.parametrize("doubt", DOUBTS)
def test_person_ends_a_doubt_of_which_an_attempt_shows_a_part(
    bench: Bench, doubt: Callable[[Bench], int]
) -> None:
    """Those who show are settled; the verb goes on with the rest."""
    batch = doubt(bench)
    first = bench.attempts(batch)[0].tag
    bench.gateway.tags[first] = dict.fromkeys(people(2), MessageState.SENT)
    bench.gateway.hidden.clear()
    bench.dispatcher.give_up(batch, reason=WHY)
    assert bench.messages() == {"sent": 2, "unreported": 1}
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    assert bench.messages() == {"delivered": 2, "unreported": 1}


def test_resend_texts_nobody_whom_any_attempt_has_ever_shown(bench: Bench) -> None:
    """What showed once counts when the gateway has forgotten it."""
    batch = doubt_after_a_lying_429(bench)
    first = bench.attempts(batch)[0].tag
    bench.gateway.tags[first] = dict.fromkeys(people(2), MessageState.SENT)
    bench.gateway.hidden.clear()
    bench.pass_by(minutes=5)
    bench.gateway.hidden.add(first)
    bench.clock.forward(hours=49)
    bench.dispatcher.resend(batch, reason=WHY)
    attempt(bench, batch, bench.gateway.take)
    assert list(bench.gateway.bodies[-1].texts) == people(3)[2:]


def test_two_attempts_that_both_show_late_are_an_incident(bench: Bench) -> None:
    batch = bench.submit(3)
    attempt(bench, batch, lying_429(bench))
    attempt(bench, batch, lost_but_taken(bench))
    first, second = (one.tag for one in bench.attempts(batch))
    bench.gateway.hidden.discard(first)
    bench.pass_by(minutes=5)
    assert bench.messages() == {"sent": 3}
    assert bench.dispatcher.incidents() == []
    bench.gateway.hidden.discard(second)
    for _ in range(4):
        bench.pass_by(hours=1)
    (incident,) = bench.dispatcher.incidents()
    assert incident.what == f"attempt 2 of batch {batch} was sent, and so was another: 3 people"


# -- late evidence, after every end


def cancelled(bench: Bench) -> int:
    batch = bench.submit(3)
    attempt(bench, batch, lying_429(bench))
    attempt(bench, batch, honest_429)
    bench.dispatcher.cancel("soldes")
    return batch


def refused(bench: Bench) -> int:
    batch = bench.submit(3)
    attempt(bench, batch, lying_429(bench))
    attempt(bench, batch, lambda tag, phones: Declined(90))
    return batch


def given_up(bench: Bench) -> int:
    batch = bench.submit(3)
    attempt(bench, batch, lost_but_taken(bench))
    bench.dispatcher.give_up(batch, reason=WHY)
    return batch


def expired(bench: Bench) -> int:
    batch = bench.submit(3, not_after=bench.clock() + timedelta(minutes=5))
    attempt(bench, batch, lying_429(bench))
    bench.clock.forward(minutes=6)
    bench.tick()
    return batch


def opted_out(bench: Bench) -> int:
    batch = bench.submit(3)
    attempt(bench, batch, lying_429(bench))
    for phone in people(3):
        bench.opt_out(phone)
    bench.clock.forward(minutes=1)
    bench.send(batch)
    return batch


@pytest.mark.parametrize(
    ("end", "state", "verb"),
    [
        pytest.param(cancelled, "cancelled", "correction", id="cancelled"),
        pytest.param(refused, "rejected", "correction", id="refused"),
        pytest.param(given_up, "unreported", "texted after give up", id="given up"),
        pytest.param(expired, "expired", "correction", id="expired"),
        pytest.param(opted_out, "opted_out", "correction", id="opted out"),
    ],
)
def test_late_evidence_corrects_every_end(
    bench: Bench, end: Callable[[Bench], int], state: str, verb: str
) -> None:
    batch = end(bench)
    assert bench.messages() == {state: 3}
    bench.gateway.hidden.clear()
    bench.pass_by(minutes=10)
    assert bench.messages() == {"sent": 3}
    (action,) = bench.actions(verb)
    assert (action.actor, action.batch_id) == ("dispatcher", batch)
    assert f"3 {state}" in action.reason
    assert not any(phone in action.reason for phone in people(3))
    assert len(bench.dispatcher.incidents()) == (verb != "correction")
    bench.gateway.deliver()
    bench.pass_by(hours=2)
    assert bench.messages() == {"delivered": 3}
    for _ in range(10):
        bench.pass_by(hours=1)
    assert len(bench.actions(verb)) == 1
    bench.check()


def test_part_that_shows_later_corrects_once_more(bench: Bench) -> None:
    batch = given_up(bench)
    (first,) = (one.tag for one in bench.attempts(batch))
    bench.gateway.tags[first] = dict.fromkeys(people(1), MessageState.SENT)
    bench.gateway.hidden.clear()
    bench.pass_by(minutes=10)
    assert bench.messages() == {"sent": 1, "unreported": 2}
    bench.gateway.tags[first] = dict.fromkeys(people(3), MessageState.DELIVERED)
    bench.pass_by(hours=1)
    bench.pass_by(hours=1)
    assert bench.messages() == {"delivered": 3}


def test_receipt_after_a_give_up_is_a_correction(bench: Bench) -> None:
    batch = bench.submit(3)

    def sleep(tag: str, phones: list[str]) -> SendReply:
        bench.clock.forward(seconds=bench.settings.lease + 1)
        bench.tick()
        bench.dispatcher.give_up(batch, reason=WHY)
        return bench.gateway.take(tag, phones)

    attempt(bench, batch, sleep)
    assert bench.messages() == {"sent": 3}
    (action,) = bench.actions("texted after give up")
    assert action.batch_id == batch
    assert bench.outcomes(batch) == ["sent"]


@pytest.mark.parametrize("verb", ["resend", "give_up"])
def test_proof_that_arrives_while_a_person_decides_is_not_dropped(bench: Bench, verb: str) -> None:
    """The lookup has its answer; before it is written, a person ends the doubt unseen."""
    batch = bench.submit(3)
    attempt(bench, batch, bench.gateway.lose)
    bench.clock.forward(minutes=1)
    ask = bench.gateway.status_by_tag
    (tag,) = (one.tag for one in bench.attempts(batch))

    def slow(asked: str) -> object:
        found = ask(asked)
        bench.gateway.status_by_tag = ask  # type: ignore[method-assign]
        bench.gateway.hidden.add(tag)
        getattr(bench.dispatcher, verb)(batch, reason=WHY)
        return found

    bench.gateway.status_by_tag = slow  # type: ignore[assignment,method-assign]
    bench.settle(batch)
    bench.work()  # the tag stays hidden: what was seen once counts
    bench.work()
    assert bench.messages() == {"sent": 3}
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


# -- what belonged to the attempt before


def test_reports_of_the_second_attempt_are_polled_by_its_own_tag(bench: Bench) -> None:
    """A partial answer, a resend, and a second attempt that is taken while its worker is lost."""
    batch = bench.submit(3)
    known = people(2)

    def partial(tag: str, phones: list[str]) -> SendReply:
        message_id = bench.gateway.accept(tag, known)
        return BatchTaken(message_id, [LineAnswer(phone, True, 200, 1) for phone in known])

    attempt(bench, batch, partial)
    assert bench.messages() == {"sent": 2, "in_doubt": 1}
    bench.dispatcher.resend(batch, reason=WHY)

    def killed(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        raise Killed

    with pytest.raises(Killed):
        attempt(bench, batch, killed)
    assert bench.batch(batch).message_id is None
    bench.gateway.deliver()
    bench.pass_by(seconds=bench.settings.lease + 1)
    for _ in range(3):
        bench.pass_by(minutes=10)
    assert bench.messages() == {"delivered": 3}


# -- no resend while a lost worker may still be sending


def test_resend_waits_until_a_lost_worker_has_certainly_ended(bench: Bench) -> None:
    batch = bench.submit(3)

    def killed(tag: str, phones: list[str]) -> SendReply:
        raise Killed

    with pytest.raises(Killed):
        attempt(bench, batch, killed)
    bench.clock.forward(seconds=bench.settings.lease + 1)
    bench.tick()
    assert bench.batch(batch).why == "its worker was lost"
    with mock.patch("dispatcher.campaigns.evidence.RESEND_AFTER", timedelta(minutes=5)):
        with pytest.raises(IllegalMove, match="may still be sending"):
            bench.dispatcher.resend(batch, reason=WHY)
        assert bench.batch(batch).state == "in_doubt"
        bench.clock.forward(minutes=5)
        bench.dispatcher.resend(batch, reason=WHY)
    bench.gateway.behave = bench.gateway.take
    bench.work()
    assert bench.messages() == {"sent": 3}


# -- the late word of one attempt, and what others showed


def test_late_word_that_nothing_left_does_not_undo_a_give_up(bench: Bench) -> None:
    batch = bench.submit(3)

    def late(tag: str, phones: list[str]) -> SendReply:
        bench.clock.forward(minutes=30)
        bench.tick()
        bench.dispatcher.give_up(batch, reason=WHY)
        return Unsent("the connection failed")

    attempt(bench, batch, late)
    assert (bench.batch(batch).state, bench.batch(batch).states) == ("failed", "nnn")
    bench.pass_by(minutes=60)
    assert bench.gateway.texted == {}


def test_late_word_ends_no_doubt_of_another_attempt(bench: Bench) -> None:
    batch = bench.submit(3)

    def lies_of_one(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones[:1])
        bench.gateway.hidden.add(tag)
        return Throttled(10.0)

    def late(tag: str, phones: list[str]) -> SendReply:
        bench.clock.forward(minutes=30)
        bench.tick()
        bench.gateway.hidden.clear()
        bench.dispatcher.steps.settle_batch(batch)
        return Unsent("its worker was asleep")

    attempt(bench, batch, lies_of_one)
    attempt(bench, batch, late)
    assert bench.batch(batch).state == "in_doubt"
    for _ in range(6):
        bench.pass_by(minutes=10)
    assert set(bench.gateway.texted.values()) == {1}


def test_answer_that_rejects_everybody_is_no_evidence_of_a_text(bench: Bench) -> None:
    batch = bench.submit(3)

    def rejects_all(tag: str, phones: list[str]) -> SendReply:
        lines = [LineAnswer(phone, False, 4, 0, Decimal(0)) for phone in phones]
        return BatchTaken(bench.gateway.accept(tag, []), lines)

    attempt(bench, batch, honest_429)
    attempt(bench, batch, rejects_all)
    for _ in range(6):
        bench.pass_by(minutes=10)
    assert bench.batch(batch).states == "rrr"
    assert bench.gateway.texted == {}


# -- pages that are missing, and lines with an error


def answer_lookups(bench: Bench, **page: Any) -> None:
    """Let the answers about tags say besides how much of them could be read."""
    ask = bench.gateway.status_by_tag
    bench.gateway.status_by_tag = lambda tag: replace(ask(tag), **page)  # type: ignore[method-assign]


@pytest.mark.parametrize("verb", ["resend", "give_up"])
def test_line_with_an_error_does_not_stop_a_person(bench: Bench, verb: str) -> None:
    batch = bench.submit(3)
    attempt(bench, batch, bench.gateway.swallow)
    answer_lookups(bench, failed=1)
    getattr(bench.dispatcher, verb)(batch, reason=WHY)
    bench.work()
    assert bench.messages() == {"sent" if verb == "resend" else "unreported": 3}


def test_line_with_an_error_does_not_hold_back_a_batch_with_an_earlier_429(bench: Bench) -> None:
    batch = bench.submit(3)
    attempt(bench, batch, honest_429)
    answer_lookups(bench, failed=2)
    bench.pass_by(minutes=5)
    assert bench.messages() == {"sent": 3}


def test_missing_pages_hold_a_batch_back_until_the_gateway_forgets_its_tag(bench: Bench) -> None:
    batch = bench.submit(3)
    attempt(bench, batch, honest_429)
    answer_lookups(bench, complete=False)
    bench.pass_by(hours=1)
    bench.pass_by(minutes=6)
    assert bench.messages() == {"pending": 3}
    assert "ask again later" in bench.batch(batch).why
    bench.pass_by(hours=48)
    assert bench.messages() == {"sent": 3}


def test_missing_pages_stop_a_resend_until_the_gateway_forgets_the_tag(bench: Bench) -> None:
    batch = bench.submit(3)
    attempt(bench, batch, bench.gateway.swallow)
    answer_lookups(bench, complete=False)
    with pytest.raises(GatewayError, match="ask again later"):
        bench.dispatcher.resend(batch, reason=WHY)
    bench.clock.forward(hours=49)
    bench.dispatcher.resend(batch, reason=WHY)
    bench.work()
    assert bench.messages() == {"sent": 3}
