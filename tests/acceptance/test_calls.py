"""Campaigns by the calls other than bulk-send: one text for a batch, a long number, a survey.

What these calls share with bulk-send under the faults of the way to the gateway is in
``test_gateway_faults.py``.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.calls import BULK, LONG_NUMBER, NUMBER, SINGLE, SURVEY, Call, sends
from tests.acceptance.installation import Installation, on_sqlite, people
from tests.acceptance.workerless import OpenWorkerless
from tests.behaviours import BEHAVIOURS

#: calls that send to one person
for_each_personal_call = pytest.mark.parametrize(
    "call", [pytest.param(NUMBER, id="number"), pytest.param(SURVEY, id="survey")]
)
under_each_behaviour = pytest.mark.parametrize(
    "behaviour", [pytest.param(behaviour, id=name) for name, behaviour in BEHAVIOURS.items()]
)


# -- one text for a whole batch


def test_batch_of_one_text_is_one_short_request(workerless: OpenWorkerless) -> None:
    site = workerless(single_send=True)
    site.submit("soldes", people(1200))
    site.work_to_the_end()
    assert site.messages() == {"delivered": 1200}
    assert sends(site) == [SINGLE.path] * 3
    assert site.progress("soldes").cost > 0
    site.check()


def test_batch_of_many_texts_goes_by_bulk_send(workerless: OpenWorkerless) -> None:
    site = workerless(single_send=True)
    rows = [{"phone": phone, "nom": f"N{at}"} for at, phone in enumerate(people(3))]
    site.dispatcher.submit("soldes", "Bonjour {{ nom }}", rows)
    site.work_to_the_end()
    assert sends(site) == [BULK.path]
    site.check()


@pytest.mark.parametrize("failed_lines", ["listed", "omitted"])
def test_batch_with_a_refused_number_is_settled_by_its_tag(
    workerless: OpenWorkerless, failed_lines: str
) -> None:
    """The answer is a success: whether it names the number on the STOP list is not documented."""
    phones = people(4)
    site = workerless(single_send=True, switches={"failed_lines": failed_lines})
    site.dispatcher.steps.sync_opt_outs()  # read before somebody says STOP
    site.gateway.configure(stopped=phones[:1])
    site.submit("soldes", phones)
    site.work()
    assert site.batch().state == "in_doubt"
    site.pass_by(minutes=5)
    messages = site.messages()
    assert messages.get("sent", 0) + messages.get("delivered", 0) == 3
    assert sends(site) == [SINGLE.path]
    assert sorted(site.gateway.texted()) == phones[1:]
    if failed_lines == "listed":
        assert messages["rejected"] == 1
    else:  # no answer names the last number, so that nothing is known of it
        assert messages["in_doubt"] == 1


@pytest.mark.parametrize("taken", [True, False])
def test_batch_refused_for_one_number_goes_again_by_bulk_send(
    workerless: OpenWorkerless, *, taken: bool
) -> None:
    site = workerless(single_send=True)
    site.gateway.fault("code", SINGLE.path, code=14, processed=taken)
    site.submit("soldes", people(3))
    site.work()
    assert site.batch().state == "pending"
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    assert sends(site) == ([SINGLE.path] if taken else [SINGLE.path, BULK.path])
    site.check()


# -- a call for each person


@for_each_personal_call
@under_each_behaviour
def test_campaign_calls_once_for_each_person(
    workerless: OpenWorkerless, call: Call, behaviour: dict[str, Any]
) -> None:
    site = workerless(switches=behaviour | {"fates": {"02": "Not delivered"}})
    call.submit(site, people(5))
    site.work_to_the_end()
    assert site.messages() == {"delivered": 4, "undelivered": 1}
    assert sends(site) == [call.path] * 5
    assert site.progress("soldes").cost == 5 * site.batches()[0].cost > 0
    site.check()


@for_each_personal_call
@under_each_behaviour
def test_lost_answer_is_settled_by_its_tag(
    workerless: OpenWorkerless, call: Call, behaviour: dict[str, Any]
) -> None:
    site = workerless(switches=behaviour)
    site.gateway.fault("close_after_read", call.path, processed=True)
    call.submit(site, people(3))
    site.work()
    assert site.messages() == {"in_doubt": 1, "sent": 2}
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    assert sends(site) == [call.path] * 3
    site.check()


def test_long_number_sends_each_person_their_own_text(workerless: OpenWorkerless) -> None:
    site = workerless()
    rows = [{"phone": phone, "nom": f"N{at}"} for at, phone in enumerate(people(3))]
    site.dispatcher.submit("soldes", "Bonjour {{ nom }}", rows, from_number=LONG_NUMBER)
    site.work_to_the_end()
    texts = {
        text.phone: (entry.sender, text.text) for entry in site.taken() for text in entry.texts
    }
    assert {phone: text[:10] for phone, (_, text) in texts.items()} == {
        row["phone"]: f"Bonjour {row['nom']}" for row in rows
    }
    assert {sender for sender, _ in texts.values()} == {LONG_NUMBER}
    site.check()


@pytest.mark.parametrize(("commercial", "mention"), [(True, True), (False, False)])
def test_long_number_adds_the_stop_mention_to_commercial_texts_only(
    workerless: OpenWorkerless, *, commercial: bool, mention: bool
) -> None:
    site = workerless()
    NUMBER.submit(site, people(1), commercial=commercial, reason="notice")
    site.work()
    [entry] = site.taken()
    assert ("STOP" in entry.texts[0].text) is mention


@for_each_personal_call
def test_refused_recipient_is_the_only_one_rejected(workerless: OpenWorkerless, call: Call) -> None:
    phones = people(4)
    site = workerless()
    site.dispatcher.steps.sync_opt_outs()  # read before somebody says STOP
    site.gateway.configure(stopped=phones[:1])
    call.submit(site, phones)
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3, "rejected": 1}
    assert sorted(site.gateway.texted()) == phones[1:]
    site.check()


@for_each_personal_call
@pytest.mark.parametrize("code", [2, 13, 14, 15, 52, 55, 90])
def test_refusal_of_a_message_rejects_that_message_only(
    workerless: OpenWorkerless, call: Call, code: int
) -> None:
    site = workerless()
    site.gateway.fault("code", call.path, code=code, processed=False)
    call.submit(site, people(3))
    site.work_to_the_end()
    assert site.messages() == {"rejected": 1, "delivered": 2}
    site.check()


@for_each_personal_call
@pytest.mark.parametrize("code", [1, 9, 10, 11, 20, 44, 992])
def test_refusal_of_what_all_calls_share_pauses_the_campaign(
    workerless: OpenWorkerless, call: Call, code: int
) -> None:
    site = workerless()
    site.gateway.fault("code", call.path, code=code, processed=False)
    call.submit(site, people(1))
    site.work()
    assert (site.progress("soldes").state, site.messages()) == ("paused", {"pending": 1})
    site.dispatcher.resume("soldes")
    site.work_to_the_end()
    assert site.messages() == {"delivered": 1}
    assert site.outcomes() == ["blocked", "sent"]
    site.check()


@for_each_personal_call
@pytest.mark.parametrize("code", [0, 3, 4, 500])
def test_undocumented_code_of_a_taken_message_is_settled_by_its_tag(
    workerless: OpenWorkerless, call: Call, code: int
) -> None:
    site = workerless()
    site.gateway.fault("code", call.path, code=code)  # and the gateway has taken it
    call.submit(site, people(1))
    site.work()
    assert site.batch().state == "in_doubt"
    site.work_to_the_end()
    assert site.messages() == {"delivered": 1}
    assert sends(site) == [call.path]
    site.check()


@for_each_personal_call
def test_recipient_who_has_opted_out_meanwhile_gets_no_call(
    workerless: OpenWorkerless, call: Call
) -> None:
    phones = people(3)
    site = workerless()
    call.submit(site, phones)
    site.dispatcher.opt_out(phones[1])
    site.work_to_the_end()
    assert site.messages() == {"delivered": 2, "opted_out": 1}
    assert sends(site) == [call.path] * 2
    site.check()


@for_each_personal_call
def test_closed_window_delays_the_calls(workerless: OpenWorkerless, call: Call) -> None:
    site = workerless()
    site.forward(hours=11)  # 21:00 in Paris
    call.submit(site, people(2))
    site.work()
    assert (sends(site), site.messages()) == ([], {"pending": 2})
    site.forward(hours=12)
    site.work_to_the_end()
    assert site.messages() == {"delivered": 2}
    site.check()


@for_each_personal_call
def test_paused_campaign_makes_no_call(workerless: OpenWorkerless, call: Call) -> None:
    site = workerless()
    call.submit(site, people(2))
    site.dispatcher.pause("soldes")
    site.work()
    assert sends(site) == []
    site.dispatcher.cancel("soldes")
    site.work()
    assert (sends(site), site.messages()) == ([], {"cancelled": 2})


def test_reply_to_a_long_number_belongs_to_the_campaign_it_sent_last(
    workerless: OpenWorkerless,
) -> None:
    site = workerless(webhook_url="https://shop.example/sms", webhook_secret="s" * 20)
    NUMBER.submit(site, people(2))
    site.work_to_the_end()
    body = (
        b'{"msisdn": "33639980000", "to": "33639988888", "messageId": "0a", "type": "text",'
        b' "text": "Oui merci", "keyword": "OUI", "message-timestamp": "2026-11-24 10:10:00"}'
    )
    site.dispatcher.inbox.take("reply", body)
    [reply] = site.dispatcher.replies()
    assert (reply.campaign, reply.to) == ("soldes", LONG_NUMBER)


# -- with real workers


def killed_worker_texts_nobody_twice(site: Installation, call: Call, count: int) -> None:
    site.gateway.hold(call.path)
    own = {f"DISPATCHER_{name.upper()}": str(value) for name, value in call.settings.items()}
    lost = site.worker("lost", **own)
    call.submit(site, people(count))
    # wait for all calls that may be under way: what is armed and has not left would stay in doubt
    site.wait_held(min(site.settings.connections, len(site.batches())))
    lost.kill()
    site.gateway.clear_faults()
    site.gateway.release()
    site.let_leases_end()
    site.wake_standby()
    assert site.wait_finished("soldes").messages["delivered"] == count
    site.check()


@for_each_personal_call
def test_worker_killed_in_personal_calls_texts_nobody_twice(
    standby_site: Installation, call: Call
) -> None:
    killed_worker_texts_nobody_twice(standby_site, call, 40)


@on_sqlite
def test_worker_killed_in_a_single_send_texts_nobody_twice(standby_site: Installation) -> None:
    killed_worker_texts_nobody_twice(standby_site, SINGLE, 1500)
