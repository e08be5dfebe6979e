"""A gateway of raw sockets: each connection follows a script, however rude."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.waiting import PATIENCE

#: a certificate that nobody trusts, for the name localhost, and its key
CERTIFICATE = Path(__file__).parents[2] / "data" / "localhost.pem"


class Peer:
    """One accepted connection, and what came over it."""

    def __init__(self, server: RawServer, sock: socket.socket, number: int) -> None:
        self.server = server
        self.sock = sock
        #: 0 for the first connection
        self.number = number
        self._buffer = b""

    def request(self) -> str:
        """Read one whole request and return its first line."""
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, rest = self._buffer.partition(b"\r\n\r\n")
        first, *fields = head.decode("latin-1").split("\r\n")
        named = dict(field.lower().split(": ", 1) for field in fields)
        length = int(named.get("content-length", "0"))
        while len(rest) < length:
            self._receive()
            rest = self._buffer.partition(b"\r\n\r\n")[2]
        self._buffer = rest[length:]
        self.server.requests.append((first, named, rest[:length]))
        return first

    def answer(self, body: bytes | dict[str, object] = b"", *, head: Sequence[str] = ()) -> None:
        """Send ``body`` under ``head``, by default an honest 200."""
        raw = json.dumps(body).encode() if isinstance(body, dict) else body
        lines = head or ("HTTP/1.1 200 OK", f"Content-Length: {len(raw)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + raw)

    def send(self, raw: bytes) -> None:
        """Send these bytes."""
        self.sock.sendall(raw)

    def dribble(self, raw: bytes) -> None:
        """Send a byte now and then, for as long as the client stays."""
        for at in range(len(raw)):
            self.sock.sendall(raw[at : at + 1])
            if self.server.ended.wait(0.05):
                return

    def reset(self) -> None:
        """End the connection with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def peek(self, size: int = 1) -> None:
        """Wait until this many bytes have come, and leave them there."""
        while len(self.sock.recv(size, socket.MSG_PEEK)) < size:
            pass

    def until_gone(self) -> None:
        """Wait until the client closes the connection."""
        try:
            while data := self.sock.recv(65536):
                self.server.seen += data
        except ConnectionResetError:
            self.server.resets += 1

    def _receive(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError
        self.server.seen += data
        self._buffer += data


Script = Callable[[Peer], None]


class RawServer:
    """Listens on loopback; the n-th connection follows the n-th script, or else the last."""

    def __init__(
        self,
        *scripts: Script,
        tls: bool = False,
        tickets: int = 2,
        receive_buffer: int | None = None,
    ) -> None:
        self._scripts = scripts
        self._tls: ssl.SSLContext | None = None
        if tls:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(CERTIFICATE)
            self._tls.num_tickets = tickets  # sent after the handshake, unasked
        self._listener = socket.create_server(("127.0.0.1", 0))
        if receive_buffer is not None:  # the sockets that it accepts inherit it
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        #: (request line, headers in lower case, body)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        #: every byte that a script read
        self.seen = b""
        #: a script has come to its end, or its client has gone
        self.left = threading.Semaphore(0)
        #: connections that their client has reset
        self.resets = 0
        #: a request waits in the buffers of the kernel
        self.buffered = threading.Event()
        #: a test lets scripts that wait for it read
        self.may_read = threading.Event()
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        """Its base URL, by the name of its certificate when it speaks TLS."""
        start = "https://localhost" if self._tls else "http://127.0.0.1"
        return f"{start}:{self.port}/v1"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.ended.set()
        # wakes accept, which a close would not
        with socket.create_connection(("127.0.0.1", self.port)):
            self._accepting.join(PATIENCE)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with suppress(OSError):  # closed already
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def wait_left(self) -> bool:
        """Wait until one more connection is over."""
        return self.left.acquire(timeout=PATIENCE)

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.ended.is_set():
                sock.close()
                return
            number, self.connections = self.connections, self.connections + 1
            thread = threading.Thread(target=self._serve, args=(sock, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(PATIENCE)
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            with self._lock:
                self._open.append(sock)
            self._scripts[min(number, len(self._scripts) - 1)](Peer(self, sock, number))
        except OSError:
            pass  # the client has gone, which is what many scripts are for
        finally:
            sock.close()
            self.left.release()
