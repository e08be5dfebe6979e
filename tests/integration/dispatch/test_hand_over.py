"""Campaigns that the gateway holds until their hour, by hand: every answer, every interruption."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import select

from dispatcher import GatewayError, IllegalMove, InvalidCampaign
from dispatcher.campaigns.hand_over import Cancellation
from dispatcher.campaigns.states import MessageState
from dispatcher.dispatch.context import CHECK_LEASE
from dispatcher.gateway import BatchTaken, Declined, LineAnswer, Lost, SendReply, Throttled
from dispatcher.storage import opt_out_marks, opt_outs
from dispatcher.storage.batches import hand_over
from dispatcher.storage.campaigns.moves import pause
from dispatcher.storage.database import Database
from dispatcher.window import Hold
from tests.databases import wait_for_locks
from tests.integration.bench import OPEN, Bench, opened, people
from tests.integration.conftest import empty

#: tomorrow at ten in Paris; submitted at ten today
HOUR = datetime(2026, 11, 25, 9, tzinfo=UTC)


def submit_held(bench: Bench, count: int = 3, *, at: datetime = HOUR, **options: Any) -> int:
    """Submit, and hand over; returns the id of the first batch."""
    batch = bench.submit(count, not_before=at, hand_over=True, **options)
    bench.work()
    return batch


def held_now(bench: Bench, batch: int) -> bool:
    return bench.batch(batch).state == "handed_over"


def history(bench: Bench) -> list[str]:
    return [action.reason for action in bench.actions("take back")]


# -- the hour


def test_handed_over_campaign_is_sent_at_once_and_leaves_at_its_hour(bench: Bench) -> None:
    batch = bench.submit(3, not_before=HOUR, hand_over=True)
    assert bench.progress().why == (
        "to be handed over to the gateway, which holds it until 2026-11-25 10:00 in Paris"
    )
    bench.work()
    (body,) = bench.gateway.bodies
    assert body.at == HOUR.isoformat()
    row, progress = bench.batch(batch), bench.progress()
    assert (row.state, row.leaves_at, row.message_id) == ("handed_over", HOUR, "1000")
    assert bench.messages() == {"pending": 3}
    assert (progress.waits_until, progress.why) == (HOUR, "handed over to the gateway")
    assert progress.batches["handed_over"] == 1
    assert not progress.ended
    assert bench.outcomes(batch) == ["sent"]


def test_held_batch_is_not_polled_before_its_hour(bench: Bench) -> None:
    batch = submit_held(bench)
    bench.pass_by(hours=23, minutes=59)
    assert held_now(bench, batch)
    assert (bench.gateway.calls, bench.gateway.lookups) == ([], [])
    bench.pass_by(minutes=1)
    assert bench.messages() == {"sent": 3}
    assert bench.batch(batch).sent_at == HOUR
    bench.gateway.deliver()
    bench.pass_by(minutes=5)
    assert bench.messages() == {"delivered": 3}
    bench.tick()
    assert bench.progress().state == "finished"
    assert set(bench.gateway.texted.values()) == {1}


def test_hand_over_at_night_for_an_hour_in_the_window_is_sent(bench: Bench) -> None:
    bench.clock.at = datetime(2026, 11, 28, 23, tzinfo=UTC)  # a Saturday, midnight in Paris
    batch = submit_held(bench, at=datetime(2026, 11, 29, 9, tzinfo=UTC))
    monday = datetime(2026, 11, 30, 7, tzinfo=UTC)
    assert held_now(bench, batch)
    assert bench.batch(batch).leaves_at == monday
    assert bench.gateway.bodies[0].at == monday.isoformat()


def test_hand_over_uses_the_opening_hour_of_each_territory(bench: Bench) -> None:
    bench.submit(
        not_before=HOUR.replace(hour=8),
        hand_over=True,
        reference="one",
        territory="guadeloupe",
    )
    bench.work()
    # 08:00 in Guadeloupe
    assert bench.gateway.bodies[0].at == HOUR.replace(hour=12).isoformat()


def test_campaign_without_hand_over_stays_here(bench: Bench) -> None:
    batch = bench.submit(3, not_before=HOUR)
    bench.work()
    row = bench.batch(batch)
    assert (row.state, row.leaves_at, row.not_before) == ("pending", None, HOUR)
    assert not bench.gateway.bodies
    bench.pass_by(days=1)
    assert bench.gateway.bodies[0].at is None


def test_single_send_is_handed_over(tables: object, bench: Bench) -> None:
    with opened(bench.dispatcher.database, single_send=True) as other:
        batch = submit_held(other)
        assert other.gateway.bodies[0].at == HOUR.isoformat()
        assert held_now(other, batch)


def test_hand_over_without_an_hour_is_rejected(bench: Bench) -> None:
    with pytest.raises(InvalidCampaign, match="hand_over needs not_before"):
        bench.submit(hand_over=True)
    assert bench.campaigns() == []


def test_same_hand_over_again_is_the_same_campaign(bench: Bench) -> None:
    submit_held(bench)
    bench.submit(3, not_before=HOUR)
    bench.work()
    assert len(bench.campaigns()) == len(bench.gateway.bodies) == 1


def test_plan_of_a_hand_over_has_the_gateways_hour(bench: Bench) -> None:
    at = HOUR + timedelta(minutes=1)
    plan = bench.dispatcher.plan("Soldes", people(3), not_before=at, hand_over=True)
    assert plan.opens_at == HOUR + timedelta(minutes=5)
    assert plan.forecast.departures[0].starts == plan.opens_at


def test_batch_that_expires_before_its_hour_is_not_handed_over(bench: Bench) -> None:
    both = [*people(1), "+590690000001"]
    options = {"not_before": HOUR.replace(hour=8), "not_after": HOUR.replace(hour=10)}
    bench.dispatcher.submit("soldes", "Soldes", both, hand_over=True, **options)  # type: ignore[arg-type]
    bench.work()
    assert [batch.state for batch in bench.batches()] == ["handed_over", "pending"]
    bench.pass_by(days=2)
    assert bench.messages() == {"sent": 1, "expired": 1}


# -- what keeps it here


def test_hour_too_near_is_waited_for_here(bench: Bench) -> None:
    batch = bench.submit(3, not_before=HOUR, hand_over=True)
    bench.clock.at = HOUR - timedelta(minutes=5)  # no worker ran all day
    bench.work()
    row = bench.batch(batch)
    assert (row.state, row.leaves_at, row.not_before) == ("pending", None, HOUR)
    bench.pass_by(minutes=5)
    assert [body.at for body in bench.gateway.bodies] == [None]
    assert bench.messages() == {"sent": 3}


def test_hour_closed_by_now_is_waited_for_here(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = bench.submit(3, not_before=HOUR, hand_over=True)
    later = Hold(HOUR + timedelta(days=1), "a new holiday")
    windows = bench.dispatcher.windows
    monkeypatch.setattr(
        windows, "hold", lambda at, *_, **__: later if OPEN < at < later.until else None
    )
    bench.work()
    row = bench.batch(batch)
    assert (row.leaves_at, row.not_before, row.why) == (None, later.until, "a new holiday")
    assert not bench.gateway.bodies


def test_hour_refused_by_the_gateway_is_waited_for_here(bench: Bench) -> None:
    for code in (9, 48, 49):
        bench.gateway.behave = lambda *_, code=code: Declined(code)
        batch = bench.submit(1, f"code {code}", start=code, not_before=HOUR, hand_over=True)
        bench.work()
        row = bench.batch(batch)
        assert (row.state, row.leaves_at, row.not_before) == ("pending", None, HOUR)
        assert row.why.startswith("not handed over: the ")
    bench.gateway.behave = bench.gateway.take
    bench.pass_by(days=1)
    assert bench.gateway.bodies[-1].at is None
    assert sum(bench.gateway.texted.values()) == 3


def test_hour_closed_at_the_gateway_waits_for_the_next_opening(
    bench: Bench,
) -> None:
    bench.gateway.behave = lambda *_: Declined(23)
    batch = submit_held(bench)
    row = bench.batch(batch)
    assert (row.state, row.leaves_at) == ("pending", None)
    assert row.not_before == datetime(2026, 11, 26, 7, tzinfo=UTC)


def test_batch_that_may_be_held_is_not_handed_over_again(bench: Bench) -> None:
    """A tag need not show what waits: it is looked up after its hour, and then sent from here."""

    def throttle(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)  # it lies: it has taken them
        bench.gateway.hidden.add(tag)
        return Throttled(1)

    bench.gateway.behave = throttle
    batch = submit_held(bench)
    bench.gateway.behave = bench.gateway.take
    bench.pass_by(hours=1)
    row = bench.batch(batch)
    assert (row.state, row.leaves_at) == ("pending", HOUR)
    assert row.not_before == HOUR + timedelta(minutes=5)
    bench.gateway.hidden.clear()  # it has left
    bench.clock.at = row.not_before
    for _ in range(3):
        bench.work()
    assert bench.messages() == {"sent": 3}
    assert set(bench.gateway.texted.values()) == {1}


def refuse_one(bench: Bench) -> None:
    """Let the gateway take all of a call but its first number."""

    def behave(tag: str, phones: list[str]) -> SendReply:
        message_id = bench.gateway.accept(tag, phones[1:])
        lines = [LineAnswer(phone, True, 200, 1, Decimal("0.038")) for phone in phones[1:]]
        return BatchTaken(message_id, [LineAnswer(phones[0], False, 14), *lines])

    bench.gateway.behave = behave


def test_message_refused_at_hand_over_is_rejected_at_once(bench: Bench) -> None:
    refuse_one(bench)
    batch = submit_held(bench)
    assert held_now(bench, batch)
    assert bench.messages() == {"pending": 2, "rejected": 1}


def test_hand_over_with_every_message_refused_is_done(bench: Bench) -> None:
    bench.gateway.behave = lambda tag, phones: BatchTaken(
        "1000", [LineAnswer(phone, False, 14) for phone in phones]
    )
    batch = submit_held(bench)
    assert bench.batch(batch).state == "done"
    assert bench.messages() == {"rejected": 3}


def test_receipt_for_another_hour_pauses_and_recalls(bench: Bench) -> None:
    bench.gateway.says_hour = HOUR + timedelta(hours=1)
    batch = submit_held(bench)
    assert bench.progress().state == "paused"
    bench.work()
    row = bench.batch(batch)
    assert (row.state, row.leaves_at, row.not_before) == ("pending", None, HOUR)
    assert bench.outcomes(batch) == ["recalled"]
    bench.dispatcher.resume("soldes")
    bench.pass_by(days=1)
    assert bench.gateway.bodies[-1].at is None
    assert set(bench.gateway.texted.values()) == {1}


# -- cancelling and pausing


def test_cancelled_campaign_is_recalled(bench: Bench) -> None:
    batch = submit_held(bench)
    progress = bench.dispatcher.cancel("soldes")
    assert progress.state == "cancelled"
    assert progress.why == "1 batch is asked back from the gateway"
    assert progress.messages["pending"] == 3  # nobody knows yet
    bench.work()
    assert bench.messages() == {"cancelled": 3}
    assert bench.batch(batch).state == "cancelled"
    assert bench.outcomes(batch) == ["recalled"]
    assert bench.progress().ended
    bench.pass_by(days=2)
    assert not +bench.gateway.texted


@pytest.mark.parametrize(
    ("before", "state"), [(timedelta(minutes=5), "cancelled"), (timedelta(minutes=4), "sent")]
)
def test_recall_succeeds_until_five_minutes_before_the_hour(
    bench: Bench, before: timedelta, state: str
) -> None:
    batch = submit_held(bench)
    bench.clock.at = HOUR - before
    bench.dispatcher.cancel("soldes")
    bench.work()
    assert bench.messages() == {state: 3}
    assert bench.batch(batch).state == state


def test_batch_whose_recall_failed_is_polled(bench: Bench) -> None:
    batch = submit_held(bench)
    bench.clock.at = HOUR - timedelta(minutes=2)
    bench.dispatcher.cancel("soldes")
    bench.work()
    (why,) = history(bench)
    assert why == (
        "batch 1: asked back from the gateway: cancelled; too late: it leaves, or has left, all"
        " the same"
    )
    row = bench.batch(batch)
    assert row.sent_at == HOUR
    assert row.check_at is not None
    assert row.check_at > HOUR
    assert not bench.gateway.calls
    bench.gateway.deliver()
    bench.pass_by(minutes=10)
    assert bench.messages() == {"delivered": 3}


def test_recall_of_a_batch_that_left_makes_it_sent(bench: Bench) -> None:
    submit_held(bench)
    bench.clock.at = HOUR + timedelta(minutes=2)
    bench.dispatcher.cancel("soldes")
    bench.work()
    assert bench.messages() == {"sent": 3}
    assert bench.gateway.cancel_calls == ["1000"]


def test_recall_of_a_batch_cancelled_before_cancels_it(bench: Bench) -> None:
    submit_held(bench)
    bench.gateway.cancel_answers = [Cancellation.ALREADY]
    bench.dispatcher.cancel("soldes")
    bench.work()
    assert bench.messages() == {"cancelled": 3}


def test_lost_answer_of_a_recall_is_asked_for_again(bench: Bench) -> None:
    batch = submit_held(bench)
    bench.gateway.lost_cancels = 1
    bench.dispatcher.cancel("soldes")
    bench.work()
    assert bench.messages() == {"pending": 3}
    assert held_now(bench, batch)
    bench.work()
    assert len(bench.gateway.cancel_calls) == 1  # not at once
    bench.pass_by(minutes=10)
    assert len(bench.gateway.cancel_calls) == 2
    assert bench.messages() == {"cancelled": 3}


def test_recall_without_an_answer_before_the_hour_is_repeated_after_it(bench: Bench) -> None:
    batch = submit_held(bench)
    bench.gateway.lost_cancels = 1
    bench.clock.at = HOUR - timedelta(minutes=6)
    bench.dispatcher.cancel("soldes")
    bench.work()
    bench.clock.at = HOUR + timedelta(minutes=30)
    bench.tick()
    assert held_now(bench, batch)  # it is not taken for sent because its hour has come
    bench.work()
    assert bench.messages() == {"cancelled": 3}


def test_failed_recall_is_repeated_before_it_is_too_late(bench: Bench) -> None:
    batch = submit_held(bench)
    bench.clock.at = HOUR - timedelta(minutes=7)
    bench.gateway.cancel_answers = [GatewayError("HTTP 503")]
    with bench.dispatcher.database.write() as session:
        session.get_one(type(bench.batch(batch)), batch).checks = 9  # the longest wait is next
    bench.dispatcher.cancel("soldes")
    bench.work()
    assert bench.batch(batch).check_at == HOUR - timedelta(minutes=6)


def test_recall_of_an_unknown_batch_is_a_doubt_after_its_hour(bench: Bench) -> None:
    batch = submit_held(bench)
    bench.gateway.cancel_answers = [Cancellation.UNKNOWN] * 100
    bench.dispatcher.cancel("soldes")
    bench.work()
    assert held_now(bench, batch)
    bench.clock.at = HOUR + timedelta(minutes=1)
    bench.work()
    assert bench.messages() == {"in_doubt": 3}
    (doubt,) = bench.dispatcher.doubts()
    assert doubt.why == "nobody knows whether the gateway gave it back: unknown"
    bench.pass_by(hours=1)
    assert bench.messages() == {"sent": 3}  # its tag shows it


def test_part_that_was_handed_over_and_may_have_been_given_back_is_in_doubt(bench: Bench) -> None:
    refuse_one(bench)
    submit_held(bench)
    bench.gateway.cancel_answers = [Cancellation.UNKNOWN] * 100
    bench.dispatcher.cancel("soldes")
    bench.clock.at = HOUR + timedelta(minutes=1)
    bench.gateway.tags.clear()
    for _ in range(3):
        bench.pass_by(hours=1)
    assert bench.messages() == {"in_doubt": 2, "rejected": 1}


def test_worker_that_dies_during_a_recall_has_it_repeated(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = submit_held(bench)
    bench.dispatcher.cancel("soldes")
    heeded = bench.gateway.cancel

    def killed(message_id: str) -> Cancellation:
        heeded(message_id)
        raise KeyboardInterrupt

    monkeypatch.setattr(bench.gateway, "cancel", killed)
    with pytest.raises(KeyboardInterrupt):
        bench.recall()
    monkeypatch.undo()
    assert held_now(bench, batch)
    assert not bench.tick().recall  # nobody else asks before the lease ends
    bench.clock.forward(seconds=CHECK_LEASE.total_seconds())
    bench.work()
    assert bench.messages() == {"cancelled": 3}
    assert bench.gateway.cancel_calls == ["1000", "1000"]


def test_batch_cancelled_during_its_call_is_recalled_once_held(
    bench: Bench,
) -> None:
    def cancelled_meanwhile(tag: str, phones: list[str]) -> SendReply:
        progress = bench.dispatcher.cancel("soldes")
        assert progress.batches["sending"] == 1
        return bench.gateway.take(tag, phones)

    bench.gateway.behave = cancelled_meanwhile
    batch = submit_held(bench)
    assert held_now(bench, batch)
    bench.work()
    assert bench.messages() == {"cancelled": 3}


def test_receipt_after_the_doubt_counts_and_a_cancelled_one_is_recalled(
    bench: Bench,
) -> None:
    def late(tag: str, phones: list[str]) -> SendReply:
        bench.clock.forward(seconds=bench.settings.lease + 1)
        bench.tick()
        assert bench.messages() == {"in_doubt": 3}
        bench.dispatcher.cancel("soldes")
        return bench.gateway.take(tag, phones)

    bench.gateway.behave = late
    batch = submit_held(bench)
    assert held_now(bench, batch)
    bench.work()
    assert bench.messages() == {"cancelled": 3}


def test_paused_campaign_is_recalled_and_handed_over_again(bench: Bench) -> None:
    batch = submit_held(bench)
    progress = bench.dispatcher.pause("soldes", reason="a wrong price")
    assert progress.why == "paused: a wrong price; 1 batch is at the gateway"
    bench.work()
    assert bench.progress().why == "paused: a wrong price"
    row = bench.batch(batch)
    assert (row.state, row.leaves_at, row.message_id) == ("pending", HOUR, None)
    bench.pass_by(hours=1)
    assert len(bench.gateway.bodies) == 1
    bench.dispatcher.resume("soldes")
    bench.work()
    assert held_now(bench, batch)
    assert [body.at for body in bench.gateway.bodies] == [HOUR.isoformat()] * 2
    assert bench.outcomes(batch) == ["recalled", "sent"]
    bench.gateway.deliver()
    bench.clock.at = HOUR
    bench.work()
    bench.pass_by(minutes=5)
    assert bench.messages() == {"delivered": 3}
    assert set(bench.gateway.texted.values()) == {1}


def test_resume_too_late_for_a_hand_over_sends_from_here(bench: Bench) -> None:
    submit_held(bench)
    bench.dispatcher.pause("soldes")
    bench.work()
    bench.clock.at = HOUR + timedelta(hours=2)
    bench.dispatcher.resume("soldes")
    bench.work()
    bench.work()
    assert bench.gateway.bodies[-1].at is None
    assert bench.messages() == {"sent": 3}


def test_automatic_pause_recalls_nothing(bench: Bench) -> None:
    """What it holds is paid for; a person who wants it back pauses, too."""
    batch = submit_held(bench, 501)
    with bench.dispatcher.database.write() as session:
        pause(session, bench.progress().id, "no credit", bench.clock())
    bench.work()
    assert held_now(bench, batch)
    bench.dispatcher.pause("soldes", reason="a wrong price")
    bench.work()
    assert bench.progress().batches["pending"] == 2
    assert [action.reason for action in bench.actions("pause")] == ["no credit", "a wrong price"]


# -- who opts out meanwhile


def test_opt_out_of_a_held_recipient_stops_only_that_message(bench: Bench) -> None:
    batch = submit_held(bench)
    other = submit_held(bench, 2, reference="other", start=100)
    bench.opt_out(people(3)[1])
    bench.work()
    bench.work()
    assert held_now(bench, batch)
    assert bench.messages() == {"pending": 2, "opted_out": 1}
    assert bench.outcomes(batch) == ["recalled", "sent"]
    assert bench.outcomes(other) == ["sent"]
    assert history(bench) == [
        "batch 1: asked back from the gateway: somebody opted out; it gave it back"
    ]
    bench.clock.at = HOUR
    bench.work()
    assert +bench.gateway.texted == dict.fromkeys([people(3)[0], people(3)[2], *people(2, 100)], 1)


def test_opt_out_too_late_for_a_recall_is_on_record(bench: Bench) -> None:
    submit_held(bench)
    bench.clock.at = HOUR - timedelta(minutes=3)
    bench.opt_out(people(3)[1])
    bench.work()
    assert bench.messages() == {"sent": 3}
    (why,) = history(bench)
    assert why.startswith("batch 1: asked back from the gateway: somebody opted out; too late: ")


def test_opt_out_during_the_call_recalls_the_batch(bench: Bench) -> None:
    def opts_out(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.behave = bench.gateway.take
        bench.opt_out(people(3)[0])
        bench.tick()
        return bench.gateway.take(tag, phones)

    bench.gateway.behave = opts_out
    batch = submit_held(bench)
    bench.work()
    bench.work()
    assert held_now(bench, batch)
    assert bench.messages() == {"pending": 2, "opted_out": 1}


def test_opt_out_followed_by_erasure_is_respected(bench: Bench) -> None:
    submit_held(bench)
    bench.opt_out(people(3)[0])
    bench.dispatcher.opt_outs.erase(people(3)[0])
    bench.work()
    bench.work()
    assert bench.messages() == {"pending": 2, "opted_out": 1}


def test_recalled_batch_with_everybody_opted_out_is_not_handed_over_again(bench: Bench) -> None:
    batch = submit_held(bench, 1)
    bench.opt_out(people(1)[0])
    bench.work()
    bench.work()
    assert bench.batch(batch).state == "done"
    assert not +bench.gateway.texted
    assert len(bench.gateway.bodies) == 1


# -- what else may change meanwhile


def test_held_batch_whose_hour_is_closed_by_now_is_recalled(bench: Bench) -> None:
    batch = submit_held(bench)
    with opened(bench.dispatcher.database, gateway=bench.gateway, window_opens="11:00") as later:
        later.clock.at = bench.clock()
        later.work()
        assert later.gateway.cancel_calls == ["1000"]
        later.work()
        row = later.batch(batch)
        assert (row.state, row.leaves_at) == ("pending", None)
        assert row.not_before == HOUR + timedelta(hours=1)


def test_new_policy_with_the_hour_open_recalls_nothing(bench: Bench) -> None:
    batch = submit_held(bench)
    with opened(bench.dispatcher.database, gateway=bench.gateway, window_opens="09:00") as later:
        later.work()
        assert held_now(later, batch)
        assert later.batch(batch).rule == later.dispatcher.windows.policy
        assert not later.gateway.cancel_calls


def test_new_policy_does_not_stop_a_later_hand_over(bench: Bench) -> None:
    batch = bench.submit(3, not_before=HOUR, hand_over=True)
    with opened(bench.dispatcher.database, gateway=bench.gateway, window_opens="09:00") as later:
        later.clock.at = bench.clock()
        later.work()
        assert held_now(later, batch)


# -- doubts


def test_lost_receipt_is_a_doubt_that_its_hour_may_settle(bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.lose
    batch = submit_held(bench)
    tag = bench.batch(batch).tag or ""
    bench.gateway.hidden.add(tag)  # it does not show what waits
    assert bench.messages() == {"in_doubt": 3}
    while (due := bench.batch(batch).check_at or OPEN) <= HOUR:
        bench.clock.at = due
        bench.work()
    assert due <= HOUR + timedelta(minutes=5)  # a lookup does not sleep through its hour
    with pytest.raises(
        IllegalMove,
        match="by the gateway until Wednesday 2026-11-25 10:00 in Paris: only some minutes later",
    ):
        bench.dispatcher.resend(batch, reason="nothing shows")
    bench.gateway.hidden.clear()
    bench.clock.at = due
    bench.work()
    assert bench.messages() == {"sent": 3}
    assert set(bench.gateway.texted.values()) == {1}


@pytest.mark.parametrize("reply", [Throttled(1.0), Lost("the connection was cut")])
def test_batch_that_was_held_for_days_is_asked_for_at_its_hour(
    bench: Bench, reply: SendReply
) -> None:
    """The gateway remembers a tag for two days: of what it held, from the hour on."""
    hour = bench.clock() + timedelta(days=4)

    def lie(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        bench.gateway.hidden.add(tag)
        return reply

    bench.gateway.behave = lie
    bench.submit(3, not_before=hour, hand_over=True)
    bench.work()
    bench.gateway.behave = bench.gateway.take
    while bench.clock() < hour:
        bench.pass_by(hours=6)
    bench.gateway.hidden.clear()
    for _ in range(30):
        bench.pass_by(minutes=1)
    assert bench.messages() == {"sent": 3}
    assert set(bench.gateway.texted.values()) == {1}


def test_batch_held_for_days_is_not_sent_again_while_its_tag_cannot_be_read_whole(
    bench: Bench,
) -> None:
    hour = HOUR + timedelta(days=9)
    batch = throttled_though_taken(bench)
    bench.gateway.hidden.add(bench.batch(batch).tag or "")
    bench.gateway.cut = True  # it never shows all that it knows of a tag
    while bench.clock() < hour:
        bench.pass_by(hours=6)
    for _ in range(20):
        bench.pass_by(minutes=20)
    assert bench.batch(batch).state == "pending"
    assert bench.outcomes(batch) == ["throttled"]
    assert "not all that the gateway shows can be read" in bench.progress().why
    bench.gateway.hidden.clear()
    bench.gateway.cut = False
    bench.pass_by(hours=2)
    bench.work()
    assert bench.messages() == {"sent": 3}
    assert set(bench.gateway.texted.values()) == {1}


def test_doubt_that_shows_before_its_hour_is_polled_after_it(bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.lose
    batch = submit_held(bench)
    bench.pass_by(minutes=10)
    row = bench.batch(batch)
    assert (row.state, row.sent_at) == ("sent", HOUR)
    assert row.check_at is not None
    assert row.check_at > HOUR


def test_doubt_past_its_hour_may_be_resent_from_here(bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.swallow
    batch = submit_held(bench)
    bench.gateway.behave = bench.gateway.take
    bench.clock.at = HOUR + timedelta(minutes=6)
    bench.dispatcher.resend(batch, reason="nothing shows")
    bench.work()
    assert bench.gateway.bodies[-1].at is None
    assert bench.messages() == {"sent": 3}


def test_recalled_attempt_proves_nothing_about_a_later_one(bench: Bench) -> None:
    """A cancelled message may show under its tag for ever."""
    batch = submit_held(bench)
    bench.dispatcher.pause("soldes")
    bench.work()
    bench.gateway.behave = bench.gateway.swallow
    bench.dispatcher.resume("soldes")
    bench.work()
    assert bench.messages() == {"in_doubt": 3}
    bench.gateway.behave = bench.gateway.take
    bench.clock.at = HOUR + timedelta(minutes=6)
    bench.dispatcher.resend(batch, reason="nothing shows")
    bench.work()
    assert bench.outcomes(batch) == ["recalled", "resent", "sent"]
    assert set((+bench.gateway.texted).values()) == {1}


# -- what is counted


def test_cost_is_the_sum_of_the_answers_to_each_hand_over(bench: Bench) -> None:
    submit_held(bench)
    assert bench.progress().cost == Decimal("0.114")
    bench.dispatcher.pause("soldes")
    bench.work()
    bench.dispatcher.resume("soldes")
    bench.work()
    # whether it pays back what it gave back it does not say
    assert bench.progress().cost == Decimal("0.228")


def test_held_message_counts_for_the_week_of_its_hour(bench: Bench) -> None:
    database = bench.dispatcher.database
    with opened(database, gateway=bench.gateway, weekly_messages=1) as capped:
        submit_held(capped)
        soon = capped.submit(3, "soon")
        capped.work()
        assert capped.messages("soon") == {"rejected": 3}
        assert capped.batch(soon).state in {"done", "failed"}


def test_recalled_message_counts_for_no_cap(bench: Bench) -> None:
    with opened(bench.dispatcher.database, gateway=bench.gateway, daily_recipients=3) as capped:
        batch = submit_held(capped)
        capped.dispatcher.pause("soldes")
        capped.work()
        capped.dispatcher.resume("soldes")
        capped.work()
        assert held_now(capped, batch)


def test_repetition_of_a_held_text_is_found(bench: Bench) -> None:
    submit_held(bench)
    again = bench.dispatcher.plan("Soldes demain chez nous", people(3), not_before=HOUR)
    assert "the same text reaches 3 of these people" in "".join(again.warnings)


def test_held_message_is_shown_as_pending(bench: Bench) -> None:
    batch = submit_held(bench)
    assert {row[3] for row in bench.view()} == {MessageState.PENDING.value}
    assert bench.dispatcher.batch(batch).messages["pending"] == 3


def test_text_held_for_weeks_later_is_no_repetition(bench: Bench) -> None:
    submit_held(bench, at=HOUR + timedelta(days=60))
    again = bench.dispatcher.plan("Soldes demain chez nous", people(3), not_before=HOUR)
    assert "the same text" not in "".join(again.warnings)


def throttled_though_taken(bench: Bench) -> int:
    """A batch that the gateway holds although it said that it took nothing."""

    def throttle(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        return Throttled(1)

    bench.gateway.behave = throttle
    batch = submit_held(bench, at=HOUR + timedelta(days=9))
    bench.gateway.behave = bench.gateway.take
    return batch


def test_throttled_batch_that_shows_before_its_hour_is_polled_after_it(
    bench: Bench,
) -> None:
    batch = throttled_though_taken(bench)
    for _ in range(3):
        bench.pass_by(minutes=10)
    row = bench.batch(batch)
    assert (row.state, row.sent_at) == ("sent", HOUR + timedelta(days=9))
    bench.pass_by(days=4)  # more than reports are waited for
    assert bench.messages() == {"sent": 3}
    assert set(bench.gateway.texted.values()) == {1}


def test_cancelled_batch_that_shows_is_polled_after_its_hour(bench: Bench) -> None:
    batch = throttled_though_taken(bench)
    bench.dispatcher.cancel("soldes")
    bench.pass_by(minutes=10)
    row = bench.batch(batch)
    assert (row.state, row.sent_at) == ("sent", HOUR + timedelta(days=9))
    assert row.check_at == row.sent_at


def test_untaken_batch_leaves_from_here_when_its_tag_would_show(bench: Bench) -> None:
    bench.gateway.behave = lambda *_: Throttled(1)
    batch = submit_held(bench)
    bench.gateway.behave = bench.gateway.take
    bench.pass_by(hours=1)
    bench.clock.at = HOUR + timedelta(minutes=5)
    for _ in range(3):
        bench.work()
    assert bench.outcomes(batch) == ["throttled", "sent"]
    assert bench.gateway.bodies[-1].at is None


def test_weekly_cap_of_a_hand_over_is_that_of_its_hour(bench: Bench) -> None:
    """Who was texted yesterday may be texted in nine days."""
    with opened(bench.dispatcher.database, gateway=bench.gateway, weekly_messages=1) as capped:
        capped.submit(3, "first")
        capped.work()
        batch = submit_held(capped, at=HOUR + timedelta(days=9))
        assert held_now(capped, batch)


def test_opt_out_list_is_compared_once_with_held_batches(bench: Bench) -> None:
    batch = submit_held(bench)
    for _ in range(2):
        bench.opt_out("+33639989000")  # of somebody else
        bench.pass_by(hours=3)
    bench.opt_out(people(3)[2])
    bench.work()
    bench.work()
    assert bench.outcomes(batch) == ["recalled", "sent"]


def test_opt_out_while_a_receipt_is_recorded_waits_for_it(
    postgres_tables: Database,
) -> None:
    """Both at the same moment would otherwise not see each other (PostgreSQL)."""
    empty(postgres_tables)
    with opened(postgres_tables) as bench:
        bench.opt_out("+33639989000")  # the list has a version
        batch = submit_held(bench)
        database = bench.dispatcher.database
        with database.read() as session:
            version = session.scalar(select(opt_out_marks.version()))
        due = mock.Mock(id=batch, opt_outs=version, states="ppp")
        with database.write() as session:
            assert not hand_over.opted_out_meanwhile(session, due)
            with ThreadPoolExecutor() as others:
                added = others.submit(bench.opt_out, people(3)[0])
                wait_for_locks(database)
                session.commit()
                added.result()
        with database.write() as session:
            assert hand_over.opted_out_meanwhile(session, due)


def test_opt_out_from_a_host_whose_clock_is_behind_is_asked_back(bench: Bench) -> None:
    batch = submit_held(bench)
    bench.work()  # compares the list as it is now
    behind = bench.clock() - timedelta(days=2)
    with bench.dispatcher.database.write() as session:
        opt_outs.add(session, people(1), source="by hand", now=behind)
    bench.work()
    bench.work()
    assert bench.batch(batch).opted_out == 1
