"""Rows 24 to 33 of the fault matrix: a call to the gateway or its answer is lost or spoilt.

Each fault is tested without workers (see ``workerless.py``) against the real gateway process; the
main kinds go through real workers at the end. SQLite only: the database does the same whatever the
gateway did, and its faults have rows of their own.
"""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests.adapters

from dispatcher.gateway.http import connection
from dispatcher.gateway.smspartner.transport import LARGEST_ANSWER
from dispatcher.sandbox.process import Sandbox
from tests.acceptance.calls import CALLS, Call, sends
from tests.acceptance.installation import Installation, people
from tests.acceptance.workerless import OpenWorkerless, Workerless
from tests.integration.gateway import rawserver
from tests.integration.gateway.rawserver import CERTIFICATE, Peer, RawServer

EXPIRED = CERTIFICATE.with_name("expired.pem")
BULK, BY_TAG = "/v1/bulk-send", "/v1/bulk-status-by-tag"
#: short enough for a test that waits for it, long enough for a good answer (seconds)
IMPATIENT = {"call_timeout": 2.0, "connect_timeout": 2.0}


# -- row 24: no connection, or one with another server -----------------------------------------


def unreachable(site: Workerless, why: str) -> None:
    """Assert that the batch stays pending, says why and is tried again later."""
    site.submit("soldes", people(3))
    for tries in (1, 2):
        site.work()
        batch = site.batch()
        assert (batch.state, batch.attempt, batch.checks) == ("pending", 0, tries)
        assert batch.not_before > site.clock()
        site.forward_to(batch.not_before)
    assert why in site.progress("soldes").why
    assert not site.attempts()
    assert not site.taken()
    site.check()


def valid(peer: Peer) -> None:
    while True:
        peer.request()
        peer.answer({"success": True, "code": 200})


def no_tls(peer: Peer) -> None:
    peer.peek()
    peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    peer.until_gone()


@pytest.fixture
def closed_port() -> int:
    with RawServer(valid) as server:
        return server.port


def test_refused_connection_arms_nothing(workerless: OpenWorkerless, closed_port: int) -> None:
    nowhere = f"http://127.0.0.1:{closed_port}/v1"
    site = workerless(api_url=nowhere)
    unreachable(site, "the gateway cannot be reached")


def test_name_that_does_not_resolve_arms_nothing(workerless: OpenWorkerless) -> None:
    # a clock that is shifted for good is refused unless the gateway is on loopback
    elsewhere = {"api_url": "https://gateway.invalid/v1", "clock_offset": 0}
    site = workerless(**elsewhere)
    unreachable(site, "the gateway's name cannot be resolved")


@pytest.mark.parametrize(
    ("certificate", "trusted", "host"),
    [
        pytest.param(CERTIFICATE, None, "localhost", id="self-signed"),
        pytest.param(CERTIFICATE, CERTIFICATE, "127.0.0.1", id="of-another-host"),
        pytest.param(EXPIRED, EXPIRED, "localhost", id="expired"),
    ],
)
def test_bad_certificate_arms_nothing_and_gets_no_byte(
    workerless: OpenWorkerless,
    monkeypatch: pytest.MonkeyPatch,
    certificate: Path,
    trusted: Path | None,
    host: str,
) -> None:
    monkeypatch.setattr(rawserver, "CERTIFICATE", certificate)
    if trusted is not None:
        for module in (connection, requests.adapters):  # requests checks as well
            monkeypatch.setattr(module, "DEFAULT_CA_BUNDLE_PATH", str(trusted))
    with RawServer(valid, tls=True) as server:
        impostor = f"https://{host}:{server.port}/v1"
        site = workerless(api_url=impostor)
        unreachable(site, "certificate")
        assert server.connections == 2
        assert server.seen == b""


def test_server_without_tls_gets_no_key(workerless: OpenWorkerless) -> None:
    with RawServer(no_tls) as server:
        impostor = f"https://localhost:{server.port}/v1"
        site = workerless(api_url=impostor)
        unreachable(site, "TLS")
        assert server.seen
        assert site.gateway.key.encode() not in server.seen


def test_batch_leaves_when_the_gateway_is_back(workerless: OpenWorkerless, tmp_path: Path) -> None:
    with Sandbox(tmp_path / "ledger.jsonl") as gateway:
        site = workerless(gateway=gateway)
        gateway.stop()
        site.submit("soldes", people(3))
        site.work()
        assert site.batch().state == "pending"
        port = urlsplit(site.settings.api_url).port
        assert port is not None
        again = Sandbox(gateway.ledger_path, key=gateway.key, port=port, delivery_seconds=[0, 0])
        with again as site.gateway:
            site.work_to_the_end()
            assert site.messages() == {"delivered": 3}
            assert site.outcomes() == ["sent"]
            site.check()


