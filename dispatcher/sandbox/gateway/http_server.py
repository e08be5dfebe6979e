"""A small HTTP/1.1 server whose application writes every byte, so that it can misbehave."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

#: bytes; a larger head or body is refused, and the connection closed
LARGEST_HEAD: Final = 64 * 1024
LARGEST_BODY: Final = 16 * 1024 * 1024

# with this option a close sends a reset
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """A request. Header names are in lower case; ``body`` is empty in ``Application.begun``."""

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
        """The status line, the headers and the empty line."""
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
    """Answers the requests of a connection."""

    def begun(self, request: Request, connection: Connection) -> Any:
        """Called when the head of a request was read; may cut the connection.

        Its result is passed to ``respond``.
        """

    async def respond(self, request: Request, connection: Connection, begun: Any) -> None:
        """Answer the request by writing to the connection, or close it."""


class Connection:
    """A persistent connection of one client, whose requests are answered in turn."""

    def __init__(
        self,
        application: Application,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._application = application
        self._reader, self._writer = reader, writer
        self.peer = str((writer.get_extra_info("peername") or ("",))[0])
        #: how long the body of the next request is left unread (seconds)
        self.unread_for = 0.0

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._writer.is_closing()

    async def serve(self) -> None:
        """Answer requests until one side ends the connection."""
        try:
            while not self.closed:
                await self._answer_one()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the client has gone
        finally:
            self.close()

    async def _answer_one(self) -> None:
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            self._refuse(431)
            return
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        words = first.split(" ")
        named = [line.partition(":") for line in lines]
        headers = {name.strip().lower(): value.strip() for name, _, value in named}
        length = headers.get("content-length", "0")
        if len(words) != 3 or not length.isdecimal():
            self._refuse(400)
        elif headers.get("transfer-encoding", "chunked").lower() != "chunked":
            self._refuse(501)
        elif int(length) > LARGEST_BODY:
            self._refuse(413)
        else:
            path, _, query = words[1].partition("?")
            await self._answer(Request(words[0], path, query, headers), int(length))

    async def _answer(self, head: Request, length: int) -> None:
        begun = self._application.begun(head, self)
        if self.closed:
            return
        if head.headers.get("expect", "").lower() == "100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await self._leave_unread()
        chunked = "transfer-encoding" in head.headers
        body = await (self._chunks() if chunked else self._reader.readexactly(length))
        if body is None:
            return
        await self._application.respond(replace(head, body=body), self, begun)
        if head.headers.get("connection", "").lower() == "close":
            self.close()

    async def _leave_unread(self) -> None:
        seconds, self.unread_for = self.unread_for, 0.0
        if seconds:
            self._writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(seconds)
            self._writer.transport.resume_reading()  # type: ignore[attr-defined]

    async def _chunks(self) -> bytes | None:
        """A body that comes in chunks; None for one that is refused."""
        body = bytearray()
        while True:
            size, _, _ = (await self._reader.readline()).strip().partition(b";")
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
                self._refuse(400)
                return None
            if len(body) + int(size, 16) > LARGEST_BODY:
                self._refuse(413)
                return None
            if int(size, 16) == 0:
                while (await self._reader.readline()).strip():
                    pass  # fields after the last chunk
                return bytes(body)
            body += await self._reader.readexactly(int(size, 16))
            await self._reader.readline()

    def _refuse(self, status: int) -> None:
        self.write(Response(status, b"", (("Connection", "close"),)).encode())
        self.close()

    def write(self, data: bytes) -> None:
        """Send bytes, unless the client has gone."""
        if not self.closed:
            self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the client has read enough. Raises OSError if it has gone."""
        await self._writer.drain()

    def close(self) -> None:
        """Close the connection after everything was sent."""
        self._writer.close()

    def reset(self) -> None:
        """Close the connection with a reset."""
        raw = self._writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._writer.transport.abort()
