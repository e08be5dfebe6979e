"""The fake SMS Partner as a process: ``python -m dispatcher.sandbox.gateway.server --help``."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dispatcher.sandbox.gateway import codec
from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.gateway.clock import MovableClock
from dispatcher.sandbox.gateway.control import PREFIX, control
from dispatcher.sandbox.gateway.faults import Fault, FaultScript
from dispatcher.sandbox.gateway.http_server import LARGEST_HEAD, Connection, Request
from dispatcher.sandbox.gateway.inject import inject
from dispatcher.sandbox.gateway.ledger import Ledger
from dispatcher.sandbox.gateway.request_log import LoggedRequest, RequestLog
from dispatcher.sandbox.gateway.routes import Answer, Gateway
from dispatcher.sandbox.gateway.state import State
from dispatcher.sandbox.gateway.webhook_sender import WebhookSender


class Server:
    """Hands requests to the gateway, to the controls, or to a fault."""

    def __init__(self, gateway: Gateway, clock: MovableClock, *, latency: float = 0.0) -> None:
        self.gateway = gateway
        self.clock = clock
        self.faults = FaultScript()
        self.request_log = RequestLog()
        self.webhook_sender = WebhookSender(gateway.state)
        self._latency = latency
        self._released = asyncio.Event()

    def release(self) -> None:
        """End the hangs that have no end of their own."""
        self.faults.release()
        self._released.set()
        self._released = asyncio.Event()

    def begun(
        self, request: Request, connection: Connection
    ) -> tuple[LoggedRequest, Fault | None] | None:
        """Note a request and pick its fault, before its body is read."""
        if request.path.startswith(PREFIX):
            return None
        at = datetime.fromtimestamp(self.clock(), UTC).isoformat()
        seen = self.request_log.begin(request, at=at)
        fault = self.faults.pick(request.path)
        if fault is not None:
            seen.fault = fault.how if fault.kind == "corrupt" else fault.kind
        if fault is not None and fault.kind == "reset_before_read":
            seen.outcome = "not processed"
            connection.reset()
        if fault is not None and fault.kind == "unread":
            connection.unread_for = fault.seconds or 0.0
        return seen, fault

    async def respond(
        self,
        request: Request,
        connection: Connection,
        begun: tuple[LoggedRequest, Fault | None] | None,
    ) -> None:
        """Answer a request whose body has come."""
        if begun is None:
            connection.write(control(self, request, peer=connection.peer).encode())
            return
        seen, fault = begun
        if fault is not None:
            await self._fail(fault, request, seen, connection)
            return
        answer = self._process(request, seen)
        if self._latency:
            await asyncio.sleep(self._latency)
        connection.write(answer.response().encode())

    def _process(self, request: Request, seen: LoggedRequest) -> Answer:
        answer = self.gateway.answer(request, number=seen.number)
        seen.outcome, seen.key = answer.outcome, answer.key
        return answer

    async def _fail(
        self, fault: Fault, request: Request, seen: LoggedRequest, connection: Connection
    ) -> None:
        answer: Answer | None = None
        outcome = "not processed"
        if fault.processed is True:
            answer = self._process(request, seen)
            self.gateway.state.ledger.sync()
            outcome = seen.outcome
        if fault.kind == "hang":
            seen.outcome = "held"
            await self._hang(fault)
        if fault.processed == "after":
            answer = self._process(request, seen)
            outcome = seen.outcome
        seen.outcome = outcome
        mode = self.gateway.state.behaviour.http_status_mode
        await inject(fault, answer, connection, error_status=int(mode))

    async def _hang(self, fault: Fault) -> None:
        if fault.seconds is None:
            await self._released.wait()
        else:
            await asyncio.sleep(fault.seconds)


async def serve(
    *,
    ledger: str | Path,
    key: str,
    host: str = "127.0.0.1",
    port: int = 0,
    latency: float = 0.0,
    clock_offset: float = 0.0,
    sync: bool = False,
    switches: dict[str, Any] | None = None,
) -> None:
    """Run the fake gateway until SIGTERM or SIGINT; the process is its own.

    Prints ``listening on URL`` once it does (``port`` 0 is a free one). ``latency`` and
    ``clock_offset`` are seconds; ``sync`` waits for the disk before each answer. Raises
    ``OSError`` for a port or a file that cannot be had, ``ValueError`` for a wrong switch.
    """
    # nearly everything that lives here lives for ever: looking through it all is wasted
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    loop = asyncio.get_running_loop()
    clock = MovableClock(clock_offset)
    book = Ledger(ledger, sync=sync)
    state = State(key, clock, book, Behaviour().changed(switches or {}))
    server = Server(Gateway(state), clock, latency=latency)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    listener = await asyncio.start_server(
        lambda *streams: Connection(server, *streams).serve(),
        host,
        port,
        limit=LARGEST_HEAD,
        backlog=512,
    )
    if buffer := state.behaviour.receive_buffer:  # the sockets that it accepts inherit it
        listener.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    bound = listener.sockets[0].getsockname()[1]
    rounds = loop.create_task(server.webhook_sender.run())
    print(f"listening on http://{host}:{bound}/v1", flush=True)  # noqa: T201 - it is the signal
    try:
        await stopped.wait()
    finally:
        rounds.cancel()
        listener.close()
        book.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dispatcher.sandbox.gateway.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 (default) takes a free one")
    parser.add_argument("--ledger", required=True, help="the file of what was really texted")
    parser.add_argument("--key", required=True, help="the API key to ask for")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--clock-offset", type=float, default=0.0, help="seconds")
    parser.add_argument("--delivery-seconds", default="1,3", help="least,most")
    parser.add_argument("--fsync", action="store_true", help="wait for the disk at each line")
    parser.add_argument("--switches", default="{}", help="a JSON object of switches")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the fake gateway from a command line."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        least, most = (float(part) for part in options.delivery_seconds.split(","))
        switches = {"delivery_seconds": [least, most], **codec.loads(options.switches.encode())}
        Behaviour().changed(switches)
    except (TypeError, ValueError) as error:
        parser.error(f"--delivery-seconds is two numbers, --switches a JSON object: {error}")
    asyncio.run(
        serve(
            ledger=options.ledger,
            key=options.key,
            host=options.host,
            port=options.port,
            latency=options.latency_ms / 1000,
            clock_offset=options.clock_offset,
            sync=options.fsync,
            switches=switches,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
