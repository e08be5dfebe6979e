from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Self
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, Engine, event, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.turn import Arming, Turned
from dispatcher.dispatch.sending import attempt, send_loop
from dispatcher.dispatch.sending import results as records
from dispatcher.errors import InvalidCampaign
from dispatcher.gateway import BatchTaken, Declined, LineAnswer, Lost, SendReply, Throttled, Unsent
from dispatcher.storage.batches.turns import turn as turns
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Recipient
from tests.integration.bench import OPEN, TEXT, Bench, opened, people
from tests.integration.conftest import empty
from tests.waiting import PATIENCE, eventually

PARIS = ZoneInfo("Europe/Paris")
CLOSED = datetime(2026, 11, 24, 19, 30, tzinfo=UTC)  # 20:30 in Paris
NEXT_OPENING = datetime(2026, 11, 25, 7, tzinfo=UTC)
PRICE = Decimal("0.038")


def answers(*replies: SendReply) -> Callable[[str, list[str]], SendReply]:
    """One reply after another; the last one for ever."""
    left = list(replies)
    return lambda tag, phones: left.pop(0) if len(left) > 1 else left[0]


def unwanted(tag: str, phones: list[str]) -> SendReply:
    raise AssertionError("a request left that must not leave")


class Crash(BaseException):
    """The process dies here."""


# -- the usual way


def test_due_batch_is_sent_once_and_recorded(bench: Bench) -> None:
    batch = bench.submit(3)
    assert bench.send(batch) == 1
    row = bench.batch(batch)
    assert (row.state, row.attempt, row.message_id) == ("sent", 1, "1000")
    assert (row.lease_until, row.cost, row.segments) == (None, 3 * PRICE, 3)
    (attempt,) = bench.attempts(batch)
    assert (attempt.number, attempt.outcome, attempt.tag) == (1, "sent", row.tag)
    assert attempt.ended_at is not None
    assert bench.messages() == {"sent": 3}
    assert bench.progress().cost == 3 * PRICE
    assert bench.send(batch) == 0
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


def test_send_loop_continues_with_the_next_batches(bench: Bench) -> None:
    batch = bench.submit(1200)
    bench.submit(1, "autre", start=2000)
    assert bench.send(batch) == 4
    assert len(bench.gateway.requests) == 4
    assert set(bench.gateway.texted.values()) == {1}
    assert bench.gateway.texted.total() == 1201


def test_template_is_rendered_for_each_recipient(bench: Bench) -> None:
    values = [
        {"telephone": "06 39 98 00 01", "prénom": "Zoë", "ville": "Brest"},
        {"telephone": "06 39 98 00 02", "prénom": "Léo", "ville": ""},
    ]
    bench.dispatcher.submit(
        "soldes", 'Bonjour {{ prénom }} à {{ ville | default("Lyon") }}\n5€', values
    )
    bench.send(bench.batches()[0].id)
    (body,) = bench.gateway.bodies
    assert dict(body.texts) == {
        "+33639980001": "Bonjour Zoë à Brest:br:5:euro:",
        "+33639980002": "Bonjour Léo à Lyon:br:5:euro:",
    }
    assert (body.sender, body.stop, body.unicode) == ("MaBoutique", True, False)


def test_exotic_name_makes_the_request_unicode_and_an_alert_has_no_stop(bench: Bench) -> None:
    values = [{"telephone": "06 39 98 00 01", "nom": "Ада"}]
    bench.dispatcher.submit(
        "alerte", "Colis pour {{ nom }}", values, commercial=False, reason="notice"
    )
    bench.send(bench.batches()[0].id)
    (body,) = bench.gateway.bodies
    assert (body.stop, body.unicode) == (False, True)


def test_name_in_unicode_leaves_in_a_call_of_its_own(bench: Bench) -> None:
    names = ["Marie", "Zoé 🌸", "Noël", "Zoe\ufe0f"]
    values = [
        {"telephone": phone, "nom": name} for phone, name in zip(people(4), names, strict=True)
    ]
    bench.dispatcher.submit("soldes", "Bonjour {{ nom }}", values)
    for batch in bench.batches():
        bench.send(batch.id)
    assert [(body.unicode, list(dict(body.texts).values())) for body in bench.gateway.bodies] == [
        (False, ["Bonjour Marie", "Bonjour Noël", "Bonjour Zoe"]),
        (True, ["Bonjour Zoé 🌸"]),
    ]


def test_batch_of_both_encodings_from_before_is_still_sent(bench: Bench) -> None:
    values = [{"telephone": phone, "nom": "Marie"} for phone in people(2)]
    bench.dispatcher.submit("soldes", "Bonjour {{ nom }}", values)
    with bench.dispatcher.database.write() as session:
        session.execute(
            update(Recipient).where(Recipient.position == 1).values(fields='{"nom": "Zoé 🌸"}')
        )
    bench.send(bench.batches()[0].id)
    (body,) = bench.gateway.bodies
    assert (body.unicode, len(body.texts)) == (True, 2)


def test_mention_is_asked_for_whoever_has_none_in_the_text(bench: Bench) -> None:
    values = [
        {"telephone": phone, "nom": name}
        for phone, name in zip(people(2), ["Zoé", ""], strict=True)
    ]
    bench.dispatcher.submit("soldes", 'Bonjour {{ nom | default("STOP au 36180") }}', values)
    for batch in bench.batches():
        bench.send(batch.id)
    assert [(body.stop, list(dict(body.texts).values())) for body in bench.gateway.bodies] == [
        (True, ["Bonjour Zoé"]),
        (False, ["Bonjour STOP au 36180"]),
    ]


