from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.process import Sandbox
from tests.behaviours import BEHAVIOURS
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANNE, BRUNO = "+33639980001", "+33639980002"
BULK = "/v1/bulk-send"
RUN_UNDER = (
    "as documented",
    "errors with HTTP 200",
    "errors under error",
    "ids quoted",
)
#: switches that a test sets for itself
CHANGED = ("http_status_mode", "tag_page_size")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(delivery_seconds=(0, 0)) as sandbox:
        yield sandbox


@pytest.fixture(params=[pytest.param(BEHAVIOURS[name], id=name) for name in RUN_UNDER])
def sandbox(request: pytest.FixtureRequest, running: Sandbox) -> Iterator[Sandbox]:
    """The gateway with one behaviour: the whole suite runs under each."""
    behaviour: dict[str, Any] = request.param
    running.configure(**behaviour)
    yield running
    running.clear_faults()
    running.release()
    running.configure(**{name: getattr(Behaviour(), name) for name in {*behaviour, *CHANGED}})
    running.set_clock(0)


def body(sandbox: Sandbox, *phones: str, **more: Any) -> dict[str, Any]:
    listed = [{"phoneNumber": phone, "message": "Bonjour"} for phone in phones or (ANNE, BRUNO)]
    return {"apiKey": sandbox.key, "SMSList": listed, **more}


def post(sandbox: Sandbox, **more: Any) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/bulk-send",
        json=body(sandbox, **more),
        timeout=PATIENCE,
        allow_redirects=False,
    )


def on_the_wire(sandbox: Sandbox, *, length: int | None = None) -> bytes:
    """Every byte that comes back before the connection ends; raises when it is reset."""
    address = urlsplit(sandbox.url)
    content = json.dumps(body(sandbox)).encode()
    head = f"POST {BULK} HTTP/1.1\r\nHost: x\r\nContent-Length: {length or len(content)}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode() + content)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def taken(sandbox: Sandbox) -> int:
    return sandbox.texted()[ANNE]


def last(sandbox: Sandbox) -> dict[str, Any]:
    return sandbox.requests(BULK)[-1]


def test_bulk_send_is_answered_and_in_ledger(sandbox: Sandbox) -> None:
    before = sandbox.texted()
    answer = post(sandbox, tag="happy")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    text = answer.json()
    assert (text["success"], text["code"], text["nbSMS"]) == (True, 200, 2)
    assert [line["phoneNumber"] for line in text["SMSResponse_List"]] == [ANNE, BRUNO]
    entry = sandbox.entries()[-1]
    assert (entry.tag, entry.message_id) == ("happy", int(text["message_id"]))
    assert entry.request == last(sandbox)["number"]
    post(sandbox, tag="happy")
    assert sandbox.texted() - before == {ANNE: 2, BRUNO: 2}


def test_reports_are_read_by_every_call(sandbox: Sandbox) -> None:
    tag = f"roads{len(sandbox.entries())}"
    message_id = post(sandbox, tag=tag).json()["message_id"]
    query = {"apiKey": sandbox.key, "messageId": message_id, "phoneNumber": ANNE, "tag": tag}

    def get(path: str, **more: Any) -> dict[str, Any]:
        text: dict[str, Any] = requests.get(
            f"{sandbox.url}/{path}", params=query | more, timeout=10
        ).json()
        return text

    sandbox.configure(tag_page_size=1)
    assert get("message-status")["statut"] == "Delivered"
    assert len(get("bulk-status")["StatutResponse_List"]) == 2
    second = get("bulk-status-by-tag", page=2)
    assert (second["total"], second["StatutResponse_List"][0]["phoneNumber"]) == (2, BRUNO)
    pairs = {"apiKey": sandbox.key, "SMSStatut_List": [query]}
    many = requests.post(f"{sandbox.url}/multi-status", json=pairs, timeout=PATIENCE).json()
    assert many["StatutResponse_List"][0]["status"] == "Delivered"
    assert get("me")["credits"]["currency"] == "EUR"


