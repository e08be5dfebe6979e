from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from dispatcher import GatewayError, IllegalMove, InvalidCampaign, NotFound
from dispatcher.campaigns.states import MessageState
from dispatcher.gateway import BatchTaken, LineAnswer, Report, SendReply, Throttled
from dispatcher.storage import doubts
from tests.integration.bench import OPEN, Bench, people
from tests.waiting import PATIENCE

WHY = "not in their dashboard"
STRANGER = "+33639989999"


def unwanted(tag: str, phones: list[str]) -> SendReply:
    raise AssertionError("a request left that must not leave")


def in_doubt(bench: Bench, *, taken: bool, count: int = 3, reference: str = "soldes") -> int:
    """A batch of which the answer was lost."""
    batch = bench.submit(count, reference)
    bench.gateway.behave = bench.gateway.lose if taken else bench.gateway.swallow
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    assert bench.batch(batch).state == "in_doubt"
    return batch


def control(bench: Bench) -> str:
    """The tag of something that was certainly taken."""
    batch = bench.submit(1, "control", start=9000)
    bench.send(batch)
    return bench.batch(batch).tag or ""


def look(bench: Bench, batch: int) -> bool:
    """Let the next lookup be due, and make it."""
    due = bench.batch(batch).check_at
    assert due is not None
    bench.clock.at = max(bench.clock(), due)
    return bench.settle(batch)


# -- settled by tag


def test_batch_that_shows_under_its_tag_is_sent(bench: Bench) -> None:
    batch = in_doubt(bench, taken=True)
    assert look(bench, batch)
    row = bench.batch(batch)
    assert (row.state, row.why, row.message_id) == ("sent", "", None)
    assert bench.messages() == {"sent": 3}
    (attempt,) = bench.attempts(batch)
    assert (attempt.outcome, attempt.detail) == ("sent", "proven by its tag")
    assert bench.dispatcher.doubts() == []
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


def test_final_reports_under_the_tag_end_the_batch(bench: Bench) -> None:
    batch = in_doubt(bench, taken=True)
    bench.gateway.deliver()
    assert look(bench, batch)
    assert bench.batch(batch).state == "done"
    assert bench.messages() == {"delivered": 3}


def test_part_that_shows_is_sent_and_the_rest_stays_in_doubt(bench: Bench) -> None:
    control(bench)
    batch = in_doubt(bench, taken=True)
    tag = bench.gateway.requests[-1]
    states = bench.gateway.tags[tag]
    last = people(3)[2]
    bench.gateway.tags[tag] = {phone: states[phone] for phone in people(2)}
    assert not look(bench, batch)
    assert bench.messages() == {"sent": 2, "in_doubt": 1}
    assert bench.batch(batch).why == "the gateway shows 2 of 3 numbers under its tag"
    bench.gateway.tags[tag][last] = MessageState.SENT
    assert look(bench, batch)
    assert bench.messages() == {"sent": 3}


def test_empty_lookup_proves_nothing_and_is_repeated_at_growing_intervals(
    bench: Bench,
) -> None:
    control(bench)
    batch = in_doubt(bench, taken=False)
    bench.gateway.behave = unwanted
    waits = []
    for _ in range(10):
        assert not look(bench, batch)
        row = bench.batch(batch)
        assert row.state == "in_doubt"
        assert row.why == "the gateway shows nothing under its tag"
        assert row.check_at is not None
        waits.append((row.check_at - bench.clock()).total_seconds())
        bench.tick()
    assert waits == [30, 60, 120, 300, 600, 1800, 3600, 3600, 3600, 3600]
    (doubt,) = bench.dispatcher.doubts()
    assert (doubt.lookups, doubt.since) == (10, OPEN)
    assert bench.messages() == {"in_doubt": 3}


def test_early_lookup_makes_no_call(bench: Bench) -> None:
    batch = in_doubt(bench, taken=True)
    assert not bench.settle(batch)
    assert bench.gateway.lookups == []
    bench.clock.forward(seconds=15)
    assert bench.settle(batch)
    tag, made_up = bench.gateway.lookups
    assert (tag, made_up in bench.gateway.tags) == (bench.batch(batch).tag, False)
    assert not bench.settle(batch)
    assert bench.gateway.lookups == [tag, made_up]


def test_failed_lookup_proves_nothing(bench: Bench) -> None:
    batch = in_doubt(bench, taken=True)
    bench.gateway.blind = True
    assert not look(bench, batch)
    row = bench.batch(batch)
    assert row.state == "in_doubt"
    assert row.why.startswith("the gateway cannot be asked: HTTP 503")
    bench.gateway.blind = False
    assert look(bench, batch)
    assert bench.messages() == {"sent": 3}


