"""Every call of the client against the fake gateway, under each behaviour that it may have."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dispatcher.campaigns.states import MessageState
from dispatcher.errors import GatewayRefused, GatewayUnreached
from dispatcher.gateway import (
    Accepted,
    BatchTaken,
    Declined,
    OutgoingMessage,
    SendOptions,
    SingleReply,
    Throttled,
)
from dispatcher.gateway.smspartner.client import SmsPartner
from dispatcher.gateway.smspartner.transport import Format
from dispatcher.gateway.smspartner.wire.cancellations import Cancellation
from dispatcher.gateway.smspartner.wire.schedule import next_slot
from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.process import Sandbox
from tests.behaviours import BEHAVIOURS

A, B, C, OURS = (f"+3363998000{digit}" for digit in (1, 2, 3, 9))
LANDLINE = "+33199000001"
DEFAULTS = Behaviour()


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(delivery_seconds=(0, 0)) as sandbox:
        yield sandbox


@pytest.fixture(params=["json", "xml"])
def answers(request: pytest.FixtureRequest) -> Format:
    """The format of the answers: a test that takes it runs on both."""
    format_: Format = request.param
    return format_


@pytest.fixture(params=[pytest.param(behaviour, id=name) for name, behaviour in BEHAVIOURS.items()])
def sandbox(request: pytest.FixtureRequest, running: Sandbox) -> Iterator[Sandbox]:
    """The gateway with one behaviour: a test that takes it runs under each."""
    behaviour: dict[str, Any] = request.param
    running.configure(credit="100", stopped=[], **behaviour)
    yield running
    running.clear_faults()
    running.set_clock(0)
    running.configure(**{name: getattr(DEFAULTS, name) for name in behaviour})


@pytest.fixture
def gateway(sandbox: Sandbox, answers: Format) -> SmsPartner:
    return SmsPartner(sandbox.url, sandbox.key, answers=answers)


def taken(reply: SingleReply) -> Accepted:
    assert isinstance(reply, Accepted)
    return reply


def test_one_text_to_many_is_accepted(gateway: SmsPartner, sandbox: Sandbox) -> None:
    before = sandbox.texted()
    reply = taken(gateway.sends.one_text([A, B], "Bonjour", SendOptions(tag="one", stop=True)))
    assert (reply.segments, reply.cost, reply.currency) == (2, Decimal("0.076"), "EUR")
    assert not reply.partial
    assert sandbox.texted() - before == {A: 1, B: 1}
    entry = sandbox.entries()[-1]
    assert (entry.path, entry.tag, str(entry.message_id)) == ("/v1/send", "one", reply.message_id)


def test_text_for_each_is_taken(gateway: SmsPartner, sandbox: Sandbox) -> None:
    lines = [OutgoingMessage(A, "Un"), OutgoingMessage(B, "Deux"), OutgoingMessage(C, "a" * 161)]
    reply = gateway.sends.many_texts(lines, SendOptions(sender="Boutique"))
    assert isinstance(reply, BatchTaken)
    found = {line.phone: (line.accepted, line.segments) for line in reply.lines}
    assert found == {A: (True, 1), B: (True, 1), C: (True, 2)}
    entry = sandbox.entries()[-1]
    assert {text.phone: text.text[:4] for text in entry.texts} == {A: "Un", B: "Deux", C: "aaaa"}


def test_refused_numbers_are_named_beside_success(gateway: SmsPartner, sandbox: Sandbox) -> None:
    sandbox.configure(stopped=[B])
    lines = gateway.sends.many_texts([OutgoingMessage(A, "Un"), OutgoingMessage(B, "Deux")])
    assert isinstance(lines, BatchTaken)
    assert {line.phone: (line.accepted, line.code) for line in lines.lines} == {
        A: (True, 200),
        B: (False, 14),
    }
    if gateway.stop_list() != [B]:
        pytest.fail("the gateway's own list is not what refused")


def test_one_text_with_refusals_is_partial(running: Sandbox) -> None:
    running.configure(stopped=[B])
    gateway = SmsPartner(running.url, running.key)
    reply = taken(gateway.sends.one_text([A, B], "Bonjour"))
    running.configure(stopped=[])
    assert reply.partial
    assert [(line.phone, line.accepted, line.code) for line in reply.refused] == [(B, False, 14)]
    assert reply.segments == 1


def test_all_numbers_refused_is_declined(gateway: SmsPartner, sandbox: Sandbox) -> None:
    sandbox.configure(stopped=[A])
    assert gateway.sends.one_text([A], "Bonjour") == Declined(55)
    assert gateway.sends.many_texts([OutgoingMessage(A, "Bonjour")]) == Declined(55)


def test_long_number_and_survey_send(gateway: SmsPartner, sandbox: Sandbox) -> None:
    before = sandbox.texted()
    taken(gateway.sends.from_number(OURS, A, "Bonjour", SendOptions(tag="vn")))
    assert sandbox.entries()[-1].sender == OURS
    taken(gateway.sends.survey([A, B], "a1b2", SendOptions(tag="survey")))
    assert [entry.path for entry in sandbox.entries()[-2:]] == [
        "/v1/vn/send",
        "/v1/sondage/to/send",
    ]
    assert sandbox.texted() - before == {A: 2, B: 1}


def test_sandbox_send_is_free_and_texts_nobody(gateway: SmsPartner, sandbox: Sandbox) -> None:
    before, credit = sandbox.texted(), gateway.money.credit().balance
    reply = taken(gateway.sends.one_text([A], "Bonjour", SendOptions(sandbox=True)))
    assert gateway.statuses.of_message(reply.message_id).reports
    assert gateway.money.credit().balance == credit
    assert sandbox.texted() == before


@pytest.mark.parametrize(
    ("forward", "answer"),
    [
        (timedelta(0), Cancellation.DONE),
        (timedelta(minutes=-5), Cancellation.DONE),
        (timedelta(minutes=-3), Cancellation.TOO_LATE),
        (timedelta(minutes=2), Cancellation.LEFT),
    ],
    ids=["long before", "five minutes before", "too late", "after"],
)
def test_scheduled_message_is_held_and_cancelled(
    gateway: SmsPartner, sandbox: Sandbox, forward: timedelta, answer: Cancellation
) -> None:
    at = next_slot(datetime.now(UTC) + timedelta(days=3))
    sent = gateway.sends.one_text([A], "Plus tard", SendOptions(at=at))
    assert taken(sent).leaves_at == at
    message_id = taken(sent).message_id
    assert gateway.money.credit().to_send
    if forward:
        # a minute of room for a clock that goes on
        offset = (at + forward - timedelta(minutes=1) - datetime.now(UTC)).total_seconds()
        sandbox.set_clock(offset)
    before = sandbox.texted()
    credit = gateway.money.credit().balance
    assert gateway.sends.cancel(message_id) is answer
    assert before[A] - sandbox.texted()[A] == answer.stopped
    if answer.stopped:
        assert gateway.sends.cancel(message_id) is Cancellation.ALREADY
        refund = gateway.money.credit().balance
        assert refund in (credit, (credit or 0) + Decimal("0.038"))
    sandbox.set_clock(0)
    assert gateway.sends.cancel("1") is Cancellation.UNKNOWN


def test_bulk_send_is_scheduled(gateway: SmsPartner, sandbox: Sandbox) -> None:
    at = next_slot(datetime.now(UTC) + timedelta(days=3))
    reply = gateway.sends.many_texts([OutgoingMessage(A, "Plus tard")], SendOptions(at=at))
    assert isinstance(reply, BatchTaken)
    assert reply.leaves_at in (at, None)
    found = gateway.statuses.of_message(reply.message_id)
    assert [report.state for report in found.reports] == [MessageState.SENT]
    assert gateway.sends.cancel(reply.message_id).stopped


def test_past_date_is_declined(gateway: SmsPartner) -> None:
    at = next_slot(datetime.now(UTC) - timedelta(days=3))
    assert gateway.sends.one_text([A], "Hier", SendOptions(at=at)) == Declined(9)


def test_reports_are_read_by_every_lookup(gateway: SmsPartner, sandbox: Sandbox) -> None:
    sandbox.configure(fates={"02": "Not delivered", "03": "ko", "04": "Waiting", "05": "Exploded"})
    phones = [f"+3363998000{digit}" for digit in range(1, 6)]
    tag = f"roads{len(sandbox.entries())}"
    message_id = taken(gateway.sends.one_text(phones, "Bonjour", SendOptions(tag=tag))).message_id
    expected = {
        phone: {"02": MessageState.UNDELIVERED, "03": MessageState.UNDELIVERED}.get(
            phone[-2:], MessageState.SENT if phone[-2:] in ("04", "05") else MessageState.DELIVERED
        )
        for phone in phones
    }
    by_message = gateway.statuses.of_message(message_id)
    by_tag = gateway.status_by_tag(tag)
    by_pair = gateway.multi_status([(phone, message_id) for phone in phones])
    one_by_one = [gateway.statuses.of_number(phone, message_id) for phone in phones]
    sandbox.configure(fates={})
    assert by_message.complete
    assert by_tag.complete
    assert {report.phone: report.state for report in by_message.reports} == expected
    assert {report.phone: report.state for report in by_tag.reports} == expected
    assert {phone: report.state for (phone, _), report in by_pair.items()} == expected
    assert [one and one.report.state for one in one_by_one] == list(expected.values())
    assert {one and one.message_id for one in one_by_one} == {message_id}
    instants = [report.at for report in by_message.reports]
    # text has no zone, and still means the same
    assert all(at and abs(at - datetime.now(UTC)) < timedelta(minutes=5) for at in instants)


def test_unknown_message_is_absent(gateway: SmsPartner) -> None:
    assert gateway.statuses.of_number(A, "1") is None
    assert not gateway.statuses.of_message("1").reports
    assert not gateway.status_by_tag("nosuchtag").reports
    assert gateway.multi_status([(A, "1")]) == {}


def test_credit_and_costs_are_read(gateway: SmsPartner, sandbox: Sandbox) -> None:
    sandbox.configure(credit="2.5")
    credit = gateway.money.credit()
    assert (credit.balance, credit.currency) == (Decimal("2.500"), "EUR")
    assert (credit.sms, credit.low_cost, credit.checks) == (65, 65, 500)
    assert gateway.account().balance == Decimal("2.500")
    before = sum(month.cost for month in gateway.money.costs())
    gateway.sends.one_text([A], "Bonjour")
    assert sum(month.cost for month in gateway.money.costs()) - before == Decimal("0.038")
    today = datetime.now(UTC).date()
    custom = gateway.money.costs("custom", since=today.replace(day=1), until=today)
    assert {month.month for month in custom} <= {today.replace(day=1), date(2026, 1, 1)}


def test_send_without_credit_is_declined(gateway: SmsPartner, sandbox: Sandbox) -> None:
    sandbox.configure(credit="0.01")
    assert gateway.sends.one_text([A], "Bonjour") == Declined(11)
    assert gateway.sends.many_texts([OutgoingMessage(A, "Bonjour")]) == Declined(11)


def test_stop_list_is_read_and_changed(gateway: SmsPartner) -> None:
    first = gateway.stops.add("06 39 98 00 01")
    assert first is not None
    assert gateway.stops.add(A) is None
    gateway.stops.add(B)
    listed = gateway.stops.listed()
    assert listed.complete
    assert [stop.phone for stop in listed.entries] == [A, B] == gateway.stop_list()
    assert listed.entries[0].id == first
    since = listed.entries[0].since
    assert since is not None
    assert abs(since - datetime.now(UTC)) < timedelta(minutes=5)
    assert gateway.stops.delete(first)
    assert not gateway.stops.delete(first)
    assert gateway.stop_list() == [B]


def test_numbers_are_checked(gateway: SmsPartner) -> None:
    assert [(one.phone, one.valid) for one in gateway.checks.lookup([A, "0639980002"])] == [
        (A, True),
        (B, True),
    ]
    order = gateway.checks.order_hlr([A, B], results_to="http://127.0.0.1:1/hlr")
    assert (order.numbers, order.cost) == (2, Decimal("0.010"))


def test_two_accounts_share_nothing(gateway: SmsPartner, sandbox: Sandbox) -> None:
    key = secrets.token_hex(20)
    sandbox.set_account(key, credit=10)
    other = SmsPartner(sandbox.url, key)
    sent = taken(other.sends.one_text([A], "Bonjour", SendOptions(tag="other")))
    assert other.money.credit().balance == Decimal("9.962")
    other.stops.add(B)
    assert not gateway.statuses.of_message(sent.message_id).reports
    assert not gateway.status_by_tag("other").reports
    assert gateway.stop_list() == []
    sandbox.set_account(key, credit=15)
    assert other.money.credit().balance == Decimal(15)


def test_wrong_key_is_refused_by_every_call(sandbox: Sandbox, answers: Format) -> None:
    stranger = SmsPartner(sandbox.url, "0" * 40, answers=answers)
    assert stranger.sends.one_text([A], "Bonjour") == Declined(10)
    assert stranger.sends.many_texts([OutgoingMessage(A, "Bonjour")]) == Declined(10)
    query: list[Callable[[], object]] = [
        lambda: stranger.sends.cancel("1"),
        lambda: stranger.statuses.of_number(A, "1"),
        lambda: stranger.statuses.of_message("1"),
        lambda: stranger.statuses.of_tag("t"),
        lambda: stranger.statuses.by_pair([(A, "1")]),
        stranger.money.credit,
        stranger.money.costs,
        stranger.stops.listed,
        lambda: stranger.stops.add(A),
        lambda: stranger.stops.delete("1"),
        lambda: stranger.checks.lookup([A]),
    ]
    for ask in query:
        with pytest.raises(GatewayRefused, match="10") as raised:
            ask()
        assert raised.value.code == 10


def test_http_429_gives_throttled_with_wait(gateway: SmsPartner, sandbox: Sandbox) -> None:
    sandbox.fault("status", "/v1/send", status=429, headers={"Retry-After": "7"}, processed=False)
    assert gateway.sends.one_text([A], "Bonjour") == Throttled(7)


def test_absent_gateway_raises_unreached() -> None:
    gateway = SmsPartner("http://127.0.0.1:1/v1", "0" * 40)
    with pytest.raises(GatewayUnreached):
        gateway.stops.add(A)
    with pytest.raises(GatewayUnreached):
        gateway.connect()
