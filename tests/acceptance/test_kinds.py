"""Campaigns from a long number, and surveys: a call for each person, and the same promises."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.installation import Installation, people
from tests.acceptance.test_gateway_faults import EITHER, IMPATIENT, NOT_TAKEN, TAKEN
from tests.acceptance.workerless import OpenWorkerless, Workerless
from tests.behaviours import BEHAVIOURS

OURS = "+33639988888"


@dataclass(frozen=True)
class Kind:
    """A kind of campaign: the path of its calls, and what is submitted."""

    path: str
    text: str
    options: dict[str, Any]

    def submit(self, site: Installation, numbers: Sequence[str], **options: Any) -> None:
        site.dispatcher.submit("soldes", self.text, numbers, **self.options, **options)

    def calls(self, site: Workerless) -> int:
        return len(site.requests(self.path))


NUMBER = Kind("/v1/vn/send", "Soldes demain chez nous", {"from_number": "06 39 98 88 88"})
SURVEY = Kind("/v1/sondage/to/send", "", {"survey": "a1b2"})


@pytest.fixture(params=[pytest.param(NUMBER, id="number"), pytest.param(SURVEY, id="survey")])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each of the two kinds: a test that takes it runs for both."""
    found: Kind = request.param
    return found


@pytest.mark.parametrize(
    "behaviour", [pytest.param(one, id=name) for name, one in BEHAVIOURS.items()]
)
def test_everybody_gets_a_call_and_a_report(
    workerless: OpenWorkerless, kind: Kind, behaviour: dict[str, Any]
) -> None:
    site = workerless(switches=behaviour | {"fates": {"02": "Not delivered"}})
    kind.submit(site, people(5))
    site.work_to_the_end()
    assert site.said() == {"delivered": 4, "undelivered": 1}
    assert (kind.calls(site), site.sends()) == (5, 0)
    assert site.progress("soldes").cost == 5 * site.batches()[0].cost > 0
    site.check()


@pytest.mark.parametrize(
    "behaviour", [pytest.param(one, id=name) for name, one in BEHAVIOURS.items()]
)
def test_a_lost_answer_is_settled_by_its_tag(
    workerless: OpenWorkerless, kind: Kind, behaviour: dict[str, Any]
) -> None:
    site = workerless(switches=behaviour)
    site.gateway.fault("close_after_read", kind.path, processed=True)
    kind.submit(site, people(3))
    site.work()
    assert site.said() == {"in_doubt": 1, "sent": 2}
    site.work_to_the_end()
    assert site.said() == {"delivered": 3}
    assert kind.calls(site) == 3
    site.check()


def test_a_long_number_says_each_persons_own_text(workerless: OpenWorkerless) -> None:
    site = workerless()
    rows = [{"phone": phone, "nom": f"N{at}"} for at, phone in enumerate(people(3))]
    site.dispatcher.submit("soldes", "Bonjour {{ nom }}", rows, from_number=OURS)
    site.work_to_the_end()
    said = {text.phone: (entry.sender, text.text) for entry in site.taken() for text in entry.texts}
    assert {phone: text[:10] for phone, (_, text) in said.items()} == {
        row["phone"]: f"Bonjour {row['nom']}" for row in rows
    }
    assert {sender for sender, _ in said.values()} == {OURS}
    site.check()


@pytest.mark.parametrize(("commercial", "mention"), [(True, True), (False, False)])
def test_a_long_number_asks_for_the_stop_mention_where_there_has_to_be_one(
    workerless: OpenWorkerless, *, commercial: bool, mention: bool
) -> None:
    site = workerless()
    NUMBER.submit(site, people(1), commercial=commercial)
    site.work()
    [entry] = site.taken()
    assert ("STOP" in entry.texts[0].text) is mention


def test_who_is_refused_is_the_only_one(workerless: OpenWorkerless, kind: Kind) -> None:
    numbers = people(4)
    site = workerless()
    site.dispatcher.dispatch.sync_opt_outs()  # read before somebody says STOP
    site.gateway.configure(stopped=numbers[:1])
    kind.submit(site, numbers)
    site.work_to_the_end()
    assert site.said() == {"delivered": 3, "rejected": 1}
    assert sorted(site.gateway.texted()) == numbers[1:]
    site.check()


@pytest.mark.parametrize(("fault", "why"), [*EITHER, *TAKEN])
def test_what_was_taken_is_settled_by_its_tag(
    workerless: OpenWorkerless, kind: Kind, fault: dict[str, Any], why: str
) -> None:
    site = workerless(**IMPATIENT)
    site.gateway.fault(path=kind.path, **fault)
    kind.submit(site, people(1))
    site.work()
    assert site.batch().state == "in_doubt"
    assert re.search(why, site.batch().why)
    site.work_to_the_end()
    assert site.said() == {"delivered": 1}
    assert kind.calls(site) == 1
    site.check()


