"""A gateway that is too cheap to limit a contender, and still counts every number.

It reads every body, answers for the numbers that are in it and counts how often each was texted.
Raw HTTP on one event loop; the latency of an answer is a timer and costs no thread.
``python -m benchmarks.gateway`` serves until it is told to end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from benchmarks.people import BATCH

loads: Callable[[bytes], Any]
run: Callable[[Coroutine[Any, Any, None]], None]
try:  # both are in the extra "bench"; without them it works and costs more
    import orjson
    import uvloop
except ImportError:
    loads, run = json.loads, asyncio.run
else:
    loads, run = orjson.loads, uvloop.run

_SENT = '{"success":true,"code":200,"nbSms":1,"cost":0.045,"phoneNumber":"'
_STATUS = '{{"success":true,"code":200,"phoneNumber":"{}","messageId":{},"status":"{}",{}}}'
_STATUS_END = '"date":"1790000000","stopSms":"0","isSpam":"0"'
_UNKNOWN = '{{"success":false,"code":4,"phoneNumber":"{}","messageId":{},"status":"Introuvable"}}'
_FIRST_ID = 1_000_000


class Ledger:
    """What the gateway took since the last reset, and how it behaves."""

    def __init__(self) -> None:
        self.reset({})

    def reset(self, switches: dict[str, Any]) -> None:
        """Forget everything; ``latency`` is in seconds, ``delivered`` is what polls report."""
        self.latency = float(switches.get("latency", 0.0))
        self.delivered = bool(switches.get("delivered", True))
        self.texted: Counter[str] = Counter()
        self.tags: dict[str, list[str]] = {}
        self.accepted = self.answered = self.pairs = 0
        self.calls: Counter[str] = Counter()
        #: of each bulk send: when it came (the machine's monotonic clock), its first number
        self.arrivals: list[tuple[float, str]] = []

    def counts(self) -> dict[str, Any]:
        """The sums by which a run is checked."""
        return {
            "accepted": self.accepted,
            "answered": self.answered,
            "duplicates": self.accepted - len(self.texted),
            "pairs": self.pairs,
            "calls": self.calls,
        }

    def bulk_send(self, body: bytes) -> str:
        """Accept or refuse all of a bulk send."""
        order = loads(body)
        phones = [line["phoneNumber"] for line in order["SMSList"] if line["message"]]
        if not 0 < len(phones) <= BATCH:
            return '{"success":false,"code":50,"message":"500 numbers at most"}'
        self.arrivals.append((time.monotonic(), phones[0]))
        self.texted.update(phones)
        self.tags.setdefault(order["tag"], []).extend(phones)
        self.accepted += len(phones)
        lines = _SENT + ('"},' + _SENT).join(phones) + '"}'
        return (
            f'{{"success":true,"code":200,"message_id":{_FIRST_ID + len(self.arrivals)},'
            f'"currency":"EUR","cost":{0.045 * len(phones):.3f},"nbSMS":{len(phones)},'
            f'"SMSResponse_List":[{lines}]}}'
        )

    def multi_status(self, body: bytes) -> str:
        """What became of (number, message id) pairs."""
        pairs = loads(body)["SMSStatut_List"]
        self.pairs += len(pairs)
        word = self.word
        lines = [
            _STATUS.format(pair["phoneNumber"], pair["messageId"], word, _STATUS_END)
            if pair["phoneNumber"] in self.texted
            else _UNKNOWN.format(pair["phoneNumber"], pair["messageId"])
            for pair in pairs
        ]
        return f'{{"success":true,"code":200,"StatutResponse_List":[{",".join(lines)}]}}'

    def by_tag(self, tag: str) -> str:
        """Everything under a tag, on one page."""
        phones = self.tags.get(tag, [])
        lines = [
            {"phoneNumber": phone, "status": self.word, "stopSMS": False, "date": "1790000000"}
            for phone in phones
        ]
        answer = {"success": True, "code": 200, "total": len(lines), "StatutResponse_List": lines}
        return json.dumps(answer)

    @property
    def word(self) -> str:
        """The status of all that was texted."""
        return "Delivered" if self.delivered else "Waiting"


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._received = bytearray()
        self._needed = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for the answers."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while len(self._received) > self._needed:
            end = self._received.find(b"\r\n\r\n") + 4
            if end < 4:
                return
            head = bytes(self._received[:end])
            whole = end + _length(head)
            if len(self._received) < whole:
                self._needed = whole - 1  # no need to parse before that many bytes are there
                return
            body = bytes(self._received[end:whole])
            del self._received[:whole]
            self._needed = 0
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        ledger = self._ledger
        address = urlsplit(head.split(b" ", 2)[1].decode())
        path = address.path.removeprefix("/v1")
        sizes = ledger.accepted
        match path:
            case "/bulk-send":
                answer = ledger.bulk_send(body)
            case "/multi-status":
                answer = ledger.multi_status(body)
            case "/bulk-status-by-tag":
                answer = ledger.by_tag(parse_qs(address.query)["tag"][0])
            case "/stop-sms/list":
                answer = '{"success":true,"code":200,"data":[]}'
            case "/me":
                answer = '{"success":true,"code":200,"credits":{"balance":"100000.000"}}'
            case _:
                self._write(json.dumps(_asked(ledger, path, body)), 0)
                return
        ledger.calls[path] += 1
        taken = ledger.accepted - sizes
        if ledger.latency:
            asyncio.get_running_loop().call_later(ledger.latency, self._write, answer, taken)
        else:
            self._write(answer, taken)

    def _write(self, answer: str, taken: int) -> None:
        content = answer.encode()
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
        )
        assert self._transport is not None
        self._transport.write(head.encode() + b"\r\n\r\n" + content)
        self._ledger.answered += taken


def _asked(ledger: Ledger, path: str, body: bytes) -> Any:
    """Answer the harness's own requests, under ``/_bench``."""
    match path:
        case "/_bench/reset":
            ledger.reset(loads(body))
            return {}
        case "/_bench/deliver":
            ledger.delivered = True
            return {}
        case "/_bench/arrivals":
            return ledger.arrivals
        case "/_bench/counts":
            return ledger.counts()
    return {"success": False, "code": 404}


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


async def serve(port: int) -> None:
    """Listen on loopback and print the address."""
    ledger = Ledger()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(ledger), "127.0.0.1", port, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"listening on http://127.0.0.1:{port}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    run(serve(parser.parse_args().port))