def test_foreign_numbers_under_the_tag_change_nothing(bench: Bench) -> None:
    control(bench)
    batch = in_doubt(bench, taken=False)
    bench.gateway.tags[bench.gateway.requests[-1]] = {STRANGER: MessageState.DELIVERED}
    assert not look(bench, batch)
    assert bench.messages() == {"in_doubt": 3}
    assert bench.messages("control") == {"sent": 1}


def test_lookup_whose_control_does_not_show_cannot_be_verified(bench: Bench) -> None:
    bench.gateway.hidden.add(control(bench))
    batch = in_doubt(bench, taken=False)
    assert not look(bench, batch)
    assert bench.batch(batch).why.startswith("cannot be verified")
    with pytest.raises(GatewayError, match="does not even show what it took"):
        bench.dispatcher.resend(batch, reason=WHY)
    assert bench.batch(batch).state == "in_doubt"
    bench.gateway.hidden.clear()
    assert not look(bench, batch)
    assert bench.batch(batch).why == "the gateway shows nothing under its tag"


def test_answer_that_rejected_everybody_is_no_control(bench: Bench) -> None:
    """Another attempt texted a part of its batch; under the tag of this one nothing can show."""

    def answer_one(tag: str, phones: list[str]) -> SendReply:
        message_id = bench.gateway.accept(tag, phones[:1])
        return BatchTaken(message_id, [LineAnswer(phones[0], True, 200, 1)])

    def reject(tag: str, phones: list[str]) -> SendReply:
        lines = [LineAnswer(phone, False, 14) for phone in phones]
        return BatchTaken(bench.gateway.accept(tag, []), lines)

    other = bench.submit(3, "other", start=100)
    bench.gateway.behave = answer_one
    bench.send(other)
    bench.dispatcher.resend(other, reason=WHY)
    bench.gateway.behave = reject
    bench.send(other)
    assert bench.messages("other") == {"sent": 1, "rejected": 2}
    batch = in_doubt(bench, taken=False)
    bench.dispatcher.resend(batch, reason=WHY)
    bench.send(batch)
    assert bench.messages() == {"sent": 3}


def test_lookup_without_a_control_says_so(bench: Bench) -> None:
    batch = in_doubt(bench, taken=False)
    assert not look(bench, batch)
    assert bench.batch(batch).why.endswith("and there is no control")


def test_late_proof_is_found(bench: Bench) -> None:
    """The tag query lags by ten minutes."""
    control(bench)
    batch = in_doubt(bench, taken=True)
    tag = bench.gateway.requests[-1]
    bench.gateway.hidden.add(tag)
    while bench.clock() < OPEN + timedelta(minutes=10):
        assert not look(bench, batch)
    bench.gateway.hidden.clear()
    assert look(bench, batch)
    assert bench.messages() == {"sent": 3}
    assert bench.gateway.texted.total() == 4


def test_stop_under_a_tag_opts_out(bench: Bench) -> None:
    batch = in_doubt(bench, taken=True)
    bench.gateway.stopped.add(people(3)[0])
    look(bench, batch)
    bench.send(bench.submit(3, "autre"))
    assert bench.messages("autre") == {"sent": 2, "opted_out": 1}


# -- a person sends it again


def test_resend_sends_again_and_is_on_record(bench: Bench) -> None:
    control(bench)
    batch = in_doubt(bench, taken=False)
    bench.clock.forward(minutes=1)
    bench.dispatcher.resend(batch, reason=f"  {WHY} ", by="ada")
    row = bench.batch(batch)
    assert (row.state, row.not_before) == ("pending", bench.clock())
    assert bench.send(batch) == 1
    first, second = bench.attempts(batch)
    assert (first.outcome, first.detail) == ("resent", "sent again by ada")
    assert (second.number, second.outcome) == (2, "sent")
    assert first.tag != second.tag
    (action,) = bench.actions("resend")
    assert (action.actor, action.reason, action.batch_id) == ("ada", WHY, batch)
    assert action.at == bench.clock()
    assert bench.messages() == {"sent": 3}
    assert bench.dispatcher.incidents() == []


@pytest.mark.parametrize("act", ["resend", "give_up"])
def test_resend_without_a_reason_is_rejected(bench: Bench, act: str) -> None:
    batch = in_doubt(bench, taken=False)
    with pytest.raises(InvalidCampaign, match="reason"):
        getattr(bench.dispatcher, act)(batch, reason="  ")
    assert bench.batch(batch).state == "in_doubt"


