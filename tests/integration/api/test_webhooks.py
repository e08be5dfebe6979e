"""What the gateway posts, by real WSGI requests, on both databases."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import permutations
from typing import Any
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from sqlalchemy import select

from dispatcher import ConfigurationError, Dispatcher, InvalidCampaign, Settings
from dispatcher.api.inbox import POLLED_EVERY
from dispatcher.api.webhooks import Webhooks
from dispatcher.api.wsgi_server import Server
from dispatcher.campaigns.waits import next_poll
from dispatcher.gateway import SendOptions
from dispatcher.gateway.smspartner.inbound.payload import LARGEST
from dispatcher.masking import is_pseudonym
from dispatcher.monitoring.doctor import examine
from dispatcher.sandbox.gateway.replies import long_replies
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Event
from dispatcher.window.slots import PARIS
from tests.integration.bench import Bench, opened, people
from tests.waiting import PATIENCE

SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
A, B, C = people(3)
OURS = "+33639989000"
LONG = "Bonjour, je voudrais savoir si la boutique est ouverte demain matin. " * 6


@pytest.fixture
def bench(tables: Database) -> Iterator[Bench]:
    intervals = (10, 30, 60, 180, 3600)
    with opened(tables, webhook_secret=SECRET, poll_intervals=intervals) as bench:
        yield bench
        bench.check()


class Caller:
    """Makes calls to the application, as a server that keeps to WSGI would."""

    def __init__(self, bench: Bench) -> None:
        self._application = validator(Webhooks(bench.dispatcher))
        self.headers: dict[str, str] = {}

    def __call__(
        self,
        path: str,
        body: bytes | Mapping[str, Any] = b"",
        *,
        method: str = "POST",
        secret: str = SECRET,
        query: str = "",
        **environ: str,
    ) -> int:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        around: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": f"/{secret}/{path}",
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(data)),
            "wsgi.input": io.BytesIO(data),
            **environ,
        }
        setup_testing_defaults(around)
        status: list[str] = []

        def start(line: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            status.append(line)
            self.headers = dict(headers)

        answer = self._application(around, start)
        b"".join(answer)
        answer.close()  # type: ignore[attr-defined]
        return int(status[0].split()[0])


@pytest.fixture
def call(bench: Bench) -> Caller:
    return Caller(bench)


def report(message_id: object, phone: str = A, **more: object) -> dict[str, object]:
    return {"msgId": message_id, "status": "delivered", "phone": phone, **more}


def reply(text: str, phone: str = A, **more: object) -> dict[str, object]:
    return {"type": "response", "phone_number": phone, "text": text, "message_id": 1000, **more}


def parts(text: str = LONG, phone: str = A, reference: int = 7) -> list[dict[str, Any]]:
    calls = long_replies(phone, OURS, text, reference=reference, at="2026-11-24 10:00:00")
    assert len(calls) > 1
    return calls


def sent(bench: Bench, **options: Any) -> int:
    """A batch that was sent and is polled in ten seconds."""
    batch_id = bench.submit(**options)
    bench.work()
    return batch_id


# -- reports


def test_report_causes_a_poll_at_once_and_writes_no_state(bench: Bench, call: Caller) -> None:
    batch_id = sent(bench)
    before = bench.batch(batch_id)
    assert before.check_at == bench.clock() + timedelta(seconds=10)
    assert call("report", report(before.message_id)) == 200
    after = bench.batch(batch_id)
    assert (after.state, after.states, after.checks) == ("sent", before.states, before.checks)
    assert after.check_at == bench.clock()
    bench.gateway.deliver()
    bench.work()
    assert bench.messages() == {"delivered": 3}


def test_forged_report_changes_no_state(bench: Bench, call: Caller) -> None:
    batch_id = sent(bench)
    forged = report(bench.batch(batch_id).message_id, status="ko")
    assert call("report", forged) == 200
    bench.work()
    assert bench.messages() == {"sent": 3}


def test_many_reports_of_a_batch_cause_one_poll_now_and_one_later(
    bench: Bench, call: Caller
) -> None:
    batch_id = sent(bench)
    message_id = bench.batch(batch_id).message_id
    for seconds in (10, 30, 90):  # the next poll would be in three minutes
        bench.clock.forward(seconds=seconds)
        bench.work()
    start = bench.clock()
    for _ in range(5):
        assert call("report", report(message_id)) == 200
    bench.work()
    assert len(bench.gateway.calls) == 4
    bench.clock.forward(seconds=1)
    for _ in range(5):
        assert call("report", report(message_id)) == 200
    assert bench.batch(batch_id).check_at == start + POLLED_EVERY
    bench.work()
    assert len(bench.gateway.calls) == 4
    bench.clock.at = start + POLLED_EVERY
    bench.work()
    assert len(bench.gateway.calls) == 5


def test_early_polls_use_up_no_interval(bench: Bench, call: Caller) -> None:
    batch_id = sent(bench)
    message_id = bench.batch(batch_id).message_id
    for _ in range(6):  # the fifth interval is an hour
        assert call("report", report(message_id)) == 200
        bench.work()
        bench.clock.forward(seconds=POLLED_EVERY.total_seconds())
    assert bench.batch(batch_id).checks == 6
    # the last poll was after 150 s: the first three intervals were over, and the fourth counts
    intervals = bench.settings.poll_intervals
    assert bench.batch(batch_id).check_at == next_poll(bench.clock() - POLLED_EVERY, intervals, 3)


@pytest.mark.parametrize("message_id", ["999", "1 OR 1=1", "é"])
def test_report_with_an_unknown_id_changes_nothing(
    bench: Bench, call: Caller, message_id: str
) -> None:
    batch_id = sent(bench)
    before = bench.batch(batch_id).check_at
    assert call("report", report(message_id)) == 200
    assert bench.batch(batch_id).check_at == before


def test_report_about_an_ended_batch_changes_nothing(bench: Bench, call: Caller) -> None:
    batch_id = sent(bench)
    bench.gateway.deliver()
    bench.clock.forward(seconds=10)
    bench.work()
    assert call("report", report(bench.batch(batch_id).message_id)) == 200
    assert (bench.batch(batch_id).state, bench.batch(batch_id).check_at) == ("done", None)


def test_stop_in_a_report_is_an_opt_out(bench: Bench, call: Caller) -> None:
    assert call("report", report("999", B, stopSms=1)) == 200
    assert B in bench.dispatcher.opt_outs


def test_call_as_a_form_or_a_query_is_taken(bench: Bench, call: Caller) -> None:
    form = urlencode(report("1000")).encode()
    assert call("report", form, CONTENT_TYPE="application/x-www-form-urlencoded") == 200
    assert call("report", method="GET", query=form.decode()) == 200


# -- replies


def test_repeated_reply_is_stored_once_with_its_campaign(bench: Bench, call: Caller) -> None:
    batch_id = sent(bench)
    result = reply("Oui", message_id=bench.batch(batch_id).message_id)
    for _ in range(3):
        assert call("reply", result) == 200
    (kept,) = bench.dispatcher.replies()
    assert (kept.phone, kept.text, kept.stop, kept.complete) == (A, "Oui", False, True)
    assert (kept.campaign, kept.received_at) == ("soldes", bench.clock())
    assert list(bench.dispatcher.opt_outs) == []


def test_reply_from_an_unknown_number_has_no_campaign(bench: Bench, call: Caller) -> None:
    batch_id = sent(bench)
    result = reply("Oui", OURS, message_id=bench.batch(batch_id).message_id)
    assert call("reply", result) == 200
    assert bench.dispatcher.replies()[0].campaign is None


@pytest.mark.parametrize(
    "result",
    [
        reply("STOP"),
        reply("stop svp", message_id="unknown"),
        {"type": "stop", "phone_number": A, "text": "", "message_id": None},
        {"msisdn": A[1:], "to": OURS[1:], "messageId": "x", "text": "Arrêt", "type": "text"},
    ],
)
def test_reply_with_stop_is_an_opt_out_for_good(
    bench: Bench, call: Caller, result: dict[str, object]
) -> None:
    assert call("reply", result) == 200
    (entry,) = bench.dispatcher.opt_outs
    assert (entry.phone, entry.source) == (A, "answered STOP")
    assert call("reply", reply("Finalement oui")) == 200
    assert A in bench.dispatcher.opt_outs
    assert [one.stop for one in bench.dispatcher.replies()] == [False, True]


def long_reply(text: str, at: datetime, **more: object) -> dict[str, object]:
    """A reply to our long number, dated by the gateway."""
    dated = at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S")
    number = {"msisdn": A[1:], "to": OURS[1:], "type": "text", "messageId": "x"}
    return {**number, "text": text, "message-timestamp": dated, **more}


def test_undated_stop_after_a_removal_opts_out_again(bench: Bench, call: Caller) -> None:
    assert call("reply", reply("STOP")) == 200
    bench.dispatcher.opt_outs.remove(A, reason="signed anew")
    assert call("reply", reply("STOP")) == 200
    assert A in bench.dispatcher.opt_outs


def test_stop_dated_after_a_removal_opts_out_again(bench: Bench, call: Caller) -> None:
    assert call("reply", long_reply("STOP", bench.clock())) == 200
    bench.clock.forward(minutes=1)
    bench.dispatcher.opt_outs.remove(A, reason="signed anew")
    bench.clock.forward(minutes=1)
    assert call("reply", long_reply("STOP", bench.clock(), messageId="y")) == 200
    assert A in bench.dispatcher.opt_outs
    assert bench.dispatcher.opt_outs.undecided() == []


def test_repeated_stop_dated_before_a_removal_changes_nothing(bench: Bench, call: Caller) -> None:
    stop = long_reply("STOP", bench.clock())
    assert call("reply", stop) == 200
    bench.clock.forward(minutes=1)
    bench.dispatcher.opt_outs.remove(A, reason="signed anew")
    assert call("reply", stop) == 200
    assert A not in bench.dispatcher.opt_outs


def test_late_stop_dated_before_a_removal_waits_for_a_decision(bench: Bench, call: Caller) -> None:
    assert call("reply", reply("STOP")) == 200
    late = long_reply("STOP", bench.clock())
    bench.clock.forward(minutes=1)
    bench.dispatcher.opt_outs.remove(A, reason="signed anew")
    assert call("reply", late) == 200
    assert [one.phone for one in bench.dispatcher.opt_outs.undecided()] == [A]


def test_stop_in_a_report_after_a_removal_opts_out_again(bench: Bench, call: Caller) -> None:
    for _ in range(2):
        assert call("report", report("999", A, stopSms=1)) == 200
        assert A in bench.dispatcher.opt_outs
        bench.dispatcher.opt_outs.remove(A, reason="signed anew")


# -- probable refusals


def test_probable_refusal_is_texted_by_no_campaign_until_decided(
    bench: Bench, call: Caller
) -> None:
    batch = bench.submit(3)
    assert call("reply", reply("Non merci STOP")) == 200
    bench.send(batch)
    bench.work()
    assert A not in bench.gateway.texted
    (one,) = bench.dispatcher.opt_outs.undecided()
    assert (one.phone, one.text, one.since) == (A, "Non merci STOP", bench.clock())
    assert [(it.stop, it.probable) for it in bench.dispatcher.replies()] == [(False, True)]


def test_probable_refusal_that_is_none_may_be_texted_again(bench: Bench, call: Caller) -> None:
    assert call("reply", reply("ouvert non stop")) == 200
    assert bench.dispatcher.opt_outs.decide(A, refused=False, reason="asks for our hours", by="zoe")
    assert A not in bench.dispatcher.opt_outs
    assert bench.dispatcher.opt_outs.undecided() == []
    last = bench.dispatcher.opt_outs.history(A)[-1]
    assert (last.verb, last.reason, last.actor) == ("remove", "asks for our hours", "zoe")
    assert not bench.dispatcher.opt_outs.decide(A, refused=False, reason="again")


def test_probable_refusal_that_is_one_stays_opted_out(bench: Bench, call: Caller) -> None:
    assert call("reply", reply("Non merci STOP")) == 200
    assert bench.dispatcher.opt_outs.decide(A, refused=True, reason="means it")
    (entry,) = bench.dispatcher.opt_outs
    assert (entry.phone, entry.source) == (A, "decided by hand")
    assert bench.dispatcher.opt_outs.undecided() == []


def test_clear_refusal_decides_a_probable_one(bench: Bench, call: Caller) -> None:
    assert call("reply", reply("Non merci STOP")) == 200
    assert call("reply", reply("STOP")) == 200
    assert bench.dispatcher.opt_outs.undecided() == []
    assert [one.source for one in bench.dispatcher.opt_outs] == ["answered STOP"]


def test_probable_refusal_changes_no_opt_out(bench: Bench, call: Caller) -> None:
    bench.opt_out(A)
    assert call("reply", reply("Non merci STOP")) == 200
    assert bench.dispatcher.opt_outs.undecided() == []
    assert [one.source for one in bench.dispatcher.opt_outs] == ["by hand"]


def test_erased_probable_refusal_stays_opted_out(bench: Bench, call: Caller) -> None:
    assert call("reply", reply("Non merci STOP")) == 200
    assert bench.dispatcher.opt_outs.erase(A)
    assert bench.dispatcher.opt_outs.undecided() == []
    assert A in bench.dispatcher.opt_outs


# -- a storm of STOPs


@pytest.fixture
def storm(bench: Bench, call: Caller) -> list[str]:
    """Numbers never texted for which a STOP was posted, beside one of our recipients."""
    sent(bench)
    bench.clock.forward(hours=1)
    numbers = people(bench.settings.stop_storm, start=500)
    for phone in [A, *numbers]:
        assert call("reply", reply("STOP", phone)) == 200
    return numbers


def kinds(bench: Bench) -> list[str]:
    with bench.dispatcher.database.read() as session:
        return [*session.scalars(select(Event.kind).where(Event.kind == "stop_storm"))]


def test_storm_of_stops_is_one_event_and_a_finding(
    bench: Bench, call: Caller, storm: list[str]
) -> None:
    assert call("reply", reply("STOP", C)) == 200
    assert kinds(bench) == ["stop_storm"]
    (finding,) = examine(bench.dispatcher, ["webhooks"])
    assert finding.level == "warning"
    assert finding.says == "50 STOPs in 24 hours for numbers that were never texted"


def test_storm_is_taken_back_but_for_those_with_other_evidence(
    bench: Bench, storm: list[str]
) -> None:
    since = bench.clock() - timedelta(minutes=1)
    bench.gateway.stopped = {storm[0]}
    bench.dispatcher.steps.sync_opt_outs(at_once=True)
    bench.dispatcher.opt_outs.add([storm[1]], reason="rang us")
    bench.clock.forward(minutes=1)
    taken = bench.dispatcher.opt_outs.take_back(
        source="answered STOP", since=since, until=bench.clock(), reason="forged", by="zoe"
    )
    assert (taken.removed, taken.confirmed, taken.texted) == (48, 2, 1)
    left = {entry.phone for entry in bench.dispatcher.opt_outs}
    assert left == {A, storm[0], storm[1]}
    last = bench.dispatcher.opt_outs.history(storm[2])[-1]
    assert (last.verb, last.reason, last.actor) == ("remove", "forged", "zoe")
    (finding,) = examine(bench.dispatcher, ["webhooks"])
    assert finding.level == "ok"


def test_storm_outside_the_time_or_of_another_source_is_not_taken_back(
    bench: Bench, storm: list[str]
) -> None:
    now = bench.clock()
    take_back = partial(bench.dispatcher.opt_outs.take_back, reason="forged")
    earlier, later = now - timedelta(hours=2), now + timedelta(hours=2)
    assert take_back(source="answered STOP", since=earlier, until=now).removed == 0
    assert take_back(source="by hand", since=now, until=later).removed == 0
    assert len(list(bench.dispatcher.opt_outs)) == 51


# -- two secrets, other paths


def test_old_and_new_secret_are_both_valid(tables: Database) -> None:
    with opened(tables, webhook_secret=SECRET, webhook_secret_old="old-" + SECRET) as bench:
        call = Caller(bench)
        assert call("reply", reply("un")) == 200
        assert call("reply", reply("deux"), secret="old-" + SECRET) == 200
        assert call("reply", reply("trois"), secret="older-" + SECRET) == 404
        assert len(bench.dispatcher.replies()) == 2


def test_path_with_a_slash_at_its_end_is_the_same(bench: Bench, call: Caller) -> None:
    assert call("reply/", reply("STOP")) == 200
    assert A in bench.dispatcher.opt_outs


@pytest.mark.parametrize("path", ["report", "check"])
def test_stop_that_is_posted_to_another_path_is_heard(
    bench: Bench, call: Caller, path: str
) -> None:
    assert call(path, reply("STOP")) == 200
    assert A in bench.dispatcher.opt_outs


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"type=stop&phone_number=0639980000&text=STOP%20arr%EAtez", "text/plain"),
        ("type=STOP&phone_number=0639980000&text=arrêtez".encode("latin-1"), ""),
        (b'\xef\xbb\xbf{"TYPE":"STOP","phone_number":"+33639980000","text":""}', ""),
        (
            b'--b\r\nContent-Disposition: form-data; name="type"\r\n\r\nstop\r\n--b\r\n%b'
            % b'Content-Disposition: form-data; name="phone_number"\r\n\r\n06 39 98 00 00\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
    ],
)
def test_stop_in_any_form_is_heard(
    bench: Bench, call: Caller, body: bytes, content_type: str
) -> None:
    assert call("reply", body, CONTENT_TYPE=content_type) == 200
    assert A in bench.dispatcher.opt_outs
    assert bench.dispatcher.inbox.unread() == []


def test_list_of_calls_is_taken_but_for_what_cannot_be_read(bench: Bench, call: Caller) -> None:
    listed = json.dumps([reply("STOP"), {"type": "stop"}, reply("STOP", B)]).encode()
    assert call("reply", listed) == 200
    assert A in bench.dispatcher.opt_outs
    assert B in bench.dispatcher.opt_outs
    assert [one.body for one in bench.dispatcher.inbox.unread()] == [listed]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_parts_in_any_order_and_twice_make_one_reply(
    bench: Bench, call: Caller, order: tuple[int, ...]
) -> None:
    three = parts()
    for which in order:
        assert [one.complete for one in bench.dispatcher.replies()].count(True) == 0
        for _ in range(2):
            assert call("reply", three[which]) == 200
    (kept,) = bench.dispatcher.replies()
    assert (kept.text, kept.to, kept.complete) == (LONG, OURS, True)


def test_part_whose_others_never_come_is_listed(bench: Bench, call: Caller) -> None:
    assert call("reply", parts()[1]) == 200
    (kept,) = bench.dispatcher.replies()
    assert (kept.complete, kept.text) == (False, parts()[1]["text"])


def test_parts_of_two_numbers_or_two_days_are_not_joined(bench: Bench, call: Caller) -> None:
    assert call("reply", parts()[0]) == 200
    assert call("reply", parts(phone=B)[1]) == 200
    assert call("reply", parts(phone=B)[2]) == 200
    bench.clock.forward(hours=25)
    assert call("reply", parts()[1]) == 200
    assert call("reply", parts()[2]) == 200
    assert not any(one.complete for one in bench.dispatcher.replies())


def test_concurrent_parts_make_one_reply(bench: Bench, call: Caller) -> None:
    people_ = people(6, start=100)
    calls = [part for phone in people_ for part in parts(phone=phone)]
    start = threading.Barrier(len(calls))
    answers: list[int] = []

    def make(body: dict[str, Any]) -> None:
        start.wait()
        answers.append(call("reply", body))

    threads = [threading.Thread(target=make, args=(body,)) for body in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) == {200}
    kept = bench.dispatcher.replies()
    assert sorted(one.phone for one in kept) == people_
    assert {one.text for one in kept} == {LONG}


def test_replies_since_an_instant_are_listed_newest_first(bench: Bench, call: Caller) -> None:
    call("reply", reply("un"))
    bench.clock.forward(minutes=1)
    middle = bench.clock()
    call("reply", reply("deux"))
    bench.clock.forward(minutes=1)
    call("reply", reply("trois"))
    assert [one.text for one in bench.dispatcher.replies()] == ["trois", "deux", "un"]
    assert [one.text for one in bench.dispatcher.replies(since=middle)] == ["trois", "deux"]
    assert [one.text for one in bench.dispatcher.replies(limit=1)] == ["trois"]
    with pytest.raises(InvalidCampaign, match="time zone"):
        bench.dispatcher.replies(since=datetime(2026, 1, 1))  # noqa: DTZ001


def test_erased_number_leaves_no_reply(bench: Bench, call: Caller) -> None:
    for part in [*parts(), reply("STOP"), reply("Oui", B)]:
        call("reply", part)
    assert bench.dispatcher.opt_outs.erase(A)
    replies = {one.phone: one.text for one in bench.dispatcher.replies()}
    assert replies.pop(B) == "Oui"
    assert set(replies.values()) == {""}
    assert all(map(is_pseudonym, replies))
    assert A in bench.dispatcher.opt_outs
    # the gateway posts it once more
    call("reply", reply("STOP"))
    assert {one.phone for one in bench.dispatcher.replies()} == {B, *replies}
    assert len(bench.dispatcher.replies()) == 3


def test_reply_of_an_erased_person_is_stored_under_the_pseudonym(
    bench: Bench, call: Caller
) -> None:
    call("reply", reply("Oui", A))
    bench.dispatcher.opt_outs.erase(A)
    call("reply", reply("Qui est-ce ?", A))
    texts = {one.text: one.phone for one in bench.dispatcher.replies()}
    assert texts.keys() == {"", "Qui est-ce ?"}
    assert len({*texts.values()}) == 1
    assert A not in texts.values()


def test_check_result_is_taken_and_an_invalid_one_stored(bench: Bench, call: Caller) -> None:
    assert call("check", {"phone": A, "mccMnc": "20815", "errorName": "NO_ERROR"}) == 200
    assert call("check", {"phone": A}) == 200
    assert len(bench.dispatcher.inbox.unread()) == 1


# -- what cannot be read

HOSTILE = {
    "nothing": b"",
    "blanks": b"  \n ",
    "no JSON": b"{",
    "a list of numbers": b"[1, 2]",
    "a number": b"42",
    "no UTF-8": b"status=\xff\xfe",
    "nested too deep": b'{"msgId":' + b"[" * 4000 + b"]" * 4000 + b"}",
    "a key twice": b'{"msgId":"1","msgId":"1000","status":"delivered","phone":"%b"}' % A.encode(),
    "many fields": json.dumps({str(n): n for n in range(100)}).encode(),
    "no phone": json.dumps({"msgId": "1000", "status": "delivered"}).encode(),
    "an entity": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "too much": b"x" * (LARGEST + 1),
    "much too much": b"x" * 5_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["report", "reply", "check"])
def test_unreadable_call_is_stored_for_a_person_and_changes_nothing(
    bench: Bench, call: Caller, path: str, name: str
) -> None:
    for _ in range(2):
        assert call(path, HOSTILE[name]) == 200
    assert bench.dispatcher.replies() == []
    assert list(bench.dispatcher.opt_outs) == []
    stored = [(one.path, one.body) for one in bench.dispatcher.inbox.unread()]
    assert stored == ([(path, HOSTILE[name][:LARGEST])] if HOSTILE[name].strip() else [])


def test_unreadable_calls_are_a_finding_until_somebody_has_looked(
    bench: Bench, call: Caller
) -> None:
    assert call("reply", b"who? +33639980000", query="a=b") == 200
    (finding,) = examine(bench.dispatcher, ["webhooks"])
    assert (finding.level, finding.says) == ("warning", "calls that could not be read: 1")
    (one,) = bench.dispatcher.inbox.unread()
    assert (one.text, one.received_at) == ("a=b who? +33639980000", bench.clock())
    assert A[3:] not in repr(one)
    assert bench.dispatcher.inbox.remove_unread(one.id, 10**30) == 1
    assert bench.dispatcher.inbox.unread() == []


def test_latest_unreadable_calls_take_the_place_of_the_oldest(
    bench: Bench, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatcher.storage.unread_calls.MOST", 3)
    for number in range(5):
        assert call("reply", b"x" * (number + 1)) == 200
    assert [len(one.body) for one in bench.dispatcher.inbox.unread()] == [5, 4, 3]


def test_erased_number_leaves_no_unreadable_call(bench: Bench, call: Caller) -> None:
    assert call("reply", b"who=06%2039%2098%2000%2000") == 200
    assert call("reply", b"who=06%2039%2098%2000%2001") == 200
    bench.dispatcher.opt_outs.erase(A)
    assert [one.text for one in bench.dispatcher.inbox.unread()] == ["who=06 39 98 00 01"]


@pytest.mark.parametrize("length", ["-1", "many", "1e3", "99999999999999999999", "٣"])
def test_invalid_length_is_refused(bench: Bench, length: str) -> None:
    stop = io.BytesIO(urlencode(reply("STOP")).encode())
    answer = Webhooks(bench.dispatcher).answer("POST", f"/{SECRET}/reply", body=stop, length=length)
    assert answer.status == 400
    assert stop.tell() == 0


def test_truncated_body_is_refused(bench: Bench, call: Caller) -> None:
    form = urlencode(reply("STOP ou encore")).encode()
    assert call("reply", form, CONTENT_LENGTH=str(len(form) + 1)) == 400
    assert list(bench.dispatcher.opt_outs) == []


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/report",
        f"/{SECRET}",
        f"/{SECRET}/",
        f"/{SECRET}/REPORT",
        f"/{SECRET}x/report",
        f"/{SECRET[:-1]}/report",
        f"//{SECRET}/report",
        "/" + "é" * 16 + "/report",
        "/" + "\u20ac" * 16 + "/report",
        "/../../etc/passwd",
    ],
)
def test_other_path_is_not_found(bench: Bench, path: str) -> None:
    webhooks = Webhooks(bench.dispatcher)
    assert webhooks.answer("POST", path, body=io.BytesIO()).status == 404
    # and a wrong method is nobody's business who does not know the path
    assert webhooks.answer("DELETE", path, body=io.BytesIO()).status == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_other_method_is_not_allowed(call: Caller, method: str) -> None:
    assert call("reply", method=method) == 405
    assert call.headers["Allow"] == "GET, POST"


def test_webhooks_without_a_secret_raise_configuration_error(bench: Bench) -> None:
    with pytest.raises(ConfigurationError, match="DISPATCHER_WEBHOOK_SECRET"):
        Webhooks(Dispatcher(Settings.of()))


def test_call_during_a_database_failure_is_answered_503(
    bench: Bench, call: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    gone = Dispatcher(
        Settings.of(
            webhook_secret=SECRET, database_url="postgresql+psycopg://me:hunter2@127.0.0.1:9/none"
        )
    )
    answer = Webhooks(gone).answer(
        "POST", f"/{SECRET}/reply", body=io.BytesIO(json.dumps(reply("Oui")).encode()), ends=True
    )
    assert answer.status == 503
    assert ("Retry-After", "60") in answer.headers
    assert "hunter2" not in caplog.text + answer.sentence


def test_call_never_asks_the_gateway(bench: Bench, call: Caller) -> None:
    batch_id = sent(bench)
    query = (len(bench.gateway.calls), len(bench.gateway.lookups), len(bench.gateway.requests))
    call("report", report(bench.batch(batch_id).message_id))
    call("reply", reply("STOP"))
    assert query == (
        len(bench.gateway.calls),
        len(bench.gateway.lookups),
        len(bench.gateway.requests),
    )


def test_call_logs_no_secret_and_no_number(
    bench: Bench, call: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    batch_id = sent(bench)
    for body in [
        report(bench.batch(batch_id).message_id),
        reply("Un renard"),
        reply("STOP renard"),
    ]:
        call("report", body)
        call("reply", body)
    call("reply", {"type": "response", "phone_number": "06 39 98 00 01 renard", "text": 4})
    call("reply", reply("renard"), secret="wrong-" + SECRET)
    text = caplog.text
    assert "a report came" in text
    assert "a reply came: STOP" in text
    assert "cannot be read" in text
    for hidden in (SECRET, "renard", A[3:], "06 39 98"):
        assert hidden not in text


# -- the small server


@pytest.fixture
def server(bench: Bench) -> Iterator[Server]:
    server = Server(Webhooks(bench.dispatcher), "127.0.0.1", 0)
    server.start("webhooks")
    yield server
    server.close()


def posted(server: Server, path: str, body: bytes, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def test_server_takes_calls(bench: Bench, server: Server) -> None:
    assert posted(server, f"/{SECRET}/reply", json.dumps(reply("Oui")).encode()) == 200
    assert posted(server, "/wrong/reply", json.dumps(reply("Non")).encode()) == 404
    assert [one.text for one in bench.dispatcher.replies()] == ["Oui"]


def test_silent_or_vanished_client_blocks_nobody(
    bench: Bench, server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    for rude in (b"", b"\r\n", b"POST /", b"\x16\x03\x01\x02\x00", b"GET " + b"a" * 70_000):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(rude)
    cut = f"POST /{SECRET}/reply HTTP/1.1\r\nContent-Length: 500\r\n\r\ntype=stop".encode()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(cut)
    assert posted(server, f"/{SECRET}/reply", json.dumps(reply("Oui")).encode()) == 200
    for client in silent:
        client.close()
    assert [one.text for one in bench.dispatcher.replies()] == ["Oui"]
    heard = capfd.readouterr()
    assert SECRET not in heard.out + heard.err
    assert "Traceback" not in heard.err


def test_taken_port_raises_configuration_error(bench: Bench, server: Server) -> None:
    with pytest.raises(ConfigurationError, match=f"port {server.port} cannot be listened on"):
        Server(Webhooks(bench.dispatcher), "127.0.0.1", server.port)


# -- what a send asks for


@pytest.mark.parametrize("url", [None, "https://shop.example/sms/"])
def test_send_names_the_webhook_addresses_if_set(url: str | None) -> None:
    settings = Settings.of(webhook_url=url, webhook_secret=SECRET, api_key="k" * 40)
    gateway = Dispatcher(settings).gateway
    options = SendOptions(tag="a", stop=True)
    person, ours = people(2)
    requests = [
        gateway.request([], [], options),
        gateway.single_request([person], "Bonjour", options),
        gateway.number_request(person, "Bonjour", ours, options),
    ]
    query = [
        {name: value for name, value in json.loads(body).items() if name.startswith("url")}
        for body in requests
    ]
    base = f"https://shop.example/sms/{SECRET}"
    named = {"urlDlr": f"{base}/report", "urlResponse": f"{base}/reply"}
    assert query == [{} if url is None else named] * 3
