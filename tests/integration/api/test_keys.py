"""The caller's own keys are given back with results, replies, opt-outs and events."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from dispatcher.campaigns.events import Event
from dispatcher.dispatch.events import signals
from tests.integration.bench import TEXT, Bench, people

ANNE, BRUNO, CHLOE = people(3, start=7001)


@pytest.fixture
def heard() -> Iterator[list[Event]]:
    """The events of opt-outs and replies that a receiver was called with."""
    found: list[Event] = []
    receiver = found.append
    watched = [signals.opt_out_added, signals.reply_received]
    for signal in watched:
        signal.connect(receiver)
    yield found
    for signal in watched:
        signal.disconnect(receiver)


def submit(bench: Bench, reference: str, **keys: object) -> int:
    """Send a campaign to people by their keys; returns its batch."""
    numbers = {"anne": ANNE, "bruno": BRUNO, "chloe": CHLOE}
    listed = [{"mobile": numbers[name], "key": key} for name, key in keys.items()]
    bench.dispatcher.submit(reference, f"{TEXT} {reference}", listed)
    bench.work()
    return bench.batches()[-1].id


def reply(bench: Bench, words: str, phone: str, batch_id: int) -> None:
    body = {"type": "response", "phone_number": phone, "text": words}
    body["message_id"] = str(bench.batch(batch_id).message_id)
    bench.dispatcher.inbox.take("reply", json.dumps(body).encode())


def deliver(bench: Bench) -> None:
    bench.dispatcher.steps.deliver_events()


def test_messages_and_the_view_have_the_keys(bench: Bench) -> None:
    batch_id = submit(bench, "soldes", anne="A", bruno=None, chloe=3)

    found = bench.dispatcher.messages(batch_id)

    assert [(one.phone, one.key) for one in found] == [(ANNE, "A"), (BRUNO, None), (CHLOE, "3")]
    assert "'A'" not in repr(found)
    with bench.dispatcher.database.read() as session:
        rows = session.execute(text("SELECT key FROM dispatcher_message ORDER BY position"))
        assert [row.key for row in rows] == ["A", None, "3"]


def test_reply_has_the_key_of_the_person_in_the_answered_campaign(
    bench: Bench, heard: list[Event]
) -> None:
    first = submit(bench, "soldes", anne="A1", bruno="B")
    submit(bench, "relance", anne="A2")
    reply(bench, "Merci", ANNE, first)
    deliver(bench)

    (one,) = bench.dispatcher.replies()
    assert (one.campaign, one.key, one.as_json()["key"]) == ("soldes", "A1", "A1")
    (event,) = heard
    assert (event.kind, event.campaign, event.keys) == ("reply_received", "soldes", ("A1", "A2"))
    assert "A1" not in repr(event)


def test_stop_names_the_campaign_and_all_keys_the_newest_first(
    bench: Bench, heard: list[Event]
) -> None:
    first = submit(bench, "soldes", anne="A1", bruno="B")
    submit(bench, "relance", anne="A2")
    reply(bench, "STOP", ANNE, first)
    deliver(bench)

    (event,) = [one for one in heard if one.kind == "opt_out_added"]
    assert (event.campaign, event.keys) == ("soldes", ("A2", "A1"))
    assert event.as_json()["data"]["keys"] == ["A2", "A1"]
    assert [entry.keys for entry in bench.dispatcher.opt_outs] == [("A2", "A1")]
    assert bench.dispatcher.opt_outs.page()[0].keys == ("A2", "A1")


def test_stop_that_a_report_shows_names_its_campaign(bench: Bench, heard: list[Event]) -> None:
    submit(bench, "soldes", anne="A", bruno="B")
    bench.gateway.stopped.add(BRUNO)
    bench.gateway.deliver()
    bench.pass_by(seconds=10)
    bench.tick()
    deliver(bench)

    assert [(one.campaign, one.keys) for one in heard] == [("soldes", ("B",))]


def test_opt_out_by_hand_gives_the_keys_and_no_campaign(bench: Bench, heard: list[Event]) -> None:
    submit(bench, "soldes", anne="A", bruno="B", chloe=None)
    bench.dispatcher.opt_outs.add([ANNE, BRUNO, CHLOE], reason="by phone")
    deliver(bench)

    assert [(one.campaign, one.keys, dict(one.counts)) for one in heard] == [
        (None, ("A", "B"), {"opt_outs": 3})
    ]


def test_keys_of_one_person_are_ten_at_most(bench: Bench, heard: list[Event]) -> None:
    for number in range(12):
        bench.dispatcher.submit(f"c{number}", TEXT, [{"mobile": ANNE, "key": number}])
    bench.dispatcher.opt_out(ANNE)
    deliver(bench)

    assert heard[0].keys == tuple(str(number) for number in range(11, 1, -1))


def test_erased_person_has_no_key_in_an_event_that_is_delivered_later(
    bench: Bench, heard: list[Event]
) -> None:
    submit(bench, "soldes", anne="A")
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    bench.dispatcher.opt_out(ANNE)
    bench.dispatcher.persons.erase(ANNE, reason="letter")
    deliver(bench)

    assert [one.keys for one in heard] == [()]


def test_list_without_keys_gives_none_back(bench: Bench, heard: list[Event]) -> None:
    first = submit(bench, "soldes", anne=None)
    reply(bench, "STOP", ANNE, first)
    deliver(bench)

    assert {one.campaign for one in heard} == {"soldes"}
    assert all(one.keys == () and "keys" not in one.as_json()["data"] for one in heard)
    assert bench.dispatcher.replies()[0].key is None