# -- rows 25 to 31: the request has left, and no answer proves whether it was taken ------------

#: faults after which the gateway may or may not have taken the batch
EITHER = [
    pytest.param({"kind": "reset_after_read"}, "the connection was cut", id="26-reset"),
    pytest.param({"kind": "close_after_read"}, "the connection was cut", id="26-close"),
    pytest.param({"kind": "hang"}, "too long|no answer in time", id="27-hang"),
    pytest.param({"kind": "truncated_head"}, "unreadable", id="30-200-and-no-more"),
    pytest.param({"kind": "empty"}, "HTTP 200 with an unreadable body", id="30-empty-body"),
    pytest.param({"kind": "not_json"}, "HTTP 200 with an unreadable body", id="30-not-json"),
    pytest.param({"kind": "status", "status": 500}, "HTTP 500", id="31-500"),
    pytest.param({"kind": "status", "status": 502}, "HTTP 502", id="31-502"),
    pytest.param(
        {"kind": "status", "status": 503, "headers": {"Retry-After": "1"}}, "HTTP 503", id="31-503"
    ),
    pytest.param({"kind": "status", "status": 504}, "HTTP 504", id="31-504"),
    pytest.param({"kind": "code", "code": 500}, "code 500", id="31-code-500"),
    pytest.param({"kind": "status", "status": 404}, "HTTP 404", id="404-page"),
    pytest.param({"kind": "status", "status": 202, "body": "{}"}, "HTTP 202", id="202"),
]
#: faults that spoil an answer: the batch was taken
TAKEN = [
    pytest.param({"kind": "slow_head", "interval": 0.1}, "too long", id="28-slow-head"),
    pytest.param({"kind": "slow_body", "interval": 0.1}, "too long", id="29-slow-body"),
    pytest.param({"kind": "truncated_body"}, "was cut", id="30-truncated-body"),
    pytest.param({"kind": "content_length_lie"}, "unreadable", id="30-length-lie"),
    pytest.param({"kind": "big_body", "megabytes": 10}, "too large", id="30-big-body"),
]
#: faults before the gateway can take the batch, which a client cannot tell from the others
NOT_TAKEN = [
    pytest.param({"kind": "reset_before_read"}, "the connection was cut", id="25-reset-unread")
]


by_each_call = pytest.mark.parametrize(
    "call", [pytest.param(call, id=name) for name, call in CALLS.items()]
)


@by_each_call
@pytest.mark.parametrize(("fault", "why"), [*EITHER, *TAKEN])
def test_taken_batch_without_an_answer_is_settled_by_its_tag(
    workerless: OpenWorkerless, call: Call, fault: dict[str, Any], why: str
) -> None:
    site = workerless(**IMPATIENT, **call.settings)
    site.gateway.fault(path=call.path, **fault)
    call.submit(site, people(call.batch))
    site.work()
    assert site.batch().state == "in_doubt"
    assert re.search(why, site.batch().why)
    site.work_to_the_end()
    assert site.messages() == {"delivered": call.batch}
    assert site.outcomes() == ["sent"]
    assert sends(site) == [call.path]
    site.check()


@by_each_call
@pytest.mark.parametrize(("fault", "why"), [*EITHER, *NOT_TAKEN])
def test_batch_not_taken_is_sent_again_only_by_a_person(
    workerless: OpenWorkerless, call: Call, fault: dict[str, Any], why: str
) -> None:
    site = workerless(**IMPATIENT, **call.settings)
    site.gateway.fault(path=call.path, **fault, processed=False)
    call.submit(site, people(call.batch))
    site.work()
    assert re.search(why, site.batch().why)
    site.gateway.release()
    for hours in (0.001, 1, 23, 24):
        site.pass_by(hours=hours)
        assert site.batch().state == "in_doubt"
    assert site.batch().why.startswith("the gateway shows nothing under its tag")
    assert (sends(site), site.taken()) == ([call.path], [])
    site.dispatcher.resend(site.batch().id, reason="their own list has nothing")
    site.work_to_the_end()
    assert site.messages() == {"delivered": call.batch}
    assert site.outcomes() == ["resent", "sent"]
    site.check()