@pytest.mark.parametrize(("mode", "status"), [("400", 400), ("200", 200)])
def test_error_has_http_status_of_mode(sandbox: Sandbox, mode: str, status: int) -> None:
    sandbox.configure(http_status_mode=mode)
    for more, code in [({"apiKey": "wrong"}, 10), ({"sender": "a!"}, 44), ({"tag": "A B"}, 9)]:
        answer = post(sandbox, **more)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", None])
def test_any_content_type_is_read(sandbox: Sandbox, kind: str | None) -> None:
    answer = requests.post(
        f"{sandbox.url}/bulk-send",
        data=json.dumps(body(sandbox)),
        headers={"Content-Type": kind} if kind else {},
        timeout=PATIENCE,
    )
    assert answer.json()["success"] is True


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_chunked_body_is_read(sandbox: Sandbox, size: int) -> None:
    whole = json.dumps(body(sandbox)).encode()
    chunks = iter([whole[at : at + size] for at in range(0, len(whole), size)])
    answer = requests.post(f"{sandbox.url}/bulk-send", data=chunks, timeout=PATIENCE)
    assert answer.json()["success"] is True
    again = requests.get(f"{sandbox.url}/me", params={"apiKey": sandbox.key}, timeout=PATIENCE)
    assert again.json()["success"] is True


@pytest.mark.parametrize(
    ("chunks", "status"), [(b"no\r\n", b"400"), (b"-1\r\n", b"400"), (b"ffffffff\r\n", b"413")]
)
def test_broken_chunks_are_refused(sandbox: Sandbox, chunks: bytes, status: bytes) -> None:
    place = urlsplit(sandbox.url)
    head = b"POST /v1/bulk-send HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as client:
        client.sendall(head + chunks)
        assert client.recv(100).startswith(b"HTTP/1.1 " + status)


def test_answer_has_a_date(sandbox: Sandbox) -> None:
    answer = post(sandbox)
    at = parsedate_to_datetime(answer.headers["Date"])
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


def test_request_log_masks_key(sandbox: Sandbox) -> None:
    requests.get(f"{sandbox.url}/me", params={"apiKey": sandbox.key, "x": "1"}, timeout=PATIENCE)
    seen = sandbox.requests("/v1/me")[-1]
    assert (seen["query"], seen["key"], seen["outcome"]) == ("x=1", sandbox.key[:2] + "…", "200")
    assert sandbox.key not in json.dumps(sandbox.requests())


def test_clock_is_moved_by_control(sandbox: Sandbox) -> None:
    sandbox.set_clock(3600)
    post(sandbox)
    ahead = sandbox.entries()[-1].at - datetime.now(UTC)
    assert timedelta(minutes=59) < ahead < timedelta(minutes=61)


@pytest.mark.parametrize("processed", [True, False])
@pytest.mark.parametrize("kind", ["reset_after_read", "close_after_read", "truncated_head"])
def test_fault_loses_answer_of_taken_or_untaken_request(
    sandbox: Sandbox, kind: str, processed: bool
) -> None:
    before = taken(sandbox)
    sandbox.fault(kind, processed=processed)
    if kind == "reset_after_read":
        with pytest.raises(ConnectionResetError):
            on_the_wire(sandbox)
    else:
        expected = b"HTTP/1.1 200 OK\r\n" if kind == "truncated_head" else b""
        assert on_the_wire(sandbox) == expected
    assert taken(sandbox) - before == processed
    assert last(sandbox)["fault"] == kind
    assert last(sandbox)["outcome"] == ("200" if processed else "not processed")
    assert post(sandbox).status_code == 200


def test_reset_before_body_takes_nothing(sandbox: Sandbox) -> None:
    before = taken(sandbox)
    sandbox.fault("reset_before_read")
    with pytest.raises(ConnectionResetError):
        on_the_wire(sandbox, length=10_000_000)
    assert taken(sandbox) == before


def test_body_left_unread_is_read_and_taken_later(sandbox: Sandbox) -> None:
    before = taken(sandbox)
    sandbox.fault("unread", seconds=0.01)
    assert post(sandbox).json()["success"] is True
    assert last(sandbox)["fault"] == "unread"
    assert taken(sandbox) == before + 1


