"""The fake SMS Partner as a process; ``process.py`` starts it with the arguments of ``serve``."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.gateway.clock import MovableClock
from dispatcher.sandbox.gateway.controls import PREFIX, control
from dispatcher.sandbox.gateway.fault_injection import inject
from dispatcher.sandbox.gateway.faults import Fault, FaultScript
from dispatcher.sandbox.gateway.http_server import LARGEST_HEAD, Connection, Request
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
        """End every hang that lasts until it is released."""
        self.faults.release()
        self._released.set()
        self._released = asyncio.Event()

    def begun(
        self, request: Request, connection: Connection
    ) -> tuple[LoggedRequest, Fault | None] | None:
        """Log a request and pick its fault, before its body is read."""
        if request.path.startswith(PREFIX):
            return None
        at = datetime.fromtimestamp(self.clock(), UTC).isoformat()
        logged = self.request_log.begin(request, at=at)
        fault = self.faults.pick(request.path)
        if fault is not None:
            logged.fault = fault.how if fault.kind == "corrupt" else fault.kind
        if fault is not None and fault.kind == "reset_before_read":
            logged.outcome = "not processed"
            connection.reset()
        if fault is not None and fault.kind == "unread":
            connection.unread_for = fault.seconds or 0.0
        return logged, fault

    async def respond(
        self,
        request: Request,
        connection: Connection,
        begun: tuple[LoggedRequest, Fault | None] | None,
    ) -> None:
        """Answer a request whose body was read."""
        if begun is None:
            connection.write(control(self, request, peer=connection.peer).encode())
            return
        logged, fault = begun
        if fault is not None:
            await self._fail(fault, request, logged, connection)
            return
        answer = self._process(request, logged)
        if self._latency:
            await asyncio.sleep(self._latency)
        connection.write(answer.response().encode())

    def _process(self, request: Request, logged: LoggedRequest) -> Answer:
        answer = self.gateway.answer(request, number=logged.number)
        logged.outcome, logged.key = answer.outcome, answer.key
        return answer

    async def _fail(
        self, fault: Fault, request: Request, logged: LoggedRequest, connection: Connection
    ) -> None:
        answer: Answer | None = None
        outcome = "not processed"
        if fault.processed is True:
            answer = self._process(request, logged)
            self.gateway.state.ledger.sync()
            outcome = logged.outcome
        if fault.kind == "hang":
            logged.outcome = "held"
            await self._hang(fault)
        if fault.processed == "after":
            answer = self._process(request, logged)
            outcome = logged.outcome
        logged.outcome = outcome
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
    switches: dict[str, Any] | None = None,
) -> None:
    """Run the fake gateway until SIGTERM or SIGINT, in a process of its own.

    Prints ``listening on URL`` when it is ready (``port`` 0 takes a free one). ``latency`` and
    ``clock_offset`` are seconds. Raises OSError for a port that is taken or a file that cannot be
    opened, ValueError for a wrong switch.
    """
    # nearly all objects live as long as the process: to collect garbage among them wastes time
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
    loop = asyncio.get_running_loop()
    clock = MovableClock(clock_offset)
    book = Ledger(ledger)
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


if __name__ == "__main__":
    asyncio.run(serve(**json.loads(sys.argv[1])))
