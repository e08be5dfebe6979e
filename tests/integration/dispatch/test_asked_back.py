"""What the gateway holds and nobody wants any more is asked back, whatever happened meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from dispatcher.gateway import BatchTaken, LineAnswer, SendReply
from dispatcher.storage.campaigns.moves import pause
from tests.integration.bench import Bench, people
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


STOPPED = people(1)[0]
#: who says STOP has the others handed over again
WISHES: dict[str, tuple[Act, int]] = {
    **{name: (act, 0) for name, act in PAUSES.items()},
    "stop": (lambda bench: bench.opt_out(STOPPED), 2),
    "erasure": (lambda bench: bench.dispatcher.opt_outs.erase(STOPPED), 2),
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


def leave_out_the_last(bench: Bench) -> None:
    """Let the next answer name everybody but the last; what comes after it is whole."""

    def answer(tag: str, phones: list[str]) -> SendReply:
        message_id = bench.gateway.accept(tag, phones)
        bench.gateway.hidden.add(tag)
        bench.gateway.behave = bench.gateway.take
        named = [LineAnswer(phone, True, 200, 1, Decimal("0.038")) for phone in phones[:-1]]
        return BatchTaken(message_id, named)

    bench.gateway.behave = answer


def give_up(bench: Bench) -> None:
    bench.dispatcher.give_up(bench.batches()[0].id, reason="nothing shows")


def finish(bench: Bench) -> None:
    bench.tick()
    assert bench.progress().state == "finished"


def let_it_show(bench: Bench) -> None:
    """Let the gateway show the batch under its tag before its hour: it counts as sent."""
    bench.gateway.hidden.clear()
    bench.clock.forward(minutes=10)
    bench.settle(bench.batches()[0].id)
    assert bench.messages() == {"sent": 3}


def texted(bench: Bench) -> dict[str, int]:
    """Who has been texted by the hour, and some minutes after it."""
    for _ in range(2):
        bench.work()
    bench.clock.at = HOUR
    bench.work()
    bench.pass_by(minutes=10)
    bench.check()
    return dict(+bench.gateway.texted)


def nobody_is_texted(bench: Bench) -> bool:
    return not texted(bench)


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


# -- an answer that leaves somebody out, or comes late


@pytest.mark.parametrize(("act", "others"), WISHES.values(), ids=WISHES)
def test_batch_whose_answer_leaves_somebody_out_is_asked_back(
    bench: Bench, act: Act, others: int
) -> None:
    leave_out_the_last(bench)
    batch = submit_held(bench)
    row = bench.batch(batch)
    assert (row.state, row.message_id) == ("handed_over", "1000")
    assert bench.messages() == {"pending": 3}
    bench.clock.at = HOUR - timedelta(hours=1)
    act(bench)
    assert texted(bench) == dict.fromkeys(people(3)[1:] if others else [], 1)
    assert bench.gateway.cancel_calls == ["1000"]


def test_whom_an_answer_leaves_out_is_in_doubt_after_the_hour(bench: Bench) -> None:
    leave_out_the_last(bench)
    batch = submit_held(bench)
    assert bench.progress().why == (
        "handed over to the gateway: the answer leaves out 1 of 3 numbers"
    )
    assert not bench.dispatcher.doubts()
    bench.clock.at = HOUR
    bench.work()
    assert bench.messages() == {"sent": 2, "in_doubt": 1}
    (doubt,) = bench.dispatcher.doubts()
    assert (doubt.messages, doubt.why) == (
        1,
        "the answer to its hand-over does not name everybody",
    )
    bench.gateway.hidden.clear()
    bench.pass_by(minutes=10)
    assert bench.messages() == {"sent": 3}
    assert bench.outcomes(batch) == ["sent"]


def test_whom_an_answer_leaves_out_is_in_doubt_after_a_recall_that_came_too_late(
    bench: Bench,
) -> None:
    leave_out_the_last(bench)
    submit_held(bench)
    bench.clock.at = HOUR - timedelta(minutes=4)
    bench.dispatcher.cancel("soldes")
    bench.work()
    assert bench.messages() == {"sent": 2, "in_doubt": 1}


def test_answer_that_leaves_somebody_out_and_names_another_hour_is_asked_back(
    bench: Bench,
) -> None:
    leave_out_the_last(bench)
    bench.gateway.says_hour = HOUR + timedelta(hours=1)
    submit_held(bench)
    bench.work()
    assert bench.progress().state == "paused"
    assert bench.gateway.cancel_calls == ["1000"]
    assert bench.messages() == {"pending": 3}


@pytest.mark.parametrize("end", [(give_up,), (give_up, finish), (let_it_show,)])
@pytest.mark.parametrize(("act", "others"), WISHES.values(), ids=WISHES)
def test_batch_whose_receipt_comes_after_the_end_of_its_doubt_can_be_asked_back(
    bench: Bench, act: Act, others: int, end: tuple[Act, ...]
) -> None:
    batch = hand_over(bench, sleep, *end)
    row = bench.batch(batch)
    assert (row.state, row.message_id) == ("handed_over", "1000")
    assert bench.messages() == {"pending": 3}
    assert len(bench.dispatcher.incidents()) == (1 if give_up in end else 0)
    bench.clock.forward(hours=1)
    act(bench)
    assert texted(bench) == dict.fromkeys(people(3)[1:] if others else [], 1)
    assert bench.gateway.cancel_calls == ["1000"]


@pytest.mark.parametrize("end", [give_up, let_it_show])
@pytest.mark.parametrize(("act", "others"), WISHES.values(), ids=WISHES)
def test_wish_that_comes_before_a_receipt_after_the_end_of_its_doubt_is_heard(
    bench: Bench, act: Act, others: int, end: Act
) -> None:
    hand_over(bench, sleep, end, act)
    assert texted(bench) == dict.fromkeys(people(3)[1:] if others else [], 1)
    assert bench.gateway.cancel_calls == ["1000"]


def test_receipt_after_a_person_gave_up_is_on_record_and_leaves_at_its_hour(bench: Bench) -> None:
    batch = hand_over(bench, sleep, give_up, finish)
    assert bench.progress().state == "running"
    assert bench.outcomes(batch) == ["sent"]
    (incident,) = bench.dispatcher.incidents()
    assert incident.what == (
        f"batch {batch} was handed over after all, and leaves at its hour: until now its messages"
        " counted as 3 unreported"
    )
    assert texted(bench) == dict.fromkeys(people(3), 1)
    assert bench.messages() == {"sent": 3}
    assert bench.batch(batch).sent_at == HOUR


def test_receipt_that_comes_after_the_hour_proves_that_it_left(bench: Bench) -> None:
    def until_after_the_hour(bench: Bench) -> None:
        bench.clock.at = HOUR + timedelta(minutes=10)
        bench.tick()
        give_up(bench)

    hand_over(bench, until_after_the_hour)
    assert bench.messages() == {"sent": 3}
    assert len(bench.dispatcher.incidents()) == 1