@pytest.mark.parametrize("act", ["resend", "give_up"])
def test_batch_not_in_doubt_cannot_be_resent_or_given_up(bench: Bench, act: str) -> None:
    batch = bench.submit(3)
    end: Callable[..., None] = getattr(bench.dispatcher, act)
    with pytest.raises(IllegalMove, match="pending, not in doubt"):
        end(batch, reason=WHY)
    bench.send(batch)
    with pytest.raises(IllegalMove, match="sent, not in doubt"):
        end(batch, reason=WHY)
    with pytest.raises(NotFound):
        end(batch + 1000, reason=WHY)
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)
    assert bench.actions("resend") == bench.actions("give up") == []


def test_resend_of_a_batch_that_shows_settles_it_instead(bench: Bench) -> None:
    control(bench)
    batch = in_doubt(bench, taken=True)
    with pytest.raises(IllegalMove, match="it was taken"):
        bench.dispatcher.resend(batch, reason=WHY)
    assert bench.batch(batch).state == "sent"
    assert bench.actions("resend") == []
    assert bench.gateway.texted.total() == 4


def test_resend_without_a_lookup_sends_nothing(bench: Bench) -> None:
    batch = in_doubt(bench, taken=False)
    bench.gateway.blind = True
    with pytest.raises(GatewayError):
        bench.dispatcher.resend(batch, reason=WHY)
    bench.gateway.blind = False
    bench.gateway.cut = True  # one page of several was read
    with pytest.raises(GatewayError, match="read"):
        bench.dispatcher.resend(batch, reason=WHY)
    assert bench.batch(batch).state == "in_doubt"
    assert bench.actions("resend") == []


