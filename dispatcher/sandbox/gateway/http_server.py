"""A small HTTP/1.1 server whose application controls every byte, so that it can misbehave."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

#: a head or a body beyond these closes the connection
LARGEST_HEAD: Final = 64 * 1024
LARGEST_BODY: Final = 16 * 1024 * 1024

# closing with this makes the peer see a reset instead of an orderly end
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names are in lower case, ``body`` is empty in ``begun``."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def parameters(self) -> dict[str, str]:
        """The query, decoded as a form is: a bare ``+`` is a space."""
        return {name: values[-1] for name, values in parse_qs(self.query).items()}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, written by ``encode``."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)

    @property
    def head(self) -> bytes:
        """The status line and the headers, the empty line included."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [f"HTTP/1.1 {self.status} {phrase}", "Server: sandbox"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not any(name.lower() == "content-length" for name, _ in self.headers):
            lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def encode(self) -> bytes:
        """The bytes of the answer."""
        return self.head + self.body


class Application(Protocol):
    """What a connection hands its requests to."""

    def begun(self, request: Request, connection: Connection) -> Any:
        """The head of a request has come, its body has not; the connection may be cut here.

        What this returns comes back with the whole request.
        """

    async def respond(self, request: Request, connection: Connection, begun: Any) -> None:
        """Answer the request by writing to the connection, or close it."""


class Connection(asyncio.Protocol):
    """One client's connection: requests are answered in turn, and it is kept alive."""

    def __init__(self, application: Application, open_connections: set[Connection]) -> None:
        self._application = application
        self._open = open_connections
        self._received = bytearray()
        self._head: Request | None = None
        self._missing = 0
        self._begun: Any = None
        self._waiting: deque[tuple[Request, Any]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._drained = asyncio.Event()
        self._drained.set()
        self.peer = ""

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._transport is None or self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's own name for a new connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Asyncio's own name for the end; a request that was taken still runs to its end."""
        self._transport = None
        self._drained.set()
        self._open.discard(self)

    def pause_writing(self) -> None:
        """Asyncio's own name for a full buffer."""
        self._drained.clear()

    def resume_writing(self) -> None:
        """Asyncio's own name for a buffer with room again."""
        self._drained.set()

    def data_received(self, data: bytes) -> None:
        """Asyncio's own name for bytes that came."""
        self._received += data
        while not self.closed and self._read_one():
            pass

    def _read_one(self) -> bool:
        if self._head is None and not self._read_head():
            return False
        if self._head is None or len(self._received) < self._missing:
            return False
        head, body = self._head, bytes(self._received[: self._missing])
        del self._received[: self._missing]
        self._head = None
        request = Request(head.method, head.path, head.query, head.headers, body)
        self._waiting.append((request, self._begun))
        if self._task is None:
            self._task = asyncio.create_task(self._answer())
        return True

    def _read_head(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            if len(self._received) > LARGEST_HEAD:
                self._refuse(431)
            return False
        lines = self._received[:end].decode("latin-1").split("\r\n")
        del self._received[: end + 4]
        words = lines[0].split(" ")
        named = [line.partition(":") for line in lines[1:]]
        headers = {name.strip().lower(): value.strip() for name, _, value in named}
        length = headers.get("content-length", "0")
        if len(words) != 3 or not length.isdecimal():
            self._refuse(400)
        elif "transfer-encoding" in headers:
            self._refuse(411)
        elif int(length) > LARGEST_BODY:
            self._refuse(413)
        else:
            path, _, query = words[1].partition("?")
            self._head, self._missing = Request(words[0], path, query, headers), int(length)
            self._begun = self._application.begun(self._head, self)
            if headers.get("expect", "").lower() == "100-continue":
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return True
        return False

    def _refuse(self, status: int) -> None:
        self.write(Response(status, b"", (("Connection", "close"),)).encode())
        self.close()

    async def _answer(self) -> None:
        try:
            while self._waiting:
                request, begun = self._waiting.popleft()
                await self._application.respond(request, self, begun)
                if request.headers.get("connection", "").lower() == "close":
                    self.close()
        except Exception:
            self.close()
            raise
        finally:
            self._task = None

    def write(self, data: bytes) -> None:
        """Send bytes; nothing happens when the client has gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the client takes what was written, or has gone."""
        await self._drained.wait()

    def close(self) -> None:
        """End the connection in order, after what was written."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """End the connection so that the client sees a reset."""
        if self._transport is not None:
            raw = self._transport.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()