# -- the window


def test_closed_window_postpones_with_the_reason(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.clock.at = CLOSED
    assert bench.send(batch) == 0
    row = bench.batch(batch)
    assert (row.state, row.attempt) == ("pending", 0)
    assert (row.not_before, row.why) == (NEXT_OPENING, "after 20:00")
    assert bench.progress().waits_until == NEXT_OPENING
    bench.clock.at = NEXT_OPENING
    assert bench.send(batch) == 1


@pytest.mark.parametrize(
    ("second", "leaves"),
    [
        pytest.param(0, True, id="19:59:00, a whole guard is left"),
        pytest.param(1, False, id="19:59:01"),
        pytest.param(59, False, id="19:59:59"),
    ],
)
def test_window_about_to_close_postpones(bench: Bench, second: int, leaves: bool) -> None:
    batch = bench.submit(3)
    bench.clock.at = datetime(2026, 11, 24, 19, 59, second, tzinfo=PARIS).astimezone(UTC)
    assert bench.send(batch) == leaves
    if not leaves:
        assert bench.batch(batch).not_before == NEXT_OPENING


def test_window_that_closes_before_the_first_byte_sends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = bench.submit(3)
    bench.clock.at = datetime(2026, 11, 24, 19, 58, 59, tzinfo=PARIS).astimezone(UTC)
    armed = turns.turn

    def slow(*args: Any) -> Turned:
        done = armed(*args)
        bench.clock.forward(seconds=2)
        return done

    monkeypatch.setattr(turns, "turn", slow)
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0
    row = bench.batch(batch)
    assert (row.state, row.attempt, row.not_before) == ("pending", 1, NEXT_OPENING)
    assert bench.outcomes(batch) == ["not_sent"]


def test_window_that_closes_while_connecting_sends_nothing(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.clock.at = datetime(2026, 11, 24, 19, 58, tzinfo=PARIS).astimezone(UTC)
    bench.gateway.on_connect = lambda: bench.clock.forward(minutes=3)
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0
    assert bench.batch(batch).attempt == 0
    assert bench.batch(batch).not_before == NEXT_OPENING


def test_alert_at_night_is_sent(bench: Bench) -> None:
    bench.clock.at = CLOSED
    assert bench.send(bench.submit(3, commercial=False, reason="notice")) == 1


# -- the claim


def test_one_hint_in_sixteen_threads_makes_one_request(tables: Database) -> None:
    with opened(tables, connections=16) as bench:
        batch = bench.submit(3)
        start = threading.Barrier(16, timeout=PATIENCE)
        sent: list[int] = []

        def claim() -> None:
            start.wait()
            sent.append(bench.send(batch))

        threads = [threading.Thread(target=claim) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert sorted(sent) == [0] * 15 + [1]
        assert len(bench.gateway.requests) == 1
        assert bench.outcomes(batch) == ["sent"]
        bench.check()


def test_many_batches_in_two_processes_text_nobody_twice(tables: Database) -> None:
    """Two dispatchers, each with its send loops, share nothing but the database."""
    with (
        opened(tables, connections=2) as bench,
        opened(tables, connections=2, gateway=bench.gateway) as other,
    ):
        bench.dispatcher.submit("soldes", TEXT, people(2500))
        first = bench.batches()[0].id
        threads = [
            threading.Thread(target=process.send, args=(first,))
            for process in (bench, other, bench, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert bench.gateway.texted == dict.fromkeys(people(2500), 1)
        assert bench.messages() == {"sent": 2500}


def test_requests_at_once_never_exceed_the_connections(tables: Database) -> None:
    with opened(tables, connections=2) as bench:
        bench.dispatcher.submit("soldes", TEXT, people(2500))
        ids = [batch.id for batch in bench.batches()]
        inside, most, both = [0], [0], threading.Barrier(2)
        changing = threading.Lock()

        def hold(tag: str, phones: list[str]) -> SendReply:
            with changing:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            if len(bench.gateway.requests) <= 4:  # two pairs, each of which is there at once
                both.wait(PATIENCE)
            with changing:
                inside[0] -= 1
            return bench.gateway.take(tag, phones)

        bench.gateway.behave = hold
        threads = [threading.Thread(target=bench.send, args=(batch_id,)) for batch_id in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert most == [2]  # however many send loops prepare the next ones
        assert bench.messages() == {"sent": 2500}  # the send loops found them themselves


def test_hint_while_every_loop_runs_ends_before_the_database_is_asked(tables: Database) -> None:
    """A tick publishes many hints while a large campaign is sent, and nearly all end like this."""
    with opened(tables, connections=1) as bench:
        bench.dispatcher.submit("soldes", TEXT, people(2000))
        ids = [batch.id for batch in bench.batches()]
        go_on = threading.Event()

        def hold(tag: str, phones: list[str]) -> SendReply:
            assert go_on.wait(PATIENCE)
            return bench.gateway.take(tag, phones)

        bench.gateway.behave = hold
        sending = bench.dispatcher.steps._steps[""].sending
        threads = [
            threading.Thread(target=bench.send, args=(batch_id,))
            for batch_id in ids[: send_loop.loops(1)]
        ]
        for thread in threads:
            thread.start()
        try:
            eventually(sending.is_full, "every loop to run")
            with mock.patch.object(bench.dispatcher.steps, "refuses") as looks:
                assert bench.send(ids[-1]) == 0
            looks.assert_not_called()
        finally:
            go_on.set()
            for thread in threads:
                thread.join(PATIENCE)
        assert not sending.is_full()
        assert bench.messages() == {"sent": 2000}


def test_campaigns_take_turns_and_a_higher_priority_goes_first(tables: Database) -> None:
    with opened(tables, connections=1) as bench:
        for n, priority in enumerate(["low", "normal", "normal", "high"]):
            bench.dispatcher.submit(
                f"{priority} {n}", TEXT, people(1500, 1500 * n), priority=priority
            )
        owner = {batch.id: batch.campaign_id for batch in bench.batches()}
        while due := bench.tick().send:
            bench.send(due[0])
        tags = {attempt.tag: owner[attempt.batch_id] for attempt in bench.attempts()}
        sent = [tags[tag] for tag in dict.fromkeys(tag for tag, _, _ in bench.gateway.ledger)]
        high, low = sent[:3], sent[-3:]
        assert (set(high), set(low)) == ({4}, {1})
        assert set(sent[3:9]) == {2, 3}


def test_equal_campaigns_take_turns(bench: Bench) -> None:
    for n in range(2):
        bench.dispatcher.submit(f"campaign {n}", TEXT, people(1000, 1000 * n))
    owner = {batch.id: batch.campaign_id for batch in bench.batches()}
    assert [owner[batch_id] for batch_id in bench.tick().send] == [1, 2, 1, 2]


def test_unknown_priority_is_rejected(bench: Bench) -> None:
    with pytest.raises(InvalidCampaign, match="one of low, normal, high"):
        bench.submit(priority="urgent")
    assert bench.campaigns() == []


# -- hints


def test_forged_hint_sends_nothing(bench: Bench) -> None:
    bench.submit(3)
    bench.gateway.behave = unwanted
    forged_ids: list[object] = ["1", "1; DROP TABLE", None, -1, 0, 2**63, 10**30, 1.0, [1], b"1"]
    for forged in forged_ids:
        assert bench.send(forged) == 0


def test_hint_for_a_missing_batch_may_start_a_send_loop(bench: Bench) -> None:
    batch = bench.submit(3)
    assert bench.send(batch + 1000) == 1  # it found what was due, by itself
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


def test_late_or_repeated_hint_sends_nothing(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.send(batch)
    bench.gateway.behave = unwanted
    bench.clock.forward(hours=1)
    assert [bench.send(batch) for _ in range(5)] == [0] * 5
    bench.gateway.deliver()
    bench.work()
    assert bench.batch(batch).state == "done"
    assert bench.send(batch) == 0


def test_early_hint_sends_nothing(bench: Bench) -> None:
    batch = bench.submit(3, not_before=OPEN + timedelta(hours=1))
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0


# -- what happens between planning and arming


def test_opt_out_after_planning_is_respected(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.opt_out(people(3)[0])
    bench.send(batch)
    assert bench.messages() == {"sent": 2, "opted_out": 1}
    assert people(3)[0] not in bench.gateway.texted


def test_opt_out_while_connecting_is_respected(bench: Bench) -> None:
    batch = bench.submit(3)
    connects = iter([lambda: bench.opt_out(people(3)[0])])
    bench.gateway.on_connect = lambda: next(connects, lambda: None)()
    bench.send(batch)
    assert bench.messages() == {"sent": 2, "opted_out": 1}
    assert people(3)[0] not in bench.gateway.texted
    assert bench.outcomes(batch) == ["sent"]


def test_opt_out_that_shortens_the_request_leaves_the_positions_right(bench: Bench) -> None:
    batch = bench.submit(4)
    bench.opt_out(people(4)[1])
    third = people(4)[2]

    def one_rejected(tag: str, phones: list[str]) -> SendReply:
        assert len(phones) == 3
        bench.gateway.accept(tag, [phone for phone in phones if phone != third])
        lines = [LineAnswer(phone, phone != third, 200, 1, PRICE) for phone in reversed(phones)]
        return BatchTaken("77", lines)

    bench.gateway.behave = one_rejected
    bench.send(batch)
    states = [state for _, _, _, state in bench.view()]
    assert states == ["sent", "opted_out", "rejected", "sent"]
    assert bench.batch(batch).codes == '{"2": 200}'


def test_pause_that_has_returned_allows_no_claim(bench: Bench) -> None:
    batch = bench.submit(3)
    assert bench.dispatcher.pause("soldes", reason="wrong price").batches["sending"] == 0
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0
    assert not bench.tick().send
    assert bench.progress().why == "paused: wrong price"
    bench.dispatcher.resume("soldes")
    bench.gateway.behave = bench.gateway.take
    assert bench.send(batch) == 1


def test_pause_while_connecting_sends_nothing(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.gateway.on_connect = lambda: bench.dispatcher.pause("soldes")
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0
    assert bench.attempts(batch) == []


def test_pause_while_send_loops_run_is_exact(bench: Bench) -> None:
    """Not one request starts after the call has returned."""
    bench.dispatcher.submit("soldes", TEXT, people(4000))
    ids = [batch.id for batch in bench.batches()]
    some = threading.Semaphore(0)

    def count(tag: str, phones: list[str]) -> SendReply:
        some.release()
        return bench.gateway.take(tag, phones)

    bench.gateway.behave = count
    threads = [threading.Thread(target=bench.send, args=(ids[n],)) for n in range(4)]
    for thread in threads:
        thread.start()
    assert some.acquire(timeout=PATIENCE)
    progress = bench.dispatcher.pause("soldes")
    armed = {attempt.tag for attempt in bench.attempts()}
    for thread in threads:
        thread.join(PATIENCE)
    assert {attempt.tag for attempt in bench.attempts()} == armed
    assert set(bench.gateway.requests) <= armed
    assert progress.state == "paused"
    assert progress.batches["pending"] == bench.progress().batches["pending"]


def test_pause_during_a_call_reports_the_batch_in_flight(bench: Bench) -> None:
    batch = bench.submit(600)
    seen: list[int] = []

    def pause(tag: str, phones: list[str]) -> SendReply:
        seen.append(bench.dispatcher.pause("soldes").batches["sending"])
        return bench.gateway.take(tag, phones)

    bench.gateway.behave = pause
    assert bench.send(batch) == 1
    assert seen == [1]
    assert bench.messages() == {"sent": 500, "pending": 100}


def test_cancelled_batch_is_never_sent(bench: Bench) -> None:
    batch = bench.submit(3)
    assert bench.dispatcher.cancel("soldes").state == "cancelled"
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0
    assert bench.messages() == {"cancelled": 3}
    assert bench.progress().ended


def test_unsent_batch_of_a_cancelled_campaign_is_cancelled(bench: Bench) -> None:
    batch = bench.submit(3)

    def cancel(tag: str, phones: list[str]) -> SendReply:
        bench.dispatcher.cancel("soldes")
        return Unsent("connection refused")

    bench.gateway.behave = cancel
    assert bench.send(batch) == 0
    bench.tick()
    assert bench.messages() == {"cancelled": 3}
    assert bench.batch(batch).state == "cancelled"


def test_taken_batch_of_a_cancelled_campaign_is_polled(bench: Bench) -> None:
    batch = bench.submit(600)

    def cancel(tag: str, phones: list[str]) -> SendReply:
        bench.dispatcher.cancel("soldes")
        return bench.gateway.take(tag, phones)

    bench.gateway.behave = cancel
    bench.send(batch)
    bench.gateway.deliver()
    bench.pass_by(minutes=1)
    assert bench.messages() == {"delivered": 500, "cancelled": 100}
    assert bench.progress().ended


def test_batch_past_not_after_expires_and_is_never_sent(bench: Bench) -> None:
    batch = bench.submit(3, not_after=OPEN + timedelta(hours=1))
    bench.clock.forward(hours=1)
    bench.gateway.behave = unwanted
    assert not bench.tick().send
    assert bench.send(batch) == 0
    assert bench.messages() == {"expired": 3}
    bench.tick()
    assert bench.progress().state == "finished"


def test_late_hint_past_not_after_sends_nothing(bench: Bench) -> None:
    """No tick has run since: the row alone must say no."""
    batch = bench.submit(3, not_after=OPEN + timedelta(hours=1))
    bench.clock.forward(hours=1)
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0
    assert bench.attempts(batch) == []


def test_not_after_that_passes_while_connecting_sends_nothing(bench: Bench) -> None:
    batch = bench.submit(3, not_after=OPEN + timedelta(seconds=3))
    bench.gateway.on_connect = lambda: bench.clock.forward(seconds=3)
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0
    assert bench.attempts(batch) == []


def test_paused_campaign_past_not_after_expires(bench: Bench) -> None:
    bench.submit(3, not_after=OPEN + timedelta(hours=1))
    bench.dispatcher.pause("soldes")
    bench.clock.forward(hours=1)
    bench.tick()
    assert bench.messages() == {"expired": 3}


# -- what an attempt can come to


def test_partial_answer_leaves_the_rest_in_doubt(bench: Bench) -> None:
    batch = bench.submit(3)
    known = people(2)

    def partial(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        return BatchTaken("77", [LineAnswer(phone, True, 200, 1, PRICE) for phone in known])

    bench.gateway.behave = partial
    assert bench.send(batch) == 0
    row = bench.batch(batch)
    assert (row.state, row.message_id, row.cost) == ("in_doubt", "77", 2 * PRICE)
    assert row.why == "the answer leaves out 1 of 3 numbers"
    assert bench.messages() == {"sent": 2, "in_doubt": 1}
    assert bench.outcomes(batch) == ["in_doubt"]
    assert bench.progress().in_doubt == 1


def test_lost_answer_puts_the_batch_in_doubt(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = bench.gateway.lose
    assert bench.send(batch) == 0
    row = bench.batch(batch)
    assert (row.state, row.why, row.lease_until) == ("in_doubt", "the connection was cut", None)
    assert row.check_at == OPEN + timedelta(seconds=bench.settings.settle_intervals[0])
    assert bench.messages() == {"in_doubt": 3}
    (doubt,) = bench.dispatcher.doubts()
    assert (doubt.batch_id, doubt.messages, doubt.since) == (batch, 3, OPEN)
    assert bench.send(batch) == 0
    assert len(bench.gateway.requests) == 1


def test_final_refusal_rejects_every_message_with_the_code(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = answers(Declined(90))
    assert bench.send(batch) == 0
    row = bench.batch(batch)
    assert (row.state, row.why) == ("failed", "the request is malformed")
    assert row.codes == '{"0": 90, "1": 90, "2": 90}'
    assert bench.messages() == {"rejected": 3}
    assert bench.outcomes(batch) == ["refused"]
    bench.tick()
    assert bench.progress().state == "finished"


def test_batch_with_every_message_rejected_is_done(bench: Bench) -> None:
    batch = bench.submit(2)
    bench.gateway.behave = lambda tag, phones: BatchTaken(
        "77", [LineAnswer(phone, False, 14) for phone in phones]
    )
    bench.send(batch)
    assert bench.batch(batch).state == "done"
    assert bench.messages() == {"rejected": 2}


@pytest.mark.parametrize("code", [10, 11])
def test_code_of_the_account_pauses_the_campaign_with_the_reason(bench: Bench, code: int) -> None:
    batch = bench.submit(600)
    bench.gateway.behave = answers(Declined(code))
    assert bench.send(batch) == 0
    assert len(bench.gateway.requests) == 1  # the second batch is not even tried
    progress = bench.progress()
    assert progress.state == "paused"
    assert progress.why.startswith("paused: ")
    assert progress.why != "paused: "
    assert bench.outcomes(batch) == ["blocked"]
    assert bench.messages() == {"pending": 600}
    (action,) = bench.actions("pause")
    assert (action.actor, f"paused: {action.reason}") == ("dispatcher", progress.why)
    bench.gateway.behave = bench.gateway.take
    bench.dispatcher.resume("soldes")
    assert bench.send(batch) == 2  # at once, and with the other batch
    assert bench.gateway.texted == dict.fromkeys(people(600), 1)


def test_same_refusal_in_many_send_loops_pauses_once(bench: Bench) -> None:
    first = bench.submit(600)
    second = bench.batches()[1].id

    def both(tag: str, phones: list[str]) -> SendReply:
        if len(bench.gateway.requests) == 1:
            bench.send(second)  # as another send loop would, meanwhile
        return Declined(11)

    bench.gateway.behave = both
    bench.send(first)
    assert [action.reason for action in bench.actions("pause")] == ["no credit"]
    assert bench.messages() == {"pending": 600}


def test_no_credit_in_a_cancelled_campaign_does_not_pause_it(bench: Bench) -> None:
    batch = bench.submit(3)

    def cancel(tag: str, phones: list[str]) -> SendReply:
        bench.dispatcher.cancel("soldes")
        return Declined(11)

    bench.gateway.behave = cancel
    bench.send(batch)
    bench.tick()
    assert bench.progress().state == "cancelled"
    assert bench.messages() == {"cancelled": 3}


@pytest.mark.parametrize("code", [22, 23])
def test_gateway_that_says_closed_postpones_to_the_next_opening(bench: Bench, code: int) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = answers(Declined(code))
    assert bench.send(batch) == 0
    row = bench.batch(batch)
    assert (row.state, row.not_before) == ("pending", NEXT_OPENING)
    assert row.why.startswith("the gateway refuses this ")
    assert bench.outcomes(batch) == ["closed"]
    bench.clock.at = OPEN + timedelta(hours=5)  # still open by our own calendar
    assert bench.send(batch) == 0
    assert len(bench.gateway.requests) == 1
    bench.gateway.behave = bench.gateway.take
    bench.clock.at = NEXT_OPENING
    assert bench.send(batch) == 1


def test_alert_that_the_gateway_calls_closed_waits_even_without_a_window(
    bench: Bench,
) -> None:
    """Polynesia in summer shares no opening with Paris; the refusal proves that nothing left."""
    bench.clock.at = datetime(2026, 6, 2, 8, tzinfo=UTC)
    bench.dispatcher.submit("alerte", TEXT, ["+68987980001"], commercial=False, reason="notice")
    (batch,) = bench.batches()
    bench.gateway.behave = answers(Declined(22))
    assert bench.send(batch.id) == 0
    row = bench.batch(batch.id)
    assert row.state == "pending"
    assert row.not_before > bench.clock()


def test_unsent_batch_is_tried_again_with_growing_waits(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = answers(Unsent("connection refused"))
    waits = []
    for _ in range(8):
        assert bench.send(batch) == 0
        row = bench.batch(batch)
        assert (row.state, row.why) == ("pending", "connection refused")
        waits.append((row.not_before - bench.clock()).total_seconds())
        bench.clock.at = row.not_before
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]
    bench.gateway.behave = bench.gateway.take
    assert bench.send(batch) == 1
    assert bench.outcomes(batch) == ["not_sent"] * 8 + ["sent"]
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)
    assert bench.gateway.lookups == []  # what never left needs no lookup


def test_unreachable_gateway_claims_nothing(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.gateway.unreachable = "the name cannot be resolved"
    waits = []
    for _ in range(3):
        bench.send(batch)
        row = bench.batch(batch)
        assert (row.state, row.attempt) == ("pending", 0)
        waits.append((row.not_before - bench.clock()).total_seconds())
        bench.clock.at = row.not_before
    assert waits == [5, 10, 20]
    assert bench.progress().why == "the name cannot be resolved"
    assert bench.attempts() == []
    bench.gateway.unreachable = ""
    assert bench.send(batch) == 1


# -- the gateway asks to wait


def test_retry_after_is_waited_for_and_fails_no_message(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = answers(Throttled(42.0))
    assert bench.send(batch) == 0
    row = bench.batch(batch)
    assert (row.state, row.not_before) == ("pending", OPEN + timedelta(seconds=42))
    assert row.why == "the gateway asks to wait"
    assert bench.messages() == {"pending": 3}
    assert bench.outcomes(batch) == ["throttled"]
    bench.gateway.behave = bench.gateway.take
    bench.clock.forward(seconds=42)
    assert bench.send(batch) == 1
    first, second = bench.attempts(batch)
    assert bench.gateway.lookups == [first.tag]  # asked before the second request
    assert (first.outcome, second.outcome) == ("throttled", "sent")
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


@pytest.mark.parametrize("retry_after", [0.0, -10.0, None], ids=["0 s", "in the past", "unsaid"])
def test_retry_after_of_nothing_waits_all_the_same(bench: Bench, retry_after: float | None) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = answers(Throttled(retry_after))
    waits = []
    for _ in range(3):
        bench.send(batch)
        row = bench.batch(batch)
        waits.append((row.not_before - bench.clock()).total_seconds())
        bench.clock.at = row.not_before
    assert waits == [15, 15, 20]  # its tag is given time to show
    assert len(bench.gateway.requests) == 3


def test_429_that_took_the_batch_texts_nobody_twice(bench: Bench) -> None:
    batch = bench.submit(3)

    def taken_all_the_same(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        return Throttled(10.0)

    bench.gateway.behave = taken_all_the_same
    bench.send(batch)
    bench.clock.forward(seconds=15)
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0
    assert bench.messages() == {"in_doubt": 3}
    bench.work()
    assert bench.batch(batch).state == "sent"
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)
    assert bench.outcomes(batch) == ["sent"]
    assert bench.dispatcher.incidents() == []
    bench.gateway.deliver()
    bench.pass_by(minutes=1)
    assert bench.messages() == {"delivered": 3}


def test_429_that_took_a_part_texts_nobody_twice(bench: Bench) -> None:
    batch = bench.submit(3)

    def partly(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones[:1])
        return Throttled(10.0)

    bench.gateway.behave = partly
    bench.send(batch)
    bench.gateway.behave = unwanted
    bench.clock.forward(seconds=15)
    bench.send(batch)
    bench.work()
    assert bench.messages() == {"sent": 1, "in_doubt": 2}
    for _ in range(3):
        bench.pass_by(minutes=5)
    assert bench.dispatcher.incidents() == []  # one person was texted, once
    assert bench.gateway.texted == {people(1)[0]: 1}


def test_failed_lookup_after_a_429_sends_nothing(
    bench: Bench,
) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = answers(Throttled(10.0))
    bench.send(batch)
    bench.gateway.behave = unwanted
    bench.gateway.blind = True
    bench.clock.forward(seconds=15)
    assert bench.send(batch) == 0
    row = bench.batch(batch)
    assert (row.state, row.attempt) == ("pending", 1)
    assert row.not_before > bench.clock()
    assert "503" in row.why
    bench.gateway.blind = False
    bench.gateway.cut = True  # it answers, but not all of it can be read
    bench.clock.at = row.not_before
    assert bench.send(batch) == 0
    assert bench.batch(batch).attempt == 1
    bench.gateway.cut = False
    bench.gateway.behave = bench.gateway.take
    bench.clock.forward(hours=1)
    assert bench.send(batch) == 1


# -- lost workers


def lost_at(bench: Bench, batch: int) -> None:
    """Its lease ends; a tick takes it away."""
    bench.clock.forward(seconds=bench.settings.lease + 1)
    bench.tick()
    assert bench.batch(batch).state == "in_doubt"


def test_worker_that_dies_before_the_commit_leaves_the_batch_unchanged(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = bench.submit(3)
    with (
        monkeypatch.context() as patched,
        Failing(arming(patched), error=Crash) as dying,
        pytest.raises(Crash),
    ):
        bench.send(batch)
    assert dying.count == 1
    row = bench.batch(batch)
    assert (row.state, row.attempt) == ("pending", 0)
    assert bench.attempts(batch) == []
    assert bench.gateway.requests == []
    assert bench.send(batch) == 1


@pytest.mark.parametrize("taken", [False, True], ids=["before the bytes", "after the bytes"])
def test_worker_that_dies_after_the_claim_leaves_a_doubt(bench: Bench, taken: bool) -> None:
    batch = bench.submit(3)

    def die(tag: str, phones: list[str]) -> SendReply:
        if taken:
            bench.gateway.accept(tag, phones)
        raise Crash

    bench.gateway.behave = die
    with pytest.raises(Crash):
        bench.send(batch)
    assert bench.batch(batch).state == "sending"
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0  # nobody else may have it meanwhile
    bench.clock.forward(seconds=bench.settings.lease - 1)
    bench.tick()
    assert bench.batch(batch).state == "sending"
    lost_at(bench, batch)
    assert bench.batch(batch).why == "its worker was lost"
    assert bench.send(batch) == 0
    bench.pass_by(seconds=20)
    assert bench.batch(batch).state == ("sent" if taken else "in_doubt")
    bench.send(batch)  # a send loop that died has released its place
    assert bench.gateway.texted == (dict.fromkeys(people(3), 1) if taken else {})


def test_late_receipt_ends_the_doubt(bench: Bench) -> None:
    batch = bench.submit(3)

    def sleep(tag: str, phones: list[str]) -> SendReply:
        reply = bench.gateway.take(tag, phones)
        lost_at(bench, batch)
        return reply

    bench.gateway.behave = sleep
    assert bench.send(batch) == 1
    row = bench.batch(batch)
    assert (row.state, row.message_id, row.cost) == ("sent", "1000", 3 * PRICE)
    assert bench.outcomes(batch) == ["sent"]
    assert bench.dispatcher.doubts() == []


def test_late_outcome_not_sent_ends_the_doubt(bench: Bench) -> None:
    batch = bench.submit(3)

    def sleep(tag: str, phones: list[str]) -> SendReply:
        lost_at(bench, batch)
        return Unsent("connection refused")

    bench.gateway.behave = sleep
    assert bench.send(batch) == 0
    assert bench.batch(batch).state == "pending"
    assert bench.outcomes(batch) == ["not_sent"]


def test_late_receipt_includes_what_lookups_have_shown(bench: Bench) -> None:
    batch = bench.submit(3)

    def sleep(tag: str, phones: list[str]) -> SendReply:
        reply = bench.gateway.take(tag, phones)
        bench.gateway.tags[tag] = {phones[0]: MessageState.DELIVERED}  # the lag of the tag query
        lost_at(bench, batch)
        bench.clock.forward(minutes=1)
        bench.settle(batch)
        assert bench.messages() == {"delivered": 1, "in_doubt": 2}
        return reply

    bench.gateway.behave = sleep
    assert bench.send(batch) == 1
    assert bench.messages() == {"delivered": 1, "sent": 2}


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(Lost("reset"), id="a lost answer"),
        pytest.param(Unsent("refused"), id="nothing left"),
        pytest.param(Declined(90), id="a refusal"),
        pytest.param(Throttled(5.0), id="a rate limit"),
    ],
)
def test_late_outcome_of_attempt_1_does_not_change_attempt_2(bench: Bench, late: SendReply) -> None:
    """Its worker sleeps, a person has it sent again, attempt 2 is sent, the ghost awakes."""
    batch = bench.submit(3)

    def sleep(tag: str, phones: list[str]) -> SendReply:
        lost_at(bench, batch)
        bench.dispatcher.resend(batch, reason="not in their dashboard")
        bench.gateway.behave = bench.gateway.take
        assert bench.send(batch) == 1
        return late

    bench.gateway.behave = sleep
    bench.send(batch)
    row = bench.batch(batch)
    assert (row.state, row.attempt) == ("sent", 2)
    first, second = bench.attempts(batch)
    assert second.outcome == "sent"
    assert row.tag == second.tag
    assert first.check_at is not None  # a late proof of the first would still be noticed
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


def test_lost_answer_after_a_resend_does_not_undo_it(bench: Bench) -> None:
    batch = bench.submit(3)

    def sleep(tag: str, phones: list[str]) -> SendReply:
        lost_at(bench, batch)
        bench.dispatcher.resend(batch, reason="not in their dashboard")
        bench.gateway.behave = bench.gateway.take
        bench.dispatcher.pause("soldes")
        return Lost("reset")

    bench.gateway.behave = sleep
    bench.send(batch)
    assert bench.batch(batch).state == "pending"
    assert bench.outcomes(batch) == ["resent"]


def test_receipt_after_a_resend_stops_the_second_request(bench: Bench) -> None:
    """The tag query lags, a person has it sent again, then the first worker's receipt comes."""
    batch = bench.submit(3)

    def sleep(tag: str, phones: list[str]) -> SendReply:
        reply = bench.gateway.take(tag, phones)
        bench.gateway.hidden.add(tag)
        lost_at(bench, batch)
        bench.dispatcher.resend(batch, reason="not in their dashboard")
        return reply

    bench.gateway.behave = sleep
    bench.send(batch)
    bench.gateway.behave = unwanted
    for _ in range(3):
        bench.pass_by(minutes=5)
    assert bench.messages() == {"sent": 3}
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)
    assert bench.dispatcher.incidents() == []


# -- the database


class AtCommits:
    """Calls ``then`` before, or after, each commit of ours.

    PostgreSQL commits a statement that is a transaction of its own with the statement.
    """

    def __init__(self, then: Callable[[], None], *, after: bool) -> None:
        self._then = then
        self._listeners: list[tuple[type, str, Callable[..., None]]] = [
            (Session, "after_commit" if after else "before_commit", self._commits),
            (Engine, f"{'after' if after else 'before'}_cursor_execute", self._executes),
        ]

    def __enter__(self) -> Self:
        for listener in self._listeners:
            event.listen(*listener)
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self._listeners:
            event.remove(*listener)

    def _commits(self, session: Session) -> None:
        self._then()

    def _executes(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        alone = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        if statement == "COMMIT" or (alone and re.search(r"\b(INSERT|UPDATE)\b", statement)):
            self._then()


class Failing(AtCommits):
    """Makes commits fail, before or after they are done."""

    def __init__(
        self,
        when: Callable[[], bool],
        *,
        after: bool = False,
        error: Callable[[], BaseException] = lambda: OperationalError(
            "COMMIT", {}, Exception("server closed the connection")
        ),
    ) -> None:
        super().__init__(self._fail, after=after)
        self.count = 0
        self._when = when
        self._error = error

    def _fail(self) -> None:
        if self._when():
            self.count += 1
            raise self._error()


def arming(monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Tells, once, whether what is being committed arms a batch."""
    armed = turns.turn
    now: list[bool] = []

    def note(session: Session, arms: Sequence[Arming], *rest: Any) -> Turned:
        if arms:
            now.append(True)
        return armed(session, arms, *rest)

    monkeypatch.setattr(turns, "turn", note)
    return lambda: bool(now) and now.pop()


@pytest.mark.parametrize("after", [False, True], ids=["not committed", "committed after all"])
def test_claim_whose_commit_raises_sends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    batch = bench.submit(3)
    bench.gateway.behave = unwanted
    with Failing(arming(monkeypatch), after=after) as failing:
        assert bench.send(batch) == 0
    assert failing.count == 1
    assert bench.gateway.requests == []
    assert bench.batch(batch).state == ("sending" if after else "pending")
    bench.gateway.behave = bench.gateway.take
    if after:  # nobody knows: a doubt, not a guess
        bench.clock.forward(seconds=bench.settings.lease + 1)
        bench.tick()
        assert bench.batch(batch).state == "in_doubt"
    else:
        assert bench.send(batch) == 1


def test_database_away_while_recording_is_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_PATIENCE", (0.0, 0.0, 0.0))
    batch = bench.submit(3)
    with Failing(lambda: bool(bench.gateway.requests) and failing.count < 3) as failing:
        assert bench.send(batch) == 1
    assert failing.count == 3
    assert bench.messages() == {"sent": 3}
    assert bench.outcomes(batch) == ["sent"]


def test_record_written_although_its_commit_raised_is_right(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_PATIENCE", (0.0,))
    batch = bench.submit(3)
    once = Failing(lambda: bool(bench.gateway.requests) and not once.count, after=True)
    with once:
        assert bench.send(batch) == 1
    assert once.count == 1
    assert bench.messages() == {"sent": 3}
    assert bench.outcomes(batch) == ["sent"]


def test_database_that_stays_away_leaves_a_doubt_that_is_settled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_PATIENCE", (0.0, 0.0))
    batch = bench.submit(3)
    with Failing(lambda: bool(bench.gateway.requests)) as failing:
        assert bench.send(batch) == 0
    assert failing.count == 4  # with the turn of the ledger
    assert bench.batch(batch).state == "sending"
    lost_at(bench, batch)
    bench.pass_by(seconds=20)
    assert bench.messages() == {"sent": 3}
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


# -- clocks


def test_worker_asleep_between_claim_and_send_sends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped while it commits, and longer than its guard allows."""
    batch = bench.submit(3)
    slept = [0.0]
    steady = time.monotonic
    with monkeypatch.context() as patched:
        armed = arming(patched)

        def sleep() -> None:
            if armed():
                slept[0] = attempt.STALE + 1

        context = vars(bench.dispatcher.steps._context)
        patched.setitem(context, "steady", lambda: steady() + slept[0])
        bench.gateway.behave = unwanted
        patched.setattr(send_loop, "TIME_SLICE", 0.0)
        with AtCommits(sleep, after=True):
            assert bench.send(batch) == 0
    assert bench.outcomes(batch) == ["not_sent"]
    row = bench.batch(batch)
    assert (row.state, row.attempt) == ("pending", 1)
    bench.gateway.behave = bench.gateway.take
    assert bench.send(batch) == 1


def test_machine_suspended_after_the_claim_sends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steady clock stands still in a suspended machine; the wall's does not."""
    batch = bench.submit(3)
    armed = turns.turn

    def suspend(*args: Any) -> Turned:
        done = armed(*args)
        bench.clock.forward(seconds=attempt.STALE + 1)
        return done

    bench.gateway.behave = unwanted
    with monkeypatch.context() as patched:
        patched.setattr(turns, "turn", suspend)
        patched.setattr(send_loop, "TIME_SLICE", 0.0)
        assert bench.send(batch) == 0
    assert bench.outcomes(batch) == ["not_sent"]


@pytest.mark.parametrize(
    ("offset", "leaves"), [(0, True), (10, True), (-10, True), (90, False), (-90, False)]
)
def test_clock_that_differs_from_the_database_sends_nothing(
    postgres_tables: Database, monkeypatch: pytest.MonkeyPatch, offset: float, leaves: bool
) -> None:
    """On PostgreSQL, which has a clock of its own."""
    empty(postgres_tables)
    bench = Bench(postgres_tables, at=datetime.now(UTC) + timedelta(seconds=offset))
    batch = bench.submit(3, commercial=False, reason="notice")
    # it does not try again and again until its turn is over: that would not end
    monkeypatch.setattr(send_loop, "TIME_SLICE", 10_000.0)
    assert bench.send(batch) == leaves
    assert len(bench.gateway.requests) == leaves
    assert len(bench.attempts()) == leaves


# -- containment


def test_too_many_doubts_stop_all_sends_and_every_campaign_says_why(tables: Database) -> None:
    with opened(tables, doubt_limit=2) as bench:
        bench.submit(1500)
        bench.gateway.behave = bench.gateway.swallow
        bench.send(bench.batches()[0].id)
        assert len(bench.gateway.requests) == 2
        bench.submit(1, "autre", start=5000)
        assert not bench.tick().send
        for batch in bench.batches():
            assert bench.send(batch.id) == 0
        assert len(bench.gateway.requests) == 2
        for reference in ("soldes", "autre"):
            assert bench.progress(reference).why == (
                "too many batches in doubt: see dispatcher doubts"
            )
        first, second = bench.dispatcher.doubts()
        bench.gateway.behave = bench.gateway.take
        bench.dispatcher.give_up(first.batch_id, reason="it never arrived")
        bench.work()
        assert bench.messages("autre") == {"sent": 1}
        assert bench.progress().in_doubt == 1
        assert bench.progress().why == "1 batch in doubt"
        assert second.batch_id in {doubt.batch_id for doubt in bench.dispatcher.doubts()}


def test_settled_doubts_let_the_rest_continue(tables: Database) -> None:
    with opened(tables, doubt_limit=1) as bench:
        bench.submit(1500)
        bench.gateway.behave = bench.gateway.lose
        bench.work()
        assert len(bench.gateway.requests) == 1
        bench.gateway.behave = bench.gateway.take
        bench.pass_by(seconds=20)
        bench.work()
        assert bench.messages() == {"sent": 1500}
        assert bench.gateway.texted == dict.fromkeys(people(1500), 1)
