"""The harness of the benchmarks: its gateway counts right, and every contender does its work.

Nothing is timed here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.contenders.celery_queue import CeleryChunks, CeleryEach
from benchmarks.contenders.course import Contender, Course
from benchmarks.contenders.loop import Loop
from benchmarks.contenders.ours import Installation, Ours
from benchmarks.people import BATCH, KEY, SENDER, TEXT, body, phone, rows
from benchmarks.processes import Failed
from benchmarks.servers import Gateway, durable_postgres
from dispatcher.campaigns.states import MessageState
from dispatcher.gateway import BatchTaken, SendOptions
from dispatcher.gateway.smspartner.client import SmsPartner
from dispatcher.texts import wire_text
from dispatcher.texts.templates import compile_template
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway() as gateway:
        yield gateway


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with durable_postgres() as server:
        yield server


@pytest.fixture
def client(gateway: Gateway) -> SmsPartner:
    gateway.reset()
    return SmsPartner(gateway.url, KEY)


PEOPLE = [phone(person) for person in range(3)]


def send(client: SmsPartner, phones: list[str], tag: str = "t1") -> BatchTaken:
    text = ["Soldes demain chez nous"] * len(phones)
    options = SendOptions(sender="MaBoutique", tag=tag, stop=True)
    reply = client.bulk_send(client.request(phones, text, options))
    assert isinstance(reply, BatchTaken)
    return reply


def test_the_gateway_answers_for_each_number_of_the_request(client: SmsPartner) -> None:
    reply = send(client, PEOPLE)
    assert [line.phone for line in reply.lines] == PEOPLE
    assert all(line.accepted for line in reply.lines)


def test_the_gateway_counts_every_number(client: SmsPartner, gateway: Gateway) -> None:
    send(client, PEOPLE)
    gateway.check(3)
    counts = gateway.counts()
    assert (counts.accepted, counts.answered, counts.duplicates) == (3, 3, 0)
    assert [first for _, first in gateway.arrivals()] == PEOPLE[:1]


def test_the_gateway_counts_numbers_texted_twice(client: SmsPartner, gateway: Gateway) -> None:
    send(client, PEOPLE)
    send(client, PEOPLE[:1])
    assert gateway.counts().duplicates == 1
    with pytest.raises(Failed, match="1 of them twice"):
        gateway.check(4)


def test_the_gateway_counts_missing_numbers(client: SmsPartner, gateway: Gateway) -> None:
    send(client, PEOPLE)
    with pytest.raises(Failed, match="took 3 recipients of 4"):
        gateway.check(4)


def test_the_gateway_reports_a_delivery_after_it_was_ordered(
    client: SmsPartner, gateway: Gateway
) -> None:
    gateway.reset(delivered=False)
    message_id = send(client, PEOPLE).message_id
    pairs = [(number, message_id) for number in PEOPLE]
    assert {report.state for report in client.multi_status(pairs).values()} == {MessageState.SENT}
    gateway.deliver()
    reports = client.multi_status(pairs)
    assert {report.phone for report in reports.values()} == set(PEOPLE)
    assert {report.state for report in reports.values()} == {MessageState.DELIVERED}
    assert gateway.counts().pairs == 6


def test_the_gateway_reports_nothing_of_numbers_it_never_texted(client: SmsPartner) -> None:
    message_id = send(client, PEOPLE[:1]).message_id
    assert not client.multi_status([(PEOPLE[1], message_id)])


def test_the_gateway_shows_what_is_under_a_tag(client: SmsPartner) -> None:
    send(client, PEOPLE[:2], "t1")
    send(client, PEOPLE[2:], "t2")
    found = client.status_by_tag("t1")
    assert [report.phone for report in found.reports] == PEOPLE[:2]
    assert found.complete


def test_the_gateway_has_an_account_and_an_empty_stop_list(client: SmsPartner) -> None:
    assert client.account().balance
    assert list(client.stop_list()) == []


def test_contenders_send_the_same_request_as_the_dispatcher(
    gateway: Gateway, tmp_path: Path
) -> None:
    people = list(rows(20))
    with Installation(tmp_path, gateway.url, None) as installation:
        template = compile_template(TEXT)
        text = [wire_text(template.render({"prenom": name})) for _, name in people]
        options = SendOptions(sender=SENDER, tag="t", stop=True)
        ours = installation.dispatcher.gateway.request(
            [number for number, _ in people], text, options
        )
    assert json.loads(body(people, "t")) == json.loads(ours)


@pytest.mark.parametrize(
    ("name", "latency"),
    [
        ("loop", 0.01),
        ("loop", 0.0),
        ("sqlite", 0.01),
        ("postgresql", 0.0),
        ("chunks", 0.01),
        ("chunks", 0.0),  # another pool
        ("each", 0.01),
    ],
)
def test_every_contender_texts_everybody_once(
    name: str, latency: float, gateway: Gateway, postgres: PostgresServer, tmp_path: Path
) -> None:
    contenders: dict[str, Contender] = {
        "loop": Loop(),
        "sqlite": Ours(None),
        "postgresql": Ours(postgres),
        "chunks": CeleryChunks(),
        "each": CeleryEach(),
    }
    gateway.reset(latency=latency)
    count = 20 if name == "each" else 2 * BATCH + 7
    run = contenders[name].run(
        Course(
            gateway=gateway,
            directory=tmp_path,
            recipients=count,
            connections=2,
            processes=1,
            latency=latency,
        )
    )
    gateway.check(count)
    assert run.recipients == count
    assert set(run.cpu) >= ({"client"} if name == "loop" else {"worker", "redis"})
    assert ("postgres" in run.cpu) is (name == "postgresql")
