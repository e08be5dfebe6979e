"""Campaigns from a long number, and surveys, as they are stored, counted, charged and answered."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from dispatcher import InvalidCampaign, ReferenceTaken
from dispatcher.gateway import Accepted, Declined, SendOptions
from dispatcher.gateway.smspartner.client import SmsPartner
from dispatcher.sandbox.process import Sandbox
from dispatcher.storage.database import Database
from tests.integration.bench import TEXT, Bench, opened, people

OURS, OTHER = "+33639988888", "+33639988889"
SURVEY: dict[str, Any] = {"survey": "a1b2"}


def survey(bench: Bench, count: int, reference: str = "soldes", **options: Any) -> int:
    """Submit a survey; returns the id of the first batch."""
    values = SURVEY | options
    campaign_id = bench.dispatcher.submit(reference, "", people(count), **values)
    return bench.batches(campaign_id)[0].id


def test_long_number_makes_one_batch_and_call_a_recipient(bench: Bench) -> None:
    bench.submit(700, from_number=OURS)
    batches = bench.batches()
    assert [batch.number for batch in batches] == list(range(1, 701))
    assert {batch.size for batch in batches} == {1}
    assert [phone for _, _, phone, _ in bench.view()] == people(700)
    assert bench.dispatcher.plan(TEXT, people(700), from_number=OURS).batches == 700


def test_long_number_and_text_are_in_the_request(bench: Bench) -> None:
    bench.submit(2, from_number="06 39 98 88 88")
    bench.work()
    assert [(one.sender, one.stop, one.unicode) for one in bench.gateway.bodies] == 2 * [
        (OURS, True, False)
    ]
    assert {text for one in bench.gateway.bodies for text in one.texts.values()} == {TEXT}
    assert bench.progress().cost == Decimal("0.076")


def test_survey_is_sent_by_its_name(bench: Bench) -> None:
    survey(bench, 2)
    bench.work()
    assert [list(one.texts.values()) for one in bench.gateway.bodies] == 2 * [["survey a1b2"]]
    bench.gateway.deliver()
    bench.pass_by(minutes=1)
    assert bench.messages() == {"delivered": 2}
    result = bench.progress()
    assert (result.cost, result.planned, result.untold) == (Decimal("0.076"), None, 0)
    record = bench.dispatcher.campaign("soldes")
    assert (record.survey, record.text, record.sender) == ("a1b2", "", None)


def test_same_long_number_is_the_same_campaign_and_another_is_not(bench: Bench) -> None:
    first = bench.submit(2, from_number=OURS)
    assert bench.submit(2, from_number="06 39 98 88 88") == first
    others: list[dict[str, Any]] = [{"from_number": OTHER}, {}, {"sender": "Boutique"}]
    for other in others:
        with pytest.raises(ReferenceTaken):
            bench.submit(2, **other)
    assert len(bench.batches()) == 2


def test_campaign_without_number_and_sender_uses_the_setting(tables: Database) -> None:
    with opened(tables, sender=None, from_number=OURS) as bench:
        bench.submit(1, "by the setting")
        bench.submit(1, "by its sender", sender="Boutique")
        bench.submit(1, "by its number", from_number=OTHER)
        survey(bench, 1, "a survey")
        known = {one.reference: (one.sender, one.from_number) for one in bench.campaigns()}
    assert known == {
        "by the setting": (None, OURS),
        "by its sender": ("Boutique", None),
        "by its number": (None, OTHER),
        "a survey": (None, None),
    }


def test_plan_of_a_survey_has_no_segments_or_cost(tables: Database) -> None:
    with opened(tables, prices="metropole=0.045") as bench:
        planned = bench.dispatcher.plan("", people(3), **SURVEY)
        assert (planned.kept, planned.batches) == (3, 3)
        assert (planned.segments, planned.cost, planned.billed) == (None, None, {})
        result = planned.as_json()
        assert (result["segments"], result["cost"], result["longest"]) == (None, None, [])
        assert not any("price" in one for one in planned.warnings)
        bench.dispatcher.submit("s", "", people(3), approved=planned.fingerprint, **SURVEY)


def test_survey_repeats_only_itself(tables: Database) -> None:
    with opened(tables, repeat_mode="block") as bench:
        survey(bench, 2, "first")
        with pytest.raises(InvalidCampaign, match=r"the same survey reaches 2 .* under 'first'"):
            survey(bench, 2, "second")
        survey(bench, 2, "another", survey="b2")
        bench.submit(2, "a text")


def test_long_number_respects_weekly_cap_and_opt_outs(tables: Database) -> None:
    with opened(tables, weekly_messages=1) as bench:
        bench.submit(1, "before")
        bench.work()
        survey(bench, 3)
        bench.opt_out(people(3)[1])
        bench.work()
        assert bench.messages() == {"sent": 1, "rejected": 1, "opted_out": 1}
        bench.check()


def test_cap_of_euros_set_later_pauses_a_survey(tables: Database) -> None:
    with opened(tables) as bench:
        survey(bench, 2)
    with opened(tables, prices="metropole=0.045", campaign_euros=10) as bench:
        bench.work()
        assert not bench.gateway.requests
        assert "no price is set for surveys" in bench.progress().why


@pytest.mark.parametrize("prices", ["", "metropole=0.045"])
def test_survey_without_a_price_runs_on_any_balance(tables: Database, prices: str) -> None:
    with opened(tables, credit_check="pause", prices=prices) as bench:
        bench.gateway.balance = Decimal("0.02")
        survey(bench, 2)
        bench.work()
        assert bench.messages() == {"sent": 2}
        [action] = bench.actions("credit")
        assert action.reason.endswith(": no price is known for surveys (DISPATCHER_PRICES)")


def test_survey_pauses_without_balance(tables: Database) -> None:
    with opened(tables, credit_check="pause") as bench:
        bench.gateway.balance = Decimal(0)
        survey(bench, 2)
        bench.work()
        assert not bench.gateway.requests
        assert bench.progress().why == "paused: no credit: nothing is left of the balance"


def test_lost_answer_of_one_recipient_is_settled_by_its_tag(bench: Bench) -> None:
    gateway, [unlucky, _] = bench.gateway, people(2)
    gateway.behave = lambda tag, phones: (
        gateway.lose(tag, phones) if unlucky in phones else gateway.take(tag, phones)
    )
    survey(bench, 2)
    bench.work()
    assert bench.messages() == {"sent": 1, "in_doubt": 1}
    bench.pass_by(minutes=1)
    assert bench.messages() == {"sent": 2}
    assert set(bench.gateway.texted.values()) == {1}


def reply(bench: Bench, phone: str, to: str, said: str = "Oui") -> None:
    call = {"msisdn": phone[1:], "to": to[1:], "messageId": said, "text": said, "type": "text"}
    bench.dispatcher.inbox.take("reply", json.dumps(call).encode())


def test_reply_belongs_to_the_last_message_from_that_number(bench: Bench) -> None:
    first, second = people(2)
    bench.submit(2, "first", from_number=OURS)
    bench.work()
    bench.clock.forward(hours=1)
    bench.submit(1, "second", from_number=OURS)
    reply(bench, first, OURS, "before it was sent")
    bench.work()
    reply(bench, first, OURS, "after")
    reply(bench, second, OURS, "who had the first only")
    reply(bench, first, OTHER, "to another number")
    reply(bench, "+33639987777", OURS, "from a stranger")
    assert {one.text: one.campaign for one in bench.dispatcher.replies()} == {
        "before it was sent": "first",
        "after": "second",
        "who had the first only": "first",
        "to another number": None,
        "from a stranger": None,
    }


def test_stop_to_the_long_number_opts_out(bench: Bench) -> None:
    bench.submit(2, from_number=OURS)
    reply(bench, people(1)[0], OURS, "STOP")
    bench.work()
    assert bench.messages() == {"sent": 1, "opted_out": 1}


def test_fake_gateway_accepts_the_clients_requests() -> None:
    addresses = SendOptions(
        reports_to="http://127.0.0.1:9/report", replies_to="http://127.0.0.1:9/reply"
    )
    with Sandbox(delivery_seconds=(0, 0)) as sandbox:
        gateway = SmsPartner(sandbox.url, sandbox.key, options=addresses)
        first, second = people(2)
        request = gateway.number_request(first, "Bonjour", OURS, SendOptions(tag="a1", stop=True))
        query = json.loads(request)
        assert (query["urlDlr"], query["urlResponse"]) == (
            addresses.reports_to,
            addresses.replies_to,
        )
        assert isinstance(gateway.number_send(request), Accepted)
        request = gateway.survey_request(second, "a1b2", SendOptions(tag="a2"))
        assert json.loads(request).keys() == {"apiKey", "tag", "phoneNumbers", "sondageIdent"}
        assert isinstance(gateway.survey_send(request), Accepted)
        assert [entry.tag for entry in sandbox.entries()] == ["a1", "a2"]
        sandbox.configure(stopped=[first])
        request = gateway.number_request(first, "Bonjour", OURS, SendOptions(tag="a3"))
        assert gateway.number_send(request) == Declined(55)