@by_each_call
@pytest.mark.parametrize("taken", [True, False])
def test_rate_limited_batch_is_looked_up_before_it_is_sent_again(
    workerless: OpenWorkerless, call: Call, *, taken: bool
) -> None:
    site = workerless(**call.settings)
    site.gateway.fault("status", call.path, status=429, processed=taken)
    call.submit(site, people(call.batch))
    site.work()
    assert site.batch().state == "pending"
    site.work_to_the_end()
    assert site.messages() == {"delivered": call.batch}
    assert len(sends(site)) == (1 if taken else 2)
    site.check()


def test_endless_body_takes_little_memory(workerless: OpenWorkerless) -> None:  # row 30
    site = workerless()
    site.gateway.fault("big_body", BULK, megabytes=256)
    site.gateway.fault("big_body", BY_TAG, megabytes=256)
    site.submit("soldes", people(3))
    tracemalloc.start()
    try:
        site.work()
        site.pass_by(seconds=5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert site.batch().why == "the gateway cannot be asked: the answer is too large"
    assert LARGEST_ANSWER < peak < 6 * LARGEST_ANSWER
    site.work_to_the_end()
    site.check()


# -- row 32: the gateway asks to wait ----------------------------------------------------------


def in_half_a_minute(site: Workerless) -> dict[str, str]:
    """Retry-After as an HTTP date, with the date of the answer by the gateway's own clock."""
    now = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    later = now + timedelta(seconds=30)
    return {
        "Date": format_datetime(now, usegmt=True),
        "Retry-After": format_datetime(later, usegmt=True),
    }


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        pytest.param({"Retry-After": "42"}, 41, 42, id="seconds"),
        pytest.param(in_half_a_minute, 29, 30, id="http-date"),
        pytest.param({}, 4, 5, id="none-is-the-backoff"),
        pytest.param({"Retry-After": "999999999999"}, 3599, 3600, id="absurd-is-an-hour"),
        pytest.param({"Retry-After": "-30"}, 4, 5, id="negative-is-the-backoff"),
        pytest.param({"Retry-After": "0"}, 4, 5, id="zero-is-the-backoff"),
        pytest.param({"Retry-After": "soon"}, 4, 5, id="words-are-the-backoff"),
        pytest.param(
            {"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"},
            4,
            5,
            id="date-without-a-date-of-the-answer",
        ),
    ],
)
def test_rate_limited_batch_waits_as_long_as_the_answer_asks(
    workerless: OpenWorkerless, headers: Any, least: float, most: float
) -> None:
    site = workerless()
    values = headers(site) if callable(headers) else headers
    site.gateway.fault("status", BULK, status=429, headers=values, processed=False)
    site.submit("soldes", people(3))
    site.stop_clock()
    site.work()
    wait = (site.batch().not_before - site.clock()).total_seconds()
    assert least < wait <= most
    assert site.progress("soldes").waits_until == site.batch().not_before
    assert site.progress("soldes").why == "the gateway asks to wait"
    assert site.messages() == {"pending": 3}
    site.forward_to(site.batch().not_before - timedelta(seconds=1))
    assert not site.work().send
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    assert site.outcomes() == ["throttled", "sent"]
    assert_lookup_before_the_second_send(site)
    site.check()


def assert_lookup_before_the_second_send(site: Workerless) -> None:
    first = site.attempts()[0].tag
    paths = [
        request["path"] + (f"?{request['query']}" if first in request["query"] else "")
        for request in site.requests()
    ]
    second = [place for place, path in enumerate(paths) if path == BULK][1]
    assert any(first in path for path in paths[:second])


def test_rate_limited_batch_that_was_taken_is_sent_once(
    workerless: OpenWorkerless,
) -> None:
    site = workerless()
    site.gateway.fault("status", BULK, status=429, headers={"Retry-After": "30"})
    site.submit("soldes", people(3))
    site.work()
    assert site.batch().state == "pending"
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    assert (site.sends(), site.outcomes()) == (1, ["sent"])
    site.check()


def test_rate_limited_batch_waits_while_its_tag_cannot_be_looked_up(
    workerless: OpenWorkerless,
) -> None:
    site = workerless()
    site.gateway.fault("status", BULK, status=429)
    site.gateway.fault("status", BY_TAG, status=503, times=None)
    site.submit("soldes", people(3))
    for _ in range(4):
        site.pass_by(minutes=6)
    assert (site.sends(), site.batch().state) == (1, "pending")
    assert "HTTP 503" in site.batch().why
    site.gateway.clear_faults()
    site.work_to_the_end()
    assert (site.sends(), site.messages()) == (1, {"delivered": 3})
    site.check()