def test_truncated_body_announces_more_than_it_sends(sandbox: Sandbox) -> None:
    before = taken(sandbox)
    sandbox.fault("truncated_body")
    head, _, rest = on_the_wire(sandbox).partition(b"\r\n\r\n")
    announced = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert 0 < len(rest) < announced
    sandbox.fault("content_length_lie")
    head, _, rest = on_the_wire(sandbox).partition(b"\r\n\r\n")
    announced = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    assert 0 < announced < len(rest)
    assert taken(sandbox) == before + 2


@pytest.mark.parametrize("kind", ["slow_head", "slow_body"])
def test_slow_answer_arrives_whole(sandbox: Sandbox, kind: str) -> None:
    sandbox.fault(kind, interval=0)
    assert post(sandbox).json()["success"] is True
    assert last(sandbox)["fault"] == kind


def test_slow_answer_arrives_byte_by_byte(sandbox: Sandbox) -> None:
    sandbox.fault("slow_head", interval=3600)
    address = urlsplit(sandbox.url)
    content = json.dumps(body(sandbox)).encode()
    with socket.create_connection((address.hostname, address.port), PATIENCE) as connection:
        connection.sendall(
            f"POST {BULK} HTTP/1.1\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
        )
        assert connection.recv(65536) == b"H"
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(65536)


def test_big_body_has_requested_size(sandbox: Sandbox) -> None:
    sandbox.fault("big_body", megabytes=2)
    answer = post(sandbox)
    assert len(answer.content) > 2 * 1024 * 1024
    assert answer.json()["success"] is True


STATUSES = [
    pytest.param({"status": 502}, True, id="bad gateway after taking it"),
    pytest.param({"status": 504}, False, id="gateway timeout"),
    pytest.param({"status": 429, "headers": {"Retry-After": "30"}}, False, id="429, seconds"),
    pytest.param({"status": 429, "headers": {"Retry-After": "-5"}}, True, id="429, taken"),
    pytest.param({"status": 307, "headers": {"Location": "http://x/"}}, False, id="redirect"),
    pytest.param({"status": 308, "body": ""}, False, id="redirect to nowhere"),
]


@pytest.mark.parametrize(("parts", "processed"), STATUSES)
def test_status_fault_answers_requested_status(
    sandbox: Sandbox, parts: dict[str, Any], processed: bool
) -> None:
    before = taken(sandbox)
    sandbox.fault("status", processed=processed, **parts)
    answer = post(sandbox)
    assert answer.status_code == parts["status"]
    assert parts.get("headers", {}).items() <= dict(answer.headers).items()
    assert taken(sandbox) - before == processed


@pytest.mark.parametrize("processed", [True, False])
def test_code_fault_answers_requested_code(sandbox: Sandbox, processed: bool) -> None:
    before = taken(sandbox)
    sandbox.configure(http_status_mode="200")
    sandbox.fault("code", code=500, shape="C", processed=processed)
    answer = post(sandbox)
    assert (answer.status_code, answer.json()["code"]) == (200, 500)
    assert "errors" in answer.json()
    assert taken(sandbox) - before == processed


def lines(answer: requests.Response) -> list[str]:
    return [line["phoneNumber"] for line in answer.json()["SMSResponse_List"]]


MANGLED = [
    ("no_message_id", lambda answer: "message_id" not in answer.json()),
    ("success_as_text", lambda answer: answer.json()["success"] == "true"),
    ("code_as_text", lambda answer: answer.json()["code"] == "200"),
    ("nan", lambda answer: b"NaN" in answer.content),
    ("list", lambda answer: isinstance(answer.json(), list)),
    ("bom", lambda answer: answer.content.startswith(b"\xef\xbb\xbf{")),
    ("latin1", lambda answer: b"accept\xe9" in answer.content),
    ("short_list", lambda answer: lines(answer) == [ANNE]),
    ("long_list", lambda answer: lines(answer) == [ANNE, BRUNO, "+33639989999"]),
    ("duplicates", lambda answer: lines(answer) == [ANNE, ANNE, BRUNO]),
    ("foreign_numbers", lambda answer: lines(answer) == ["+33639989999"] * 2),
    ("national_numbers", lambda answer: lines(answer) == ["0639980001", "0639980002"]),
    ("reordered", lambda answer: lines(answer) == [BRUNO, ANNE]),
]