def test_two_resends_at_once_send_once(bench: Bench) -> None:
    batch = in_doubt(bench, taken=False)
    both = threading.Barrier(2, timeout=PATIENCE)
    ask = bench.gateway.status_by_tag

    def meet(tag: str) -> object:
        found = ask(tag)
        both.wait()  # both have looked before either decides
        return found

    text: list[str] = []

    def resend(who: str) -> None:
        try:
            bench.dispatcher.resend(batch, reason=WHY, by=who)
            text.append("done")
        except IllegalMove as error:
            text.append(str(error))

    bench.gateway.status_by_tag = meet  # type: ignore[assignment,method-assign]
    threads = [threading.Thread(target=resend, args=(who,)) for who in ("ada", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    bench.gateway.status_by_tag = ask  # type: ignore[method-assign]
    assert sorted(text) == [f"batch {batch} has been settled meanwhile", "done"]
    assert len(bench.actions("resend")) == 1
    bench.work()
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


def test_resend_decided_before_another_attempt_is_rejected(bench: Bench) -> None:
    """While one person makes up their mind, another has it sent again and it is lost again."""
    batch = in_doubt(bench, taken=False)
    with bench.dispatcher.database.read() as session:
        stale = doubts.find(session, batch)
    bench.dispatcher.resend(batch, reason=WHY)
    bench.gateway.behave = bench.gateway.lose
    bench.send(batch)
    assert bench.batch(batch).state == "in_doubt"
    with bench.dispatcher.database.write() as session, pytest.raises(IllegalMove):
        doubts.resend(session, stale, actor="bob", reason=WHY, now=bench.clock())
    assert bench.batch(batch).state == "in_doubt"


def test_resend_texts_only_those_still_in_doubt(bench: Bench) -> None:
    """The gateway confirmed two of three; its tag shows those two."""
    control(bench)
    batch = bench.submit(3)
    known, last = people(2), people(3)[2]

    def partial(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, known)
        return BatchTaken("1001", [LineAnswer(phone, True, 200, 1) for phone in known])

    bench.gateway.behave = partial
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    look(bench, batch)
    bench.dispatcher.resend(batch, reason=WHY)
    bench.settle(batch)  # the tag of the first attempt still shows those two, and that is no news
    assert bench.batch(batch).state == "pending"
    assert bench.send(batch) == 1
    assert list(bench.gateway.bodies[-1].texts) == [last]
    assert bench.messages() == {"sent": 3}
    assert set(bench.gateway.texted.values()) == {1}


def test_first_attempt_that_shows_before_the_second_puts_the_batch_in_doubt_again(
    bench: Bench,
) -> None:
    control(bench)
    batch = in_doubt(bench, taken=True)
    tag = bench.gateway.requests[-1]
    bench.gateway.hidden.add(tag)
    bench.dispatcher.resend(batch, reason=WHY)
    bench.gateway.hidden.clear()
    bench.gateway.behave = unwanted
    assert bench.send(batch) == 0  # the attempt looks the tag up before it sends
    for _ in range(3):
        bench.pass_by(minutes=5)
    assert bench.messages() == {"sent": 3}
    assert bench.outcomes(batch) == ["sent"]
    assert bench.dispatcher.incidents() == []
    assert bench.gateway.texted.total() == 4


def test_tick_finds_the_late_proof_of_a_batch_that_waits(
    bench: Bench,
) -> None:
    control(bench)
    batch = in_doubt(bench, taken=True)
    tag = bench.gateway.requests[-1]
    bench.gateway.hidden.add(tag)
    bench.dispatcher.resend(batch, reason=WHY)
    bench.dispatcher.pause("soldes")
    bench.gateway.hidden.clear()
    bench.work()
    assert bench.batch(batch).state == "in_doubt"
    for _ in range(2):
        bench.pass_by(minutes=1)
    assert bench.messages() == {"sent": 3}
    assert bench.dispatcher.incidents() == []


# -- a late proof after a second sending


def resent_and_both_taken(bench: Bench) -> int:
    """A person had it sent again, and both attempts were taken: nobody could know."""
    control(bench)
    batch = in_doubt(bench, taken=True)
    bench.gateway.hidden.add(bench.gateway.requests[-1])
    bench.dispatcher.resend(batch, reason=WHY)
    assert bench.send(batch) == 1
    assert bench.gateway.texted[people(1)[0]] == 2
    return batch


def test_late_proof_after_a_second_send_is_an_incident(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    batch = resent_and_both_taken(bench)
    bench.work()
    assert bench.dispatcher.incidents() == []  # nothing shows yet
    bench.clock.forward(minutes=20)
    bench.gateway.hidden.clear()
    for _ in range(3):
        bench.pass_by(minutes=10)
    (incident,) = bench.dispatcher.incidents()
    assert (incident.reference, incident.batch_id) == ("soldes", batch)
    assert incident.what == f"attempt 1 of batch {batch} was sent, and so was another: 3 people"
    assert [r.levelname for r in caplog.records if "sent twice" in r.message] == ["CRITICAL"]
    first, _ = bench.attempts(batch)
    assert (first.outcome, first.detail) == ("sent", "proven by its tag, too late")
    assert not any(phone in caplog.text for phone in people(3))
    assert bench.gateway.texted[people(1)[0]] == 2  # and no third time


def test_late_proof_found_twice_at_once_is_one_incident(bench: Bench) -> None:
    batch = resent_and_both_taken(bench)
    bench.gateway.hidden.clear()
    both = threading.Barrier(2, timeout=PATIENCE)
    ask = bench.gateway.status_by_tag

    def meet(tag: str) -> object:
        found = ask(tag)
        both.wait()
        return found

    bench.gateway.status_by_tag = meet  # type: ignore[assignment,method-assign]
    threads = [threading.Thread(target=bench.settle, args=(batch,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    bench.gateway.status_by_tag = ask  # type: ignore[method-assign]
    assert len(bench.dispatcher.incidents()) == 1


def test_proof_found_during_a_resend_is_not_lost(bench: Bench) -> None:
    """The lookup saw the batch, the person just before did not; the person's word came first."""
    control(bench)
    batch = in_doubt(bench, taken=True)
    bench.clock.forward(minutes=1)
    ask = bench.gateway.status_by_tag
    tag = bench.gateway.requests[-1]

    def slow(query: str) -> object:
        found = ask(query)
        bench.gateway.status_by_tag = ask  # type: ignore[method-assign]
        bench.gateway.hidden.add(tag)
        bench.dispatcher.resend(batch, reason=WHY)
        bench.gateway.hidden.clear()
        return found

    bench.gateway.status_by_tag = slow  # type: ignore[assignment,method-assign]
    bench.settle(batch)
    bench.gateway.behave = unwanted
    for _ in range(3):
        bench.pass_by(minutes=5)
    assert bench.messages() == {"sent": 3}
    assert bench.gateway.texted.total() == 4
    assert bench.dispatcher.incidents() == []


def test_429_that_shows_after_the_second_attempt_is_an_incident(
    bench: Bench,
) -> None:
    """The gateway said 429, took the batch all the same, and hid it until it was sent again."""
    control(bench)
    batch = bench.submit(3)

    def taken_all_the_same(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        bench.gateway.hidden.add(tag)
        return Throttled(10.0)

    bench.gateway.behave = taken_all_the_same
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    bench.clock.forward(seconds=15)
    assert bench.send(batch) == 1
    bench.gateway.hidden.clear()
    for _ in range(3):
        bench.pass_by(minutes=5)
    (incident,) = bench.dispatcher.incidents()
    assert incident.batch_id == batch


def test_429_that_shows_after_a_cancellation_is_no_incident(
    bench: Bench,
) -> None:
    control(bench)
    batch = bench.submit(3)

    def taken_all_the_same(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.accept(tag, phones)
        return Throttled(10.0)

    bench.gateway.behave = taken_all_the_same
    bench.send(batch)
    bench.dispatcher.cancel("soldes")
    for _ in range(3):
        bench.pass_by(minutes=5)
    assert bench.gateway.texted[people(1)[0]] == 1
    assert bench.dispatcher.incidents() == []
    assert bench.outcomes(batch) == ["sent"]  # the record knows


def test_attempt_of_two_days_ago_is_not_looked_up(bench: Bench) -> None:
    control(bench)
    batch = in_doubt(bench, taken=False)
    bench.dispatcher.resend(batch, reason=WHY)
    bench.send(batch)
    for _ in range(14):
        bench.pass_by(hours=4)
    (first, _) = bench.attempts(batch)
    assert first.check_at is None
    assert first.outcome == "resent"


# -- a person gives up


def test_given_up_doubt_is_unreported_and_on_record(bench: Bench) -> None:
    batch = in_doubt(bench, taken=False)
    bench.dispatcher.give_up(batch, reason=WHY, by="ada")
    assert bench.batch(batch).state == "failed"
    assert bench.messages() == {"unreported": 3}
    (action,) = bench.actions("give up")
    assert (action.actor, action.reason, action.batch_id) == ("ada", WHY, batch)
    assert bench.outcomes(batch) == ["given_up"]
    bench.gateway.behave = unwanted
    bench.work()
    assert bench.progress().state == "finished"
    with pytest.raises(IllegalMove):
        bench.dispatcher.resend(batch, reason=WHY)


def test_confirmed_part_of_a_given_up_doubt_is_polled(bench: Bench) -> None:
    control(bench)
    batch = in_doubt(bench, taken=True)
    tag = bench.gateway.requests[-1]
    del bench.gateway.tags[tag][people(3)[2]]
    look(bench, batch)
    bench.dispatcher.give_up(batch, reason=WHY)
    assert bench.messages() == {"sent": 2, "unreported": 1}
    bench.gateway.deliver()
    bench.pass_by(minutes=5)
    assert bench.messages() == {"delivered": 2, "unreported": 1}
    assert bench.batch(batch).state == "done"


# -- cancelled campaigns


def test_doubts_of_a_cancelled_campaign_are_settled(bench: Bench) -> None:
    control(bench)
    batch = bench.submit(600)
    behaviours = [bench.gateway.take, bench.gateway.lose]
    bench.gateway.behave = lambda tag, phones: behaviours.pop()(tag, phones)
    bench.send(batch)
    assert bench.messages() == {"in_doubt": 500, "sent": 100}
    progress = bench.dispatcher.cancel("soldes")
    assert (progress.state, progress.why) == ("cancelled", "1 batch in doubt")
    assert not progress.ended
    look(bench, batch)
    assert bench.messages() == {"sent": 600}
    bench.gateway.deliver()
    bench.pass_by(minutes=5)
    assert bench.progress().ended


def test_doubt_of_a_cancelled_campaign_can_be_given_up_and_not_resent(
    bench: Bench,
) -> None:
    batch = in_doubt(bench, taken=False)
    bench.dispatcher.cancel("soldes")
    with pytest.raises(IllegalMove, match="cancelled"):
        bench.dispatcher.resend(batch, reason=WHY)
    assert bench.batch(batch).state == "in_doubt"
    bench.dispatcher.give_up(batch, reason=WHY)
    assert bench.progress().ended


def test_resent_doubt_of_a_paused_campaign_leaves_after_its_resumption(bench: Bench) -> None:
    batch = in_doubt(bench, taken=False)
    bench.dispatcher.pause("soldes")
    bench.dispatcher.resend(batch, reason=WHY)
    bench.work()
    assert bench.batch(batch).state == "pending"
    bench.dispatcher.resume("soldes")
    bench.work()
    assert bench.messages() == {"sent": 3}


def test_report_of_another_number_changes_nothing(bench: Bench) -> None:
    """A tag that shows a number of another batch changes neither batch."""
    control(bench)
    batch = in_doubt(bench, taken=False)
    bench.gateway._report = lambda phone, state: Report(STRANGER, state)  # type: ignore[method-assign]
    assert not look(bench, batch)
    assert bench.messages() == {"in_doubt": 3}
