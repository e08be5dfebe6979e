"""The emergency stop: everything, or all of an account, is paused at once; on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dispatcher import IllegalMove, InvalidCampaign
from dispatcher.gateway import SendReply
from dispatcher.monitoring.doctor import examine
from tests.integration.bench import OPEN, Bench
from tests.integration.monitoring.test_metrics import Scrape

WHY = "everything is paused by Anne since 2026-11-24 09:00 UTC: wrong price"


def pause(bench: Bench) -> int:
    return bench.dispatcher.pause_all(reason="wrong price", by="Anne")


def test_paused_installation_sends_nothing_of_any_campaign(bench: Bench) -> None:
    first = bench.submit()
    assert pause(bench) == 0
    later = bench.submit(3, "later", start=10)
    assert list(bench.tick().send) == []
    for batch in (first, later):
        bench.send(batch)
    assert bench.gateway.ledger == []
    assert (bench.progress().why, bench.progress("later").why) == (WHY, WHY)
    assert bench.progress().state == "running"
    assert bench.dispatcher.resume_all(reason="corrected", by="Bob")
    assert not bench.dispatcher.resume_all()
    bench.work()
    assert bench.messages() == bench.messages("later") == {"sent": 3}


def test_pause_of_everything_is_on_record_with_who_and_why(bench: Bench) -> None:
    bench.submit()
    pause(bench)
    pause(bench)
    bench.dispatcher.resume_all(reason="corrected", by="Bob")
    record = [(it.actor, it.reason) for it in bench.actions("pause all")]
    assert record == [("Anne", "wrong price")]
    assert [(it.actor, it.reason) for it in bench.actions("resume all")] == [("Bob", "corrected")]


def test_batch_gathered_before_the_pause_is_not_claimed_after_it(bench: Bench) -> None:
    batch = bench.submit()
    bench.gateway.on_connect = lambda: pause(bench)
    bench.send(batch)
    assert (bench.gateway.ledger, bench.batch(batch).attempt) == ([], 0)


def test_batch_in_flight_is_told_and_comes_to_its_end(bench: Bench) -> None:
    batch = bench.submit()
    told: list[int] = []

    def pause_and_take(tag: str, phones: list[str]) -> SendReply:
        told.append(pause(bench))
        return bench.gateway.take(tag, phones)

    bench.gateway.behave = pause_and_take
    bench.send(batch)
    assert (told, bench.messages()) == ([1], {"sent": 3})


def test_pause_of_everything_asks_back_what_was_handed_over(bench: Bench) -> None:
    batch = bench.submit(3, not_before=OPEN + timedelta(days=1), hand_over=True)
    bench.work()
    assert bench.batch(batch).state == "handed_over"
    pause(bench)
    bench.work()
    assert bench.batch(batch).state == "pending"
    bench.work()
    assert bench.batch(batch).state == "pending"
    bench.dispatcher.resume_all()
    bench.work()
    assert bench.batch(batch).state == "handed_over"


def test_campaign_paused_by_itself_stays_paused_after_the_end_of_the_pause(bench: Bench) -> None:
    bench.submit()
    bench.dispatcher.pause("soldes", reason="a typo")
    pause(bench)
    assert bench.progress().why == f"paused: a typo; {WHY}"
    bench.dispatcher.resume_all()
    bench.work()
    assert bench.progress().why == "paused: a typo"


def test_reason_of_a_pause_is_needed(bench: Bench) -> None:
    with pytest.raises(InvalidCampaign, match="reason"):
        bench.dispatcher.pause_all(reason=" ")
    assert bench.dispatcher.paused_all() is None


def test_pause_of_one_account_leaves_the_others_alone(bench: Bench) -> None:
    default = bench.dispatcher.for_account("")
    batch = bench.submit()
    default.pause_all(reason="its key leaked", by="Anne")
    bench.send(batch)
    assert bench.gateway.ledger == []
    assert bench.progress().why.startswith("account default is paused by Anne")
    assert bench.dispatcher.paused_all() is None
    pause(bench)
    with pytest.raises(IllegalMove, match="everything is paused by Anne"):
        default.resume_all()
    assert bench.dispatcher.resume_all()  # ends those of accounts, too
    bench.send(batch)
    assert bench.messages() == {"sent": 3}


def test_doctor_and_metric_say_that_everything_is_paused(bench: Bench) -> None:
    assert [it.level for it in examine(bench.dispatcher, ["pause"])] == ["ok"]
    pause(bench)
    (finding,) = examine(bench.dispatcher, ["pause"])
    assert (finding.name, finding.level, finding.says) == ("pause", "warning", WHY)
    assert finding.remedy == "dispatcher resume --all"
    assert Scrape(bench)["paused"] == 1
    assert Scrape(bench)["due_batches"] == 0


def test_due_is_empty_while_everything_is_paused(bench: Bench) -> None:
    bench.submit()
    pause(bench)
    due = bench.tick()
    assert (list(due.send), due.credit) == ([], False)