@pytest.mark.parametrize(("how", "seen"), MANGLED, ids=[how for how, _ in MANGLED])
def test_corrupt_fault_changes_true_answer(sandbox: Sandbox, how: str, seen: Any) -> None:
    before = taken(sandbox)
    sandbox.fault("corrupt", how=how)
    assert seen(post(sandbox))
    assert taken(sandbox) == before + 1
    assert last(sandbox)["fault"] == how


def test_answer_is_not_json_or_empty_by_fault(sandbox: Sandbox) -> None:
    sandbox.fault("not_json", processed=False)
    sandbox.fault("empty", processed=False, nth=2)
    before = taken(sandbox)
    assert [post(sandbox).content for _ in range(2)] == ["OK, bien reçu".encode(), b""]
    assert taken(sandbox) == before


HELD = [
    pytest.param(True, 1, 1, id="processed before"),
    pytest.param("after", 0, 1, id="processed on release"),
    pytest.param(False, 0, 0, id="never processed"),
]


@pytest.mark.parametrize(("processed", "while_held", "in_the_end"), HELD)
def test_held_request_is_answered_on_release(
    sandbox: Sandbox, processed: bool | str, while_held: int, in_the_end: int
) -> None:
    before = taken(sandbox)
    sandbox.hold(processed=processed)
    received: list[bytes] = []
    client = threading.Thread(target=lambda: received.append(on_the_wire_once(sandbox)))
    client.start()
    sandbox.wait_until(lambda sandbox: sandbox.held() == 1)
    assert taken(sandbox) - before == while_held
    sandbox.release()
    client.join(PATIENCE)
    assert bool(received[0]) == bool(processed)
    assert taken(sandbox) - before == in_the_end
    assert post(sandbox).status_code == 200


def on_the_wire_once(sandbox: Sandbox) -> bytes:
    try:
        return post(sandbox).content
    except requests.ConnectionError:
        return b""


def test_held_request_is_processed_without_client(sandbox: Sandbox) -> None:
    before = taken(sandbox)
    sandbox.hold(processed="after")
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{sandbox.url}/bulk-send", json=body(sandbox), timeout=(PATIENCE, 0.2))
    sandbox.wait_until(lambda sandbox: sandbox.held() == 1)
    sandbox.release()
    sandbox.wait_until(lambda sandbox: sandbox.held() == 0)
    assert taken(sandbox) == before + 1


def test_timed_hang_answers_late(sandbox: Sandbox) -> None:
    sandbox.fault("hang", seconds=0.05)
    assert post(sandbox).json()["success"] is True
    assert last(sandbox)["fault"] == "hang"


def test_wrong_control_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="colour"):
        sandbox.configure(colour="red")
    with pytest.raises(ValueError, match="explode"):
        sandbox.fault("explode")


def test_wrong_address_answers_html_page(sandbox: Sandbox) -> None:
    assert requests.get(f"{sandbox.url}/nothing", timeout=PATIENCE).status_code == 404
    assert requests.get(f"{sandbox.url}/bulk-send", timeout=PATIENCE).status_code == 405


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_sandbox_and_keeps_ledger(tmp_path: Path, number: int) -> None:
    path = tmp_path / "ledger.jsonl"
    options = json.dumps({"ledger": str(path), "key": "k" * 40})
    argv = [sys.executable, "-m", "dispatcher.sandbox.gateway.server", options]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        url = line.removeprefix("listening on ").strip()
        sent = {"apiKey": "k" * 40, "phoneNumbers": ANNE, "message": "Bonjour"}
        assert requests.post(f"{url}/send", json=sent, timeout=PATIENCE).json()["code"] == 200
        child.send_signal(number)
        _, complaints = child.communicate(timeout=PATIENCE)
    assert (child.returncode, complaints) == (0, "")
    assert path.read_text(encoding="utf-8").count(ANNE) == 1
