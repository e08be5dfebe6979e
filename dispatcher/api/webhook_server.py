"""A small server for the webhooks, from the standard library: threads, bounds, no access log."""

from __future__ import annotations

import socket
import threading
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from dispatcher.errors import ConfigurationError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

#: a client that says nothing for this long (seconds) is hung up on
PATIENCE = 10.0
#: a request may take this long (seconds) in all, however it trickles in
LONGEST = 30.0
#: requests at once; whoever comes beyond is hung up on, and comes again
MOST = 32


class Server(ThreadingMixIn, WSGIServer):
    """Serves one application; ``with Server(…) as server: server.serve_forever()``."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, application: WSGIApplication, host: str, port: int) -> None:
        """Listen. Raises ConfigurationError when the address cannot be had."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = threading.BoundedSemaphore(MOST)
        try:
            super().__init__((host, port), _Handler)
        except (OSError, UnicodeError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no address"
            raise ConfigurationError(
                f"{host} port {port} cannot be listened on: {reason}"
            ) from None
        self.set_app(application)

    def server_bind(self) -> None:
        """Bind; unlike the standard library, do not look the host's name up."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self.server_port

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, if one is free."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, within bounds."""
        end = threading.Timer(LONGEST, _cut, [request])
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._free.release()

    def handle_error(self, *_: object) -> None:
        """A client that hung up is no news, and what it sent is nobody's business."""


def _cut(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended meanwhile


class _Quiet(ServerHandler):
    server_software = "dispatcher"

    def log_exception(self, exc_info: Any) -> None:
        """The application raises nothing; what is left is a client that hung up."""


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE
    server_version, sys_version = "dispatcher", ""

    def address_string(self) -> str:
        return str(self.client_address[0])  # no name is looked up

    def log_message(self, *_: object) -> None:
        """The path is a secret, and a query may hold a number."""

    def handle(self) -> None:
        """One request, as the standard library's does, with a handler that keeps quiet."""
        self.raw_requestline = self.rfile.readline(65537)
        if len(self.raw_requestline) > 65536:
            self.requestline, self.request_version, self.command = "", "", ""
            self.send_error(414)
            return
        if not self.parse_request():
            return
        handler = _Quiet(
            self.rfile,
            self.wfile,  # type: ignore[arg-type] # so says its stub; the standard library does it
            self.get_stderr(),
            self.get_environ(),
            multithread=True,
        )
        handler.request_handler = self  # type: ignore[attr-defined]
        handler.run(self.server.get_app())  # type: ignore[attr-defined]
