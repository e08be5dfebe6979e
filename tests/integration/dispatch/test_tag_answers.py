"""Answers about a tag that are not about the attempt: they count for nothing, as a whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from dispatcher import GatewayError
from dispatcher.campaigns.states import MessageState
from dispatcher.gateway import Report, SendReply, StatusPage, Throttled
from tests.integration.bench import OPEN, Bench, people

WHY = "not in their dashboard"
STRANGER = "+33639989999"


def listed(phones: list[str], at: datetime | None = None) -> StatusPage:
    return StatusPage([Report(phone, MessageState.DELIVERED, at, stop=True) for phone in phones])


def beside_a_stranger(bench: Bench, tag: str) -> StatusPage:
    return listed([*people(3), STRANGER])


def of_others(bench: Bench, tag: str) -> StatusPage:
    return listed([STRANGER])


def whatever_the_tag(bench: Bench, tag: str) -> StatusPage:
    return listed(people(3))


def from_last_week(bench: Bench, tag: str) -> StatusPage:
    return listed(people(3) if tag in bench.gateway.requests else [], OPEN - timedelta(days=7))


FALSE_ANSWERS = (beside_a_stranger, of_others, whatever_the_tag, from_last_week)
FalseAnswer = Callable[[Bench, str], StatusPage]
false_answers = pytest.mark.parametrize("answer", FALSE_ANSWERS, ids=lambda one: one.__name__)


def lie(bench: Bench, answer: FalseAnswer) -> Callable[[], None]:
    """Let lookups by tag answer so; returns what ends it."""
    ask = bench.gateway.status_by_tag
    bench.gateway.status_by_tag = lambda tag: answer(bench, tag)  # type: ignore[method-assign]

    def end() -> None:
        bench.gateway.status_by_tag = ask  # type: ignore[method-assign]

    return end


def throttle(tag: str, phones: list[str]) -> SendReply:
    return Throttled(30)


@false_answers
def test_doubt_is_not_settled_by_an_answer_about_others(bench: Bench, answer: FalseAnswer) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = bench.gateway.swallow
    bench.send(batch)
    lie(bench, answer)
    for _ in range(3):
        bench.pass_by(minutes=10)
    assert bench.messages() == {"in_doubt": 3}
    assert list(bench.dispatcher.opt_outs) == []
    with pytest.raises(GatewayError):
        bench.dispatcher.resend(batch, reason=WHY)
    assert bench.batch(batch).state == "in_doubt"
    bench.check()


@false_answers
def test_doubt_of_a_taken_batch_is_settled_when_answers_are_sound_again(
    bench: Bench, answer: FalseAnswer
) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = bench.gateway.lose
    bench.send(batch)
    end = lie(bench, answer)
    bench.pass_by(minutes=10)
    assert bench.messages() == {"in_doubt": 3}
    end()
    bench.pass_by(minutes=10)
    assert bench.messages() == {"sent": 3}
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


@false_answers
def test_throttled_batch_waits_while_the_answer_about_it_is_about_others(
    bench: Bench, answer: FalseAnswer
) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = throttle
    bench.send(batch)
    end = lie(bench, answer)
    bench.gateway.behave = bench.gateway.take
    bench.pass_by(minutes=10)
    assert bench.messages() == {"pending": 3}
    assert not bench.gateway.texted
    end()
    bench.pass_by(minutes=10)
    assert bench.messages() == {"sent": 3}
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


@false_answers
def test_poll_by_tag_takes_no_report_from_an_answer_about_others(
    bench: Bench, answer: FalseAnswer
) -> None:
    bench.gateway.behave = bench.gateway.lose
    bench.send(bench.submit(3))
    bench.pass_by(minutes=10)
    assert bench.messages() == {"sent": 3}
    end = lie(bench, answer)
    for _ in range(5):
        bench.pass_by(hours=20)
    assert bench.messages() == {"sent": 3}  # not unreported either: nothing was learnt
    end()
    bench.gateway.deliver()
    bench.pass_by(hours=20)
    assert bench.messages() == {"delivered": 3}


def test_report_as_old_as_the_attempt_counts_with_a_slow_clock(bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.lose
    bench.send(bench.submit(3))
    at = bench.clock() - timedelta(minutes=1)
    shown = listed(people(3), at)
    lie(bench, lambda bench, tag: shown if tag in bench.gateway.requests else StatusPage([]))
    bench.pass_by(minutes=10)
    assert bench.messages() == {"delivered": 3}


def void_but_for_doubts(bench: Bench, tag: str) -> StatusPage:
    """Nothing under the tag of the doubt, and the same people under any other."""
    return listed([] if tag == bench.gateway.requests[-1] else people(1, 9000))


def test_control_whose_answer_is_void_proves_nothing(bench: Bench) -> None:
    bench.send(bench.submit(1, "control", start=9000))
    batch = bench.submit(3)
    bench.gateway.behave = bench.gateway.swallow
    bench.send(batch)
    end = lie(bench, void_but_for_doubts)
    bench.pass_by(minutes=10)
    assert "nobody has used" in bench.batch(batch).why
    with pytest.raises(GatewayError, match="nobody has used"):
        bench.dispatcher.resend(batch, reason=WHY)
    assert bench.batch(batch).state == "in_doubt"
    end()
    bench.dispatcher.resend(batch, reason=WHY)
    assert bench.batch(batch).state == "pending"
