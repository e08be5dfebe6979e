"""The same refusal of whole batches in a row pauses their campaign; on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from dispatcher.gateway import Declined, FieldError, SendReply
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened
from tests.integration.dispatch.test_sending import answers
from tests.waiting import PATIENCE

WHY = "batches in a row were refused: the request is malformed"


def send_all(bench: Bench) -> None:
    for batch in bench.batches():
        bench.send(batch.id)


def test_same_refusal_of_batches_in_a_row_pauses_the_campaign(bench: Bench) -> None:
    bench.submit(2500)
    bench.gateway.behave = answers(Declined(90))
    send_all(bench)
    progress = bench.progress()
    assert (progress.state, progress.why) == ("paused", f"paused: {WHY}")
    assert bench.messages() == {"pending": 1000, "rejected": 1500}
    assert [action.reason for action in bench.actions("pause")] == [WHY]


def test_refused_batches_are_sent_by_a_resume(bench: Bench) -> None:
    bench.submit(2500)
    bench.gateway.behave = answers(Declined(90))
    send_all(bench)
    bench.gateway.behave = bench.gateway.take
    bench.dispatcher.resume("soldes", reason="the gateway is well")
    bench.work()
    assert bench.messages() == {"sent": 2500}
    assert set(bench.gateway.texted.values()) == {1}
    assert {batch.codes for batch in bench.batches()} == {"{}"}
    (action,) = bench.actions("resume")
    assert action.reason == "the gateway is well; 3 refused batches are sent again"


def test_resume_into_the_same_refusal_pauses_at_once(bench: Bench) -> None:
    bench.submit(2500)
    bench.gateway.behave = answers(Declined(90))
    send_all(bench)
    bench.dispatcher.resume("soldes")
    send_all(bench)
    assert bench.progress().why == f"paused: {WHY}"
    assert len(bench.gateway.requests) == 4


def test_refusals_that_name_every_line_pause_and_are_taken_back(bench: Bench) -> None:
    bench.gateway.behave = lambda _, phones: Declined(
        9, [FieldError("phoneNumber", line) for line in range(len(phones))]
    )
    bench.submit(2500)
    send_all(bench)
    assert bench.progress().state == "paused"
    assert bench.messages() == {"pending": 1000, "rejected": 1500}
    bench.gateway.behave = bench.gateway.take
    bench.dispatcher.resume("soldes")
    bench.work()
    assert bench.messages() == {"sent": 2500}


def test_refusals_with_a_success_between_do_not_pause(bench: Bench) -> None:
    bench.submit(2500)
    taken = iter([False, False, True, False, False])

    def now_and_then(tag: str, phones: list[str]) -> SendReply:
        bench.clock.forward(seconds=1)
        return bench.gateway.take(tag, phones) if next(taken) else Declined(90)

    bench.gateway.behave = now_and_then
    send_all(bench)
    assert bench.progress().state == "running"
    assert bench.messages() == {"sent": 500, "rejected": 2000}


def test_refusals_for_different_reasons_do_not_pause(bench: Bench) -> None:
    bench.submit(1500)
    bench.gateway.behave = answers(Declined(90), Declined(2), Declined(90))
    send_all(bench)
    assert bench.progress().state == "running"


def test_refusal_limit_of_zero_never_pauses(tables: Database) -> None:
    with opened(tables, refusal_limit=0) as bench:
        bench.submit(2000)
        bench.gateway.behave = answers(Declined(90))
        send_all(bench)
        bench.tick()
        assert bench.progress().state == "finished"


def test_batches_refused_at_the_same_moment_pause_their_campaign(bench: Bench) -> None:
    bench.submit(1500)
    together = Barrier(3)

    def refuse(tag: str, phones: list[str]) -> SendReply:
        together.wait(PATIENCE)
        return Declined(90)

    bench.gateway.behave = refuse
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(bench.send, [batch.id for batch in bench.batches()]))
    assert bench.progress().why == f"paused: {WHY}"


def test_resume_leaves_who_was_refused_for_another_reason(bench: Bench) -> None:
    bench.submit(2000)
    bench.gateway.behave = answers(Declined(2), Declined(90))
    send_all(bench)
    bench.gateway.behave = bench.gateway.take
    bench.dispatcher.resume("soldes")
    bench.work()
    assert bench.messages() == {"sent": 1500, "rejected": 500}
