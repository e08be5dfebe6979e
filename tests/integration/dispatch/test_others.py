"""People who are left out because of another campaign, judged when a batch is gathered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import event, update

from dispatcher import InvalidCampaign, ReferenceTaken
from dispatcher.campaigns.draft import planned
from dispatcher.campaigns.evidence_file import layout
from dispatcher.campaigns.others import Other, Rule
from dispatcher.campaigns.states import BatchState, CampaignState, MessageState
from dispatcher.errors import PlanChanged
from dispatcher.gateway import BatchTaken, LineAnswer, SendReply, Throttled
from dispatcher.storage import others, pseudonymous, recipient_retention
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Batch, Campaign, Reply
from tests.integration.api.test_evidence import evidence_of, lines, verified
from tests.integration.bench import OPEN, TEXT, Bench, opened, people
from tests.integration.conftest import empty
from tests.statements import counted_with_values, plan_of

FIRST, SECOND, THIRD = people(3)


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    empty(tables)
    with opened(tables, rate=1000) as made:
        yield made


def report(bench: Bench, phone: str, state: MessageState) -> None:
    """Let the network report about a number, under each tag that it has by now."""
    for states in bench.gateway.tags.values():
        if phone in states:
            states[phone] = state


def answer(bench: Bench, phone: str, campaign: str | None) -> None:
    with bench.dispatcher.database.write() as session:
        session.add(
            Reply(
                digest=f"{phone} {campaign}",
                phone=phone,
                text="Oui",
                stop=False,
                received_at=bench.clock(),
                campaign_id=None if campaign is None else bench.progress(campaign).id,
            )
        )


def test_overlapping_lists_that_are_both_due_text_nobody_twice(bench: Bench) -> None:
    bench.submit(4, "first")
    bench.submit(4, "second", start=2, except_campaign="first")
    bench.work()
    assert bench.gateway.texted == dict.fromkeys(people(6), 1)
    assert bench.messages("first") == {"sent": 4}
    assert bench.messages("second") == {"sent": 2, "left_out": 2}
    assert bench.progress("second").left_out_by == {"first": 2}
    bench.check()


@pytest.mark.parametrize("first", ["first", "second"])
def test_order_in_which_they_leave_does_not_matter(bench: Bench, first: str) -> None:
    batches = {"first": bench.submit(3, "first")}
    batches["second"] = bench.submit(3, "second", start=1, except_campaign=["first"])
    bench.tick()
    bench.send(batches.pop(first))
    bench.send(*batches.values())
    assert bench.gateway.texted == dict.fromkeys(people(4), 1)


def test_batch_of_which_everybody_is_left_out_is_done(bench: Bench) -> None:
    bench.submit(3, "first")
    batch = bench.submit(3, "second", except_campaign="first")
    bench.work()
    bench.tick()
    assert bench.batch(batch).state == "done"
    assert bench.progress("second").state == "finished"
    assert bench.messages("second") == {"left_out": 3}
    bench.check()


def test_people_of_a_cancelled_campaign_are_texted(bench: Bench) -> None:
    bench.submit(3, "first")
    bench.submit(3, "second", except_campaign="first")
    bench.dispatcher.cancel("first", reason="a mistake")
    bench.work()
    assert bench.messages("second") == {"sent": 3}


def test_people_of_a_paused_campaign_are_left_out(bench: Bench) -> None:
    bench.submit(3, "first")
    bench.dispatcher.pause("first", reason="later")
    bench.submit(3, "second", except_campaign="first")
    bench.work()
    assert bench.messages("second") == {"left_out": 3}


def test_first_campaign_named_is_the_cause(bench: Bench) -> None:
    bench.submit(2, "first")
    bench.submit(3, "second")
    bench.submit(4, "third", except_campaign=["second", "first", "second"])
    bench.work()
    assert bench.progress("third").left_out_by == {"second": 3}
    bench.submit(4, "fourth", except_campaign=["first", "third", "second"])
    bench.work()
    assert bench.progress("fourth").left_out_by == {"first": 2, "second": 1, "third": 1}
    reasons = {one.reason for one in bench.dispatcher.results("fourth")}
    assert "left out because of campaign first" in reasons
    bench.check()


# -- except: who may still be texted, or may have been


def test_people_of_a_batch_in_doubt_are_left_out(bench: Bench) -> None:
    batch = bench.submit(3, "first")
    bench.gateway.behave = bench.gateway.lose
    bench.send(batch)
    assert bench.messages("first") == {"in_doubt": 3}
    bench.gateway.behave = bench.gateway.take
    second = bench.submit(3, "second", except_campaign="first")
    bench.send(second)
    assert bench.messages("second") == {"left_out": 3}
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


def test_cancelled_people_whose_attempt_may_have_been_taken_are_left_out(bench: Bench) -> None:
    batch = bench.submit(3, "first")
    bench.gateway.behave = lambda *_: Throttled(30.0)
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    assert bench.outcomes(batch) == ["throttled"]
    bench.dispatcher.cancel("first", reason="a mistake")
    assert bench.messages("first") == {"cancelled": 3}
    bench.clock.forward(minutes=2)
    second = bench.submit(4, "second", except_campaign="first")
    bench.tick()
    bench.send(second)
    assert bench.messages("second") == {"sent": 1, "left_out": 3}


def test_rest_of_an_attempt_of_which_a_part_shows_is_left_out(bench: Bench) -> None:
    """A person had it sent again and then cancelled; its tag shows one of two so far."""

    def lose(tag: str, phones: list[str]) -> SendReply:
        bench.gateway.hidden.add(tag)
        return bench.gateway.lose(tag, phones)

    bench.gateway.behave = lose
    batch = bench.submit(2, "first")
    bench.send(batch)
    bench.dispatcher.pause("first", reason="what was that?")
    bench.dispatcher.resend(batch, reason="not in their dashboard")
    bench.dispatcher.cancel("first", reason="a mistake")
    (tag,) = (one.tag for one in bench.attempts(batch))
    bench.gateway.tags[tag].pop(SECOND)
    bench.gateway.hidden.clear()
    bench.pass_by(minutes=5)
    assert bench.messages("first") == {"sent": 1, "cancelled": 1}
    bench.gateway.behave = bench.gateway.take
    bench.submit(3, "second", except_campaign="first")
    bench.work()
    assert bench.messages("second") == {"sent": 1, "left_out": 2}
    assert bench.gateway.texted == dict.fromkeys(people(3), 1)


@pytest.mark.parametrize("hours", [0, 5])
def test_who_was_rejected_by_an_answer_that_names_everybody_is_texted(
    bench: Bench, hours: int
) -> None:
    hour = OPEN + timedelta(hours=hours)

    def reject_one(tag: str, phones: list[str]) -> SendReply:
        lines = [LineAnswer(one, one != FIRST, 4 if one == FIRST else 200, 1) for one in phones]
        return BatchTaken(bench.gateway.accept(tag, phones[1:]), lines)

    bench.gateway.behave = reject_one
    batch = bench.submit(3, "first", not_before=hour, hand_over=bool(hours))
    bench.send(batch)
    assert bench.outcomes(batch) == ["sent"]
    bench.gateway.behave = bench.gateway.take
    bench.clock.at = hour
    bench.tick()
    bench.gateway.deliver()
    for _ in range(3):
        bench.pass_by(minutes=10)
    assert bench.messages("first") == {"delivered": 2, "rejected": 1}
    assert bench.progress("first").state == "finished"
    bench.submit(3, "second", except_campaign="first")
    bench.work()
    assert bench.messages("second") == {"sent": 1, "left_out": 2}


@pytest.mark.parametrize(
    ("state", "left"), [("running", {"left_out": 3}), ("finished", {"sent": 3})]
)
def test_refused_people_are_left_out_until_their_campaign_ends(
    bench: Bench, state: str, left: dict[str, int]
) -> None:
    batch = bench.submit(3, "first")
    with bench.dispatcher.database.write() as session:
        values = {"states": "rrr", "pending": 0, "rejected": 3, "state": BatchState.FAILED}
        session.execute(update(Batch).where(Batch.id == batch).values(values))
        session.execute(update(Campaign).values(state=CampaignState(state)))
    second = bench.submit(3, "second", except_campaign="first")
    bench.send(second)
    assert bench.messages("second") == left


def test_people_whose_numbers_retention_replaced_are_left_out(bench: Bench) -> None:
    bench.submit(3, "first")
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(minutes=10)
    bench.tick()
    assert bench.progress("first").state == "finished"
    bench.clock.forward(days=42)  # a Tuesday
    with bench.dispatcher.database.write() as session:
        pseudonyms = pseudonymous.begin(session)
        recipient_retention.replace(session, bench.clock(), pseudonyms, 100, bench.clock())
    assert all(phone.startswith("person-") for _, _, phone, _ in bench.view())
    second = bench.submit(4, "second", except_campaign="first")
    bench.tick()
    bench.send(second)
    assert bench.messages("second") == {"sent": 1, "left_out": 3}


def test_handed_over_people_are_left_out_on_both_sides(bench: Bench) -> None:
    hour = OPEN + timedelta(hours=5)
    first = bench.submit(3, "first", hand_over=True, not_before=hour)
    bench.send(first)
    assert bench.batch(first).state == "handed_over"
    second = bench.submit(4, "second", hand_over=True, not_before=hour, except_campaign="first")
    bench.send(second)
    assert bench.messages("second") == {"pending": 1, "left_out": 3}
    assert bench.gateway.texted[people(4)[3]] == 1


def test_opted_out_person_is_counted_as_that(bench: Bench) -> None:
    bench.submit(3, "first")
    second = bench.submit(3, "second", except_campaign="first")
    bench.opt_out(FIRST)
    bench.send(second)
    assert bench.messages("second") == {"opted_out": 1, "left_out": 2}


def test_person_left_out_at_the_weekly_cap_is_counted_as_left_out(tables: Database) -> None:
    empty(tables)
    with opened(tables, rate=1000, weekly_messages=1) as bench:
        bench.submit(2, "first")
        bench.work()
        second = bench.submit(3, "second", except_campaign="first")
        bench.send(second)
        assert bench.messages("second") == {"sent": 1, "left_out": 2}


# -- only


def test_only_texts_whom_the_other_campaign_has_texted(bench: Bench) -> None:
    bench.submit(2, "first")
    bench.work()
    second = bench.submit(4, "second", only_campaign="first")
    bench.send(second)
    assert bench.messages("second") == {"sent": 2, "left_out": 2}
    assert bench.progress("second").left_out_by == {"first": 2}


@pytest.mark.parametrize("word", ["texted", "silent"])
def test_only_texts_nobody_of_a_part_that_was_given_up_in_doubt(bench: Bench, word: str) -> None:
    """The answer to a batch is lost but for one line; the others never left, and are given up."""

    def answer_one(tag: str, phones: list[str]) -> SendReply:
        message_id = bench.gateway.accept(tag, phones[:1])
        return BatchTaken(message_id, [LineAnswer(phones[0], True, 200, 1)])

    bench.gateway.behave = answer_one
    batch = bench.submit(3, "first")
    bench.send(batch)
    bench.dispatcher.give_up(batch, reason="not in their dashboard")
    assert bench.batch(batch).state == "sent"
    bench.gateway.behave = bench.gateway.take
    for _ in range(8):  # the report of the first does not come within 72 hours
        bench.pass_by(hours=12)
    assert bench.messages("first") == {"unreported": 3}
    second = bench.submit(3, "second", only_campaign=f"first:{word}")
    bench.tick()
    bench.clock.at = bench.batch(second).not_before
    bench.send(second)
    assert bench.messages("second") == {"sent": 1, "left_out": 2}
    assert bench.gateway.texted == {FIRST: 2}


@pytest.mark.parametrize(("word", "whom"), [("delivered", FIRST), ("undelivered", SECOND)])
def test_reports_are_waited_for_and_then_decide(bench: Bench, word: str, whom: str) -> None:
    bench.submit(3, "first")
    bench.work()
    report(bench, FIRST, MessageState.DELIVERED)
    report(bench, SECOND, MessageState.UNDELIVERED)
    bench.pass_by(minutes=1)
    second = bench.submit(3, "second", only_campaign=f"first:{word}")
    bench.send(second)
    assert bench.messages("second") == {"pending": 3}
    number = bench.progress("first").id
    progress = bench.progress("second")
    assert progress.why == f"reports of campaign {number} are missing for 1 person"
    assert progress.cause == "other_campaign"
    assert progress.waits_until is not None
    for _ in range(12):  # they are given up after 72 hours
        bench.pass_by(hours=12)
        if bench.batch(second).attempt:
            break
    assert bench.gateway.texted[whom] == 2
    assert bench.progress("second").messages["left_out"] == 2
    bench.check()


def test_only_waits_while_the_other_campaign_may_still_text(bench: Bench) -> None:
    first = bench.submit(3, "first")
    second = bench.submit(3, "second", only_campaign="first")
    bench.send(second)
    number = bench.progress("first").id
    assert bench.progress("second").why == f"campaign {number} may still text 3 people"
    bench.send(first)
    bench.pass_by(minutes=1)
    assert bench.messages("second") == {"sent": 3}


def waits(bench: Bench) -> timedelta:
    """How long the second campaign waits for the first."""
    batch = bench.submit(3, "second", only_campaign="first")
    bench.send(batch)
    until = bench.batch(batch).others_until
    assert until is not None
    return until - bench.clock()


def test_campaign_that_sends_is_asked_about_again_soon(bench: Bench) -> None:
    bench.submit(3, "first")
    assert waits(bench) == timedelta(minutes=1)


def test_paused_campaign_is_asked_about_less_often(bench: Bench) -> None:
    bench.submit(3, "first")
    bench.dispatcher.pause("first", reason="over the weekend")
    assert waits(bench) == timedelta(minutes=10)
    number = bench.progress("first").id
    assert bench.progress("second").why == f"campaign {number} may still text 3 people"
    bench.dispatcher.resume("first")
    bench.work()
    bench.pass_by(minutes=10)
    assert bench.messages("second") == {"sent": 3}


@pytest.mark.parametrize(("minutes", "again"), [(9, 1), (11, 10)])
def test_campaign_that_leaves_later_is_asked_about_less_often(
    bench: Bench, minutes: int, again: int
) -> None:
    bench.submit(3, "first", not_before=OPEN + timedelta(minutes=minutes))
    assert waits(bench) == timedelta(minutes=again)


def test_campaign_that_is_handed_over_is_asked_about_less_often(bench: Bench) -> None:
    first = bench.submit(3, "first", hand_over=True, not_before=OPEN + timedelta(hours=5))
    bench.send(first)
    assert bench.batch(first).state == "handed_over"
    assert waits(bench) == timedelta(minutes=10)


def test_not_after_ends_the_wait(bench: Bench) -> None:
    bench.submit(3, "first")
    bench.dispatcher.pause("first", reason="later")
    bench.submit(3, "second", only_campaign="first", not_after=OPEN + timedelta(hours=1))
    bench.work()
    bench.pass_by(hours=2)
    assert bench.messages("second") == {"expired": 3}


def test_silent_is_who_answered_neither_the_campaign_nor_a_long_number_since(bench: Bench) -> None:
    bench.submit(4, "other")
    bench.dispatcher.pause("other", reason="it is only answered")
    answer(bench, people(4)[3], None)  # before
    bench.clock.forward(minutes=1)
    first = bench.submit(4, "first")
    bench.send(first)
    bench.clock.forward(minutes=1)
    answer(bench, FIRST, "first")
    answer(bench, SECOND, None)
    answer(bench, THIRD, "other")
    second = bench.submit(4, "second", only_campaign="first:silent")
    bench.tick()
    bench.send(second)
    assert bench.messages("second") == {"sent": 2, "left_out": 2}
    assert dict(bench.gateway.texted) == {FIRST: 1, SECOND: 1, THIRD: 2, people(4)[3]: 2}


def test_silent_person_who_says_stop_is_opted_out(bench: Bench) -> None:
    bench.submit(3, "first")
    bench.work()
    second = bench.submit(3, "second", only_campaign="first:silent")
    bench.opt_out(FIRST)
    bench.send(second)
    assert bench.messages("second") == {"sent": 2, "opted_out": 1}


# -- what is refused, planned, compared


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"except_campaign": "no"}, "except_campaign names 'no', and there is no such campaign"),
        ({"only_campaign": "no:silent"}, "only_campaign names 'no', and there is no such campaign"),
        ({"only_campaign": "first:sent"}, "names 'first:sent', and there is no such campaign"),
    ],
)
@pytest.mark.parametrize("act", ["submit", "plan"])
def test_what_cannot_be_named_is_refused_and_stores_nothing(
    bench: Bench, act: str, options: dict[str, Any], says: str
) -> None:
    bench.submit(2, "first")
    reference = ["second"] if act == "submit" else []
    with pytest.raises(InvalidCampaign, match=says):
        getattr(bench.dispatcher, act)(*reference, TEXT, people(2), **options)
    assert [one.reference for one in bench.campaigns()] == ["first"]


def test_campaign_that_names_itself_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidCampaign, match="except_campaign names the campaign itself: 'first'"):
        bench.submit(2, "first", except_campaign=["other", "first"])
    bench.submit(2, "plan")  # a name as any other
    assert bench.dispatcher.plan(TEXT, people(2), except_campaign="plan").left_out == {"plan": 2}


def test_campaigns_that_name_each_other_are_refused(bench: Bench) -> None:
    bench.submit(2, "first")
    bench.submit(2, "second", except_campaign="first")
    bench.submit(2, "third", only_campaign="second")
    for other in ("second", "third"):
        with pytest.raises(InvalidCampaign, match=r"goes in a circle: '(second|third)' names"):
            bench.submit(2, "first", except_campaign=other)


def test_drafts_that_name_each_other_are_refused(bench: Bench) -> None:
    drafts = bench.dispatcher.drafts
    for one, other in (("first", "second"), ("second", "third")):
        drafts.create(one, TEXT, except_campaign=[other])
    circle = "goes in a circle: 'first' names 'third'"
    with pytest.raises(InvalidCampaign, match=circle):
        drafts.create("third", TEXT, except_campaign=["first"])
    drafts.create("third", TEXT)
    with pytest.raises(InvalidCampaign, match=circle):
        drafts.save("third", version=1, options={"only_campaign": "first:silent"})
    assert drafts.get("third").version == 1
    drafts.create("fourth", TEXT, only_campaign="third:silent")
    draft = drafts.set_list("fourth", people(2), version=1)
    with pytest.raises(InvalidCampaign, match="names 'third', which is a draft: submit it first"):
        drafts.plan("fourth", version=draft.version)


def test_drafts_that_came_to_name_each_other_are_not_planned(bench: Bench) -> None:
    """Two people who save at the same moment do not see each other."""
    drafts = bench.dispatcher.drafts
    with mock.patch("dispatcher.api.written_drafts.check_drafts"):
        for one, other in (("first", "second"), ("second", "third"), ("third", "first")):
            drafts.create(one, TEXT, except_campaign=[other])
        draft = drafts.set_list("first", people(2), version=1)
    with pytest.raises(InvalidCampaign, match="goes in a circle: 'second' names 'first'"):
        drafts.plan("first", version=draft.version)


def test_campaign_of_another_account_is_refused(tables: Database) -> None:
    empty(tables)
    with opened(tables, api_key="k" * 40, accounts="lyon", api_key_lyon="s" * 40) as bench:
        bench.submit(2, "first", account="lyon")
        with pytest.raises(InvalidCampaign, match="'first', which goes through account 'lyon'"):
            bench.submit(2, "second", except_campaign="first")


def test_test_of_a_draft_is_refused(bench: Bench) -> None:
    bench.submit(2, "first")
    with bench.dispatcher.database.write() as session:
        session.execute(update(Campaign).values(test_of="draft"))
    with pytest.raises(InvalidCampaign, match="'first', which is a test of a draft"):
        bench.submit(2, "second", except_campaign="first")


def test_same_text_for_those_who_are_left_out_is_no_repeat(tables: Database) -> None:
    empty(tables)
    with opened(tables, repeat_mode="block") as bench:
        bench.submit(2, "first")
        bench.submit(2, "other", start=1000)
        plan = bench.dispatcher.plan(TEXT, people(3), except_campaign="first")
        assert not any("the same text" in one for one in plan.warnings)
        bench.submit(3, "second", except_campaign="first")
        with pytest.raises(InvalidCampaign, match="the same text reaches 3 of these people"):
            bench.submit(3, "third", except_campaign="first")


def test_same_again_is_the_same_and_other_names_are_another_body(bench: Bench) -> None:
    bench.submit(2, "first")
    options: dict[str, Any] = {"except_campaign": ["first"]}
    once = bench.dispatcher.submit("second", TEXT, people(3), **options)
    assert bench.dispatcher.submit("second", TEXT, people(3), except_campaign="first") == once
    for another in ({}, {"only_campaign": "first"}, {"only_campaign": "first:silent"}):
        with pytest.raises(ReferenceTaken):
            bench.dispatcher.submit("second", TEXT, people(3), **another)  # type: ignore[arg-type]


def test_plan_counts_who_would_be_left_out_as_of_now(bench: Bench) -> None:
    bench.submit(3, "first")
    bench.opt_out(FIRST)
    plan = bench.dispatcher.plan(TEXT, people(5), except_campaign="first")
    assert (plan.opted_out, plan.left_out, plan.undecided) == (1, {"first": 2}, 0)
    plan = bench.dispatcher.plan(TEXT, people(5), only_campaign="first")
    assert (plan.left_out, plan.undecided) == ({"first": 2}, 2)
    assert plan.as_json()["left_out"] == {"first": 2}
    stored = json.loads(planned(plan))
    assert (stored["left_out"], stored["undecided"]) == (2, 2)


def test_approved_plan_is_of_these_campaigns(bench: Bench) -> None:
    bench.submit(3, "first")
    plan = bench.dispatcher.plan(TEXT, people(5), except_campaign="first")
    with pytest.raises(PlanChanged):
        bench.submit(5, "second", approved=plan.fingerprint)
    bench.submit(5, "second", approved=plan.fingerprint, except_campaign="first")


# -- where it is shown


def test_evidence_names_the_campaign_and_verifies(tables: Database) -> None:
    empty(tables)
    with opened(tables, signing_key="a signing key of the tests, 32 characters") as bench:
        bench.submit(2, "first")
        bench.submit(3, "second", except_campaign=["first"])
        bench.work()
        data = evidence_of(bench, "second")
        assert verified(data).problems == ()
        found = [one.get("because_of") for one in lines(data, layout.RECIPIENTS)]
        assert found == ["first", "first", None]
        assert verified(data).sums["states"] == {"sent": 1, "left_out": 2}


def test_results_say_because_of_which_campaign(bench: Bench) -> None:
    bench.submit(2, "first")
    bench.submit(3, "second", except_campaign=["first"])
    bench.work()
    found = [(one.state, one.reason) for one in bench.dispatcher.results("second")]
    assert found == [
        *[("left_out", "left out because of campaign first")] * 2,
        ("sent", "no delivery report yet"),
    ]


def test_campaign_that_names_none_asks_nothing_more(bench: Bench) -> None:
    """One query a batch for who names a campaign, and none for the others."""
    asked: list[str] = []

    def note(*call: Any) -> None:
        asked.append(call[2])

    def statements(batch: int) -> list[str]:
        asked.clear()
        bench.send(batch)
        return list(asked)

    bench.send(bench.submit(2, "first"))
    engine = bench.dispatcher.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        without = statements(bench.submit(2, "alone", start=10))
        with_one = statements(bench.submit(2, "named", start=20, except_campaign="first"))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert bench.messages("named") == {"sent": 2}
    # one asks for the people, and before and after it one asks whether there are pseudonyms
    more = list((Counter(with_one) - Counter(without)).elements())
    assert len(more) == len(with_one) - len(without) == 3, more
    assert not any("dispatcher_left_out" in one for one in without)


def test_people_are_found_by_the_index_of_numbers(bench: Bench) -> None:
    """Whatever else is stored: the query reads the rows of its 500 numbers, and their batches."""
    bench.submit(3, "first")
    database = bench.dispatcher.database
    other = [Other(bench.progress("first").id, Rule.EXCEPT)]
    with counted_with_values(database, "WITH people") as asked, database.read() as session:
        assert len(others.find(session, people(500), other)) == 3
    [(statement, values)] = asked
    plan = "\n".join(plan_of(database, statement, values, of_few_rows=True))
    assert "ix_dispatcher_recipient_phone" in plan
    assert "SCAN dispatcher_recipient" not in plan
