"""What the gateway holds and nobody wants any more is asked back, whatever happened meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from dispatcher.gateway import SendReply
from dispatcher.storage.campaigns.moves import pause
from tests.integration.bench import Bench
from tests.integration.dispatch.test_hand_over import HOUR, submit_held

Act = Callable[[Bench], object]

#: what people do, and who is the reason that the gateway is asked
PAUSES: dict[str, Act] = {
    "pause": lambda bench: bench.dispatcher.pause("soldes"),
    # the units of systemd run as this user: its name is that of what nobody does
    "pause as dispatcher": lambda bench: bench.dispatcher.pause("soldes", by="dispatcher"),
    "pause all": lambda bench: bench.dispatcher.pause_all(),
    "cancel": lambda bench: bench.dispatcher.cancel("soldes"),
}


def pause_by_itself(bench: Bench) -> None:
    with bench.dispatcher.database.write() as session:
        pause(session, bench.progress().id, "no credit", bench.clock())


def sleep(bench: Bench) -> None:
    """Let the worker sleep for longer than its lease: its batch is in doubt."""
    bench.clock.forward(seconds=bench.settings.lease + 1)
    bench.tick()
    assert bench.messages() == {"in_doubt": 3}


def hand_over(bench: Bench, *meanwhile: Act) -> int:
    """Hand a batch over; before its answer is recorded, do what is to be done meanwhile."""

    def slow(tag: str, phones: list[str]) -> SendReply:
        reply = bench.gateway.take(tag, phones)
        bench.gateway.hidden.add(tag)
        for act in meanwhile:
            act(bench)
        return reply

    bench.gateway.behave = slow
    batch = bench.submit(3, not_before=HOUR, hand_over=True)
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    return batch


def nobody_is_texted(bench: Bench) -> bool:
    """True if nobody has been by the hour, and some minutes after it."""
    bench.work()
    bench.clock.at = HOUR
    bench.work()
    bench.pass_by(minutes=10)
    bench.check()
    return not +bench.gateway.texted


# -- while the answer is waited for


@pytest.mark.parametrize("asleep", ["no", "before", "after"])
@pytest.mark.parametrize("act", PAUSES.values(), ids=PAUSES)
def test_wish_that_comes_before_the_answer_is_heard(bench: Bench, act: Act, asleep: str) -> None:
    orders = {"no": (act,), "before": (sleep, act), "after": (act, sleep)}
    hand_over(bench, *orders[asleep])
    assert nobody_is_texted(bench)
    assert bench.gateway.cancel_calls == ["1000"]


@pytest.mark.parametrize(
    "meanwhile", [(sleep,), (sleep, pause_by_itself), (pause_by_itself, sleep)]
)
def test_batch_that_nobody_wants_back_stays_there(bench: Bench, meanwhile: tuple[Act, ...]) -> None:
    batch = hand_over(bench, *meanwhile)
    bench.work()
    assert bench.batch(batch).state == "handed_over"
    assert not bench.gateway.cancel_calls


def test_person_who_pauses_what_the_dispatcher_has_paused_is_heard(bench: Bench) -> None:
    hand_over(bench, sleep, pause_by_itself, PAUSES["pause"], PAUSES["pause"])
    assert nobody_is_texted(bench)
    assert [action.reason for action in bench.actions("pause")] == ["no credit", "by hand"]


def test_pause_that_a_person_has_ended_before_the_answer_recalls_nothing(bench: Bench) -> None:
    batch = hand_over(
        bench, PAUSES["pause"], lambda bench: bench.dispatcher.resume("soldes"), pause_by_itself
    )
    bench.work()
    assert bench.batch(batch).state == "handed_over"
    assert not bench.gateway.cancel_calls


def test_person_who_is_called_as_the_dispatcher_is_marked_on_record(bench: Bench) -> None:
    bench.submit()
    PAUSES["pause as dispatcher"](bench)
    assert [action.actor for action in bench.actions("pause")] == ["dispatcher (by hand)"]


# -- a wish that the record of the answer has not seen


@pytest.mark.parametrize("act", PAUSES.values(), ids=PAUSES)
def test_wish_that_is_not_on_the_batch_is_found_by_the_tick(bench: Bench, act: Act) -> None:
    """It may be committed at the very moment at which the answer is."""
    submit_held(bench)
    act(bench)
    with bench.dispatcher.database.write() as session:
        session.execute(text("UPDATE dispatcher_batch SET check_at = NULL, why = ''"))
    bench.clock.at = HOUR - timedelta(minutes=5)
    assert nobody_is_texted(bench)