@pytest.mark.parametrize(("fault", "why"), [*EITHER, *NOT_TAKEN])
def test_what_was_not_taken_is_never_sent_again_but_by_a_person(
    workerless: OpenWorkerless, kind: Kind, fault: dict[str, Any], why: str
) -> None:
    site = workerless(**IMPATIENT)
    site.gateway.fault(path=kind.path, **fault, processed=False)
    kind.submit(site, people(1))
    site.work()
    assert re.search(why, site.batch().why)
    site.gateway.release()
    for hours in (0.001, 1, 23, 24):
        site.pass_by(hours=hours)
        assert site.batch().state == "in_doubt"
    assert (kind.calls(site), site.taken()) == (1, [])
    site.dispatcher.resend(site.batch().id, reason="their own list has nothing")
    site.work_to_the_end()
    assert site.said() == {"delivered": 1}
    site.check()


@pytest.mark.parametrize("taken", [True, False])
def test_a_rate_limit_is_looked_up_before_anything_is_sent_again(
    workerless: OpenWorkerless, kind: Kind, *, taken: bool
) -> None:
    site = workerless()
    site.gateway.fault("status", kind.path, status=429, processed=taken)
    kind.submit(site, people(1))
    site.work()
    assert site.batch().state == "pending"
    site.work_to_the_end()
    assert site.said() == {"delivered": 1}
    assert kind.calls(site) == (1 if taken else 2)
    site.check()


@pytest.mark.parametrize("code", [2, 13, 14, 15, 52, 55, 90])
def test_a_refusal_ends_the_one_message(workerless: OpenWorkerless, kind: Kind, code: int) -> None:
    site = workerless()
    site.gateway.fault("code", kind.path, code=code, processed=False)
    kind.submit(site, people(3))
    site.work_to_the_end()
    assert site.said() == {"rejected": 1, "delivered": 2}
    site.check()


@pytest.mark.parametrize("code", [1, 9, 10, 11, 20, 44, 992])
def test_a_refusal_of_what_all_calls_have_in_common_pauses_and_fails_nobody(
    workerless: OpenWorkerless, kind: Kind, code: int
) -> None:
    site = workerless()
    site.gateway.fault("code", kind.path, code=code, processed=False)
    kind.submit(site, people(1))
    site.work()
    assert (site.progress("soldes").state, site.said()) == ("paused", {"pending": 1})
    site.dispatcher.resume("soldes")
    site.work_to_the_end()
    assert site.said() == {"delivered": 1}
    assert site.outcomes() == ["blocked", "sent"]
    site.check()


@pytest.mark.parametrize("code", [0, 3, 4, 500])
def test_a_code_that_nobody_documents_proves_nothing(
    workerless: OpenWorkerless, kind: Kind, code: int
) -> None:
    site = workerless()
    site.gateway.fault("code", kind.path, code=code)  # and the gateway has taken it
    kind.submit(site, people(1))
    site.work()
    assert site.batch().state == "in_doubt"
    site.work_to_the_end()
    assert site.said() == {"delivered": 1}
    assert kind.calls(site) == 1
    site.check()


def test_who_said_stop_meanwhile_gets_no_call(workerless: OpenWorkerless, kind: Kind) -> None:
    numbers = people(3)
    site = workerless()
    kind.submit(site, numbers)
    site.dispatcher.opt_out(numbers[1])
    site.work_to_the_end()
    assert site.said() == {"delivered": 2, "opted_out": 1}
    assert kind.calls(site) == 2
    site.check()


def test_a_closed_window_holds_them(workerless: OpenWorkerless, kind: Kind) -> None:
    site = workerless()
    site.forward(hours=11)  # 21:00 in Paris
    kind.submit(site, people(2))
    site.work()
    assert (kind.calls(site), site.said()) == (0, {"pending": 2})
    site.forward(hours=12)
    site.work_to_the_end()
    assert site.said() == {"delivered": 2}
    site.check()


def test_a_paused_campaign_makes_no_call(workerless: OpenWorkerless, kind: Kind) -> None:
    site = workerless()
    kind.submit(site, people(2))
    site.dispatcher.pause("soldes")
    site.work()
    assert kind.calls(site) == 0
    site.dispatcher.cancel("soldes")
    site.work()
    assert (kind.calls(site), site.said()) == (0, {"cancelled": 2})


def test_an_answer_to_a_long_number_is_that_of_the_campaign_it_sent_last(
    workerless: OpenWorkerless,
) -> None:
    secret = "s" * 20
    site = workerless(webhook_url="https://shop.example/sms", webhook_secret=secret)
    NUMBER.submit(site, people(2))
    site.work_to_the_end()
    answer = (
        b'{"msisdn": "33639980000", "to": "33639988888", "messageId": "0a", "type": "text",'
        b' "text": "Oui merci", "keyword": "OUI", "message-timestamp": "2026-11-24 10:10:00"}'
    )
    site.dispatcher.inbox.reply(answer)
    [reply] = site.dispatcher.replies()
    assert (reply.campaign, reply.to) == ("soldes", OURS)


def test_real_workers_killed_on_the_way_text_nobody_twice(
    tmp_path: Path, database_url: str, kind: Kind
) -> None:
    with Installation(tmp_path, database_url) as site:
        site.gateway.hold(kind.path)
        first = site.worker("first")
        site.ticks()
        kind.submit(site, people(40))
        # all that may be under way: what is armed and has not left would stay in doubt
        site.wait_held(site.settings.connections)
        first.kill()
        site.gateway.clear_faults()
        site.gateway.release()
        site.let_leases_end()
        site.worker("second")
        progress = site.wait_finished("soldes")
        assert progress.messages["delivered"] == 40
        site.check()
