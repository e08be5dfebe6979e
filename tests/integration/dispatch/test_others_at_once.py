"""Two campaigns with the same people, one of which is armed while the other is about to be.

Whatever happens between the judgement of a batch and its arming, nobody is texted by both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event

from dispatcher import IllegalMove
from dispatcher.gateway import Declined, SendReply, Throttled
from dispatcher.storage import pseudonymous, recipient_retention
from dispatcher.storage.database import Database
from tests.integration.bench import OPEN, Bench, opened, people
from tests.integration.conftest import empty
from tests.integration.dispatch.test_sending import answers

Step = Callable[[Bench, int], object]


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    empty(tables)
    with opened(tables, rate=1000, refusal_limit=1) as made:
        yield made


def between(bench: Bench, act: Callable[[], object]) -> None:
    """Act once, when the next batch is judged and not armed yet."""

    def once() -> None:
        bench.gateway.on_connect = lambda: None
        act()

    bench.gateway.on_connect = once


def nothing(_: Bench, __: int) -> None:
    """It waits."""


def send(bench: Bench, batch: int) -> None:
    bench.tick()
    bench.send(batch)


def pause(bench: Bench, _: int) -> None:
    bench.dispatcher.pause("first", reason="later")


def resume(bench: Bench, batch: int) -> None:
    bench.dispatcher.resume("first", reason="now")
    send(bench, batch)


def refuse(bench: Bench, batch: int) -> None:
    bench.gateway.behave = answers(Declined(90))
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    assert bench.messages("first") == {"rejected": 3}
    assert bench.progress("first").state == "paused"


def swallow(bench: Bench, batch: int) -> None:
    bench.gateway.behave = bench.gateway.swallow
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    assert bench.messages("first") == {"in_doubt": 3}


def resend(bench: Bench, batch: int) -> None:
    bench.dispatcher.resend(batch, reason="nobody got it")
    send(bench, batch)


def throttle(bench: Bench, batch: int) -> None:
    """The gateway says that it took too many calls, and has taken this one, too."""

    def take(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        return Throttled(1)

    bench.gateway.behave = take
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    assert bench.messages("first") == {"pending": 3}
    bench.clock.forward(minutes=2)


def cancel(bench: Bench, _: int) -> None:
    bench.dispatcher.cancel("first", reason="a mistake")


def throttle_and_cancel(bench: Bench, batch: int) -> None:
    throttle(bench, batch)
    cancel(bench, batch)


def try_again(bench: Bench, batch: int) -> None:
    """What a person and a hint may try with a campaign that is over."""
    with pytest.raises(IllegalMove):
        bench.dispatcher.resume("first", reason="now")
    send(bench, batch)


def expire(bench: Bench, _: int) -> None:
    bench.clock.forward(hours=2)
    bench.tick()
    assert bench.messages("first") == {"expired": 3}


@pytest.mark.parametrize(
    ("before", "then", "texted"),
    [
        (nothing, send, "by the first"),
        (send, nothing, "by the first"),
        (pause, resume, "by the first"),
        (refuse, resume, "by the first"),
        (swallow, resend, "by the first"),
        (throttle, send, "by the first"),
        (throttle_and_cancel, try_again, "by the first"),
        (nothing, cancel, "by nobody"),
        (cancel, try_again, "by the second"),
        (expire, try_again, "by the second"),
    ],
)
def test_first_campaign_goes_on_while_the_second_is_about_to_be_armed(
    bench: Bench, before: Step, then: Step, texted: str
) -> None:
    first = bench.submit(3, "first", not_after=OPEN + timedelta(hours=1))
    before(bench, first)
    second = bench.submit(4, "second", except_campaign="first")
    acted: list[bool] = []
    between(bench, lambda: acted.append(then(bench, first) is None))
    bench.tick()
    bench.send(second)
    assert acted == [True]
    bench.work()
    wanted = dict.fromkeys(people(4), 1) if texted != "by nobody" else {people(4)[3]: 1}
    assert bench.gateway.texted == wanted
    left = {"sent": 4} if texted == "by the second" else {"sent": 1, "left_out": 3}
    assert bench.messages("second") == left
    bench.check()


@pytest.mark.parametrize("end", [cancel, expire])
def test_first_campaign_ends_while_it_is_about_to_be_armed(bench: Bench, end: Step) -> None:
    """The second one texts all: the first, which was gathered before, is not armed any more."""
    first = bench.submit(3, "first", not_after=OPEN + timedelta(hours=1))
    second = bench.submit(3, "second", except_campaign="first")

    def act() -> None:
        end(bench, first)
        send(bench, second)

    between(bench, act)
    bench.send(first)
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)
    assert bench.messages("second") == {"sent": 3}
    assert bench.outcomes(first) == []
    bench.check()


def test_both_are_gathered_before_either_is_armed(bench: Bench) -> None:
    first = bench.submit(3, "first")
    second = bench.submit(4, "second", start=1, except_campaign="first")
    between(bench, lambda: bench.send(second))
    bench.send(first)
    assert bench.gateway.texted == dict.fromkeys(people(5), 1)
    assert bench.messages("second") == {"sent": 2, "left_out": 2}


def test_retention_makes_its_first_pseudonyms_while_people_are_asked_for(bench: Bench) -> None:
    first = bench.submit(3, "first")
    bench.send(first)
    bench.gateway.deliver()
    bench.pass_by(minutes=10)
    bench.tick()
    assert bench.progress("first").state == "finished"
    bench.clock.forward(days=42)  # a Tuesday
    second = bench.submit(4, "second", except_campaign="first")
    bench.tick()
    database = bench.dispatcher.database
    replaced: list[int] = []

    def replace(*call: object) -> None:
        if "WITH people" in str(call[2]) and not replaced:
            replaced.append(0)
            with database.write() as session:
                pseudonyms = pseudonymous.begin(session)
                now = bench.clock()
                replaced[0] = recipient_retention.replace(session, now, pseudonyms, 9, now)

    event.listen(database.engine, "before_cursor_execute", replace)
    try:
        bench.send(second)
    finally:
        event.remove(database.engine, "before_cursor_execute", replace)
    assert replaced == [1]
    assert all(phone.startswith("person-") for _, batch, phone, _ in bench.view() if batch == first)
    assert bench.messages("second") == {"sent": 1, "left_out": 3}