# -- row 33: a redirect ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(workerless: OpenWorkerless, tmp_path: Path, status: int) -> None:
    site = workerless()
    # the same key is valid there: a client that followed would text people
    elsewhere = Sandbox(tmp_path / "elsewhere.jsonl", key=site.gateway.key)
    with RawServer(valid) as listener, elsewhere:
        for path, target in ((BULK, elsewhere.url), (BY_TAG, listener.url)):
            there = target + path.removeprefix("/v1")
            headers = {"Location": there}
            site.gateway.fault("status", path, status=status, headers=headers, processed=False)
        site.submit("soldes", people(3))
        site.work()
        assert (site.batch().state, site.batch().why) == ("in_doubt", f"HTTP {status}")
        site.pass_by(seconds=5)
        assert site.batch().why.startswith("the gateway cannot be asked: ")
        site.pass_by(seconds=5)
        assert site.batch().why.startswith("the gateway shows nothing under its tag")
        assert not elsewhere.entries()
        assert not elsewhere.requests()
        assert listener.connections == 0
    assert not site.taken()
    site.check()


# -- the main kinds, through real workers ------------------------------------------------------


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A site with a worker and a beat that go on from test to test."""
    directory = tmp_path_factory.mktemp("crew")
    with Installation(directory, f"sqlite:///{directory / 'crew.db'}", doubt_limit=50) as site:
        site.worker()
        site.beat()
        yield site
        site.check()


def in_doubt(site: Installation, reference: str, why: str) -> int:
    """Wait until the campaign's batch is in doubt and says ``why``; returns its id."""

    def doubts() -> list[int]:
        return [
            doubt.batch_id
            for doubt in site.dispatcher.doubts()
            if doubt.reference == reference and doubt.why.startswith(why)
        ]

    site.wait(doubts, f"{reference} to be in doubt")
    return doubts()[0]


@pytest.mark.parametrize(
    ("reference", "start", "fault"),
    [
        pytest.param("26", 100, {"kind": "reset_after_read"}, id="26-lost-answer"),
        pytest.param("27", 110, {"kind": "hang"}, id="27-hang"),
        pytest.param("28", 120, {"kind": "slow_head"}, id="28-slow-head"),
        pytest.param("30", 130, {"kind": "truncated_head"}, id="30-truncated-head"),
        pytest.param("31", 140, {"kind": "status", "status": 502}, id="31-502"),
        pytest.param("36", 150, {"kind": "corrupt", "how": "short_list"}, id="36-partial-list"),
    ],
)
def test_workers_settle_a_taken_batch_without_an_answer(
    crew: Installation, reference: str, start: int, fault: dict[str, Any]
) -> None:
    crew.gateway.fault(**fault)
    crew.submit(reference, people(4, start))
    assert crew.wait_finished(reference).messages["delivered"] == 4
    crew.check()


def test_workers_leave_a_batch_not_taken_to_a_person(crew: Installation) -> None:  # row 31
    crew.gateway.fault("status", BULK, status=500, processed=False)
    crew.submit("31 not taken", people(4, 200))
    batch = in_doubt(crew, "31 not taken", "the gateway shows nothing under its tag")
    assert not crew.gateway.texted().keys() & set(people(4, 200))
    crew.dispatcher.give_up(batch, reason="too late for these")
    assert crew.wait_finished("31 not taken").messages["unreported"] == 4
    crew.check()


def test_workers_wait_as_long_as_a_rate_limit_asks(crew: Installation) -> None:  # row 32
    crew.gateway.fault("status", BULK, status=429, headers={"Retry-After": "1"}, processed=False)
    crew.submit("32", people(4, 210))
    assert crew.wait_finished("32").messages["delivered"] == 4
    crew.check()


def test_workers_end_a_refused_batch(crew: Installation) -> None:  # row 34
    crew.gateway.fault("code", BULK, code=90, processed=False)
    crew.submit("34 refused", people(4, 220))
    assert crew.wait_finished("34 refused").messages["rejected"] == 4
    crew.check()


def test_workers_pause_a_campaign_without_credit(crew: Installation) -> None:  # row 34
    crew.gateway.configure(credit="0")
    crew.submit("34 no credit", people(4, 230))
    crew.wait(lambda: crew.progress("34 no credit").state == "paused", "the campaign to pause")
    assert crew.progress("34 no credit").why == "paused: no credit"
    crew.gateway.configure(credit="100")
    crew.dispatcher.resume("34 no credit")
    assert crew.wait_finished("34 no credit").messages["delivered"] == 4
    crew.check()
