"""The WSGI server of the webhooks and of a worker's probes: waitress, with limits and no log."""

from __future__ import annotations

import logging
import socket
import threading
import time
from typing import Any
from wsgiref.types import WSGIApplication

from waitress import create_server, wasyncore
from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from dispatcher.errors import ConfigurationError

#: seconds of silence after which a client is disconnected
PATIENCE = 10
#: seconds that a request may take to arrive, at whatever pace
LONGEST = 30.0
#: open connections; beyond them the oldest ones that have sent no whole request are closed
MOST = 400
#: further connections that may be open until those are closed
_SPARE = 100
#: bytes; the applications refuse smaller requests themselves, with a better answer
_LARGEST_HEADER, _LARGEST_BODY = 64 * 1024, 256 * 1024
_TICK = 1.0

# waitress logs the path of a request that fails, and the webhooks' path is a secret
logging.getLogger("waitress").setLevel(logging.CRITICAL + 1)


class _OneAnswer(WSGITask):  # type: ignore[misc] # waitress has no types
    """Closes the connection after the answer, so that none is cut while a request arrives."""

    def build_response_header(self) -> bytes:
        self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class _Channel(HTTPChannel):  # type: ignore[misc] # waitress has no types
    task_class = _OneAnswer


class Server:
    """Serves one application on one address, with ``threads`` requests at once.

    Slow clients occupy no thread. Raises ConfigurationError if the address cannot be used.
    """

    def __init__(
        self, application: WSGIApplication, host: str, port: int, *, threads: int = 4
    ) -> None:
        listening = _bound(host, port)
        self.port: int = listening.getsockname()[1]
        self._map: dict[int, Any] = {}
        self._server = create_server(
            application,
            map=self._map,
            sockets=[listening],
            threads=threads,
            ident="dispatcher",
            connection_limit=MOST + _SPARE,
            channel_timeout=PATIENCE,
            cleanup_interval=_TICK,
            max_request_header_size=_LARGEST_HEADER,
            max_request_body_size=_LARGEST_BODY,
        )
        self._server.channel_class = _Channel
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def serve(self) -> None:
        """Answer requests until ``stop``, then let those under way finish for some seconds."""
        while not self._stopping.is_set():
            wasyncore.loop(_TICK, use_poll=True, map=self._map, count=1)
            self._cut_slow()
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._map)

    def start(self, name: str) -> None:
        """Serve in a thread of that name; it ends with the process."""
        self._thread = threading.Thread(target=self.serve, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End ``serve`` within a second. May be called from a signal handler and other threads."""
        # waitress's trigger would wake it at once, but it may be closed by then
        self._stopping.set()

    def close(self) -> None:
        """Stop what ``start`` began, and wait for its end."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def _cut_slow(self) -> None:
        """Close who takes too long, and make room: silent clients must not keep out the others."""
        begun, channels = time.time() - LONGEST, list(self._server.active_channels.values())
        too_many = len(channels) - MOST
        for place, channel in enumerate(channels):  # the oldest first
            waits = not channel.requests and not channel.total_outbufs_len
            if waits and (channel.creation_time < begun or place < too_many):
                channel.will_close = True


def _bound(host: str, port: int) -> socket.socket:
    """A socket on that address; waitress would look the name up, and say less of what fails."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, UnicodeError, OverflowError) as error:
        bound.close()
        reason = error.strerror if isinstance(error, OSError) else "it is not an address"
        raise ConfigurationError(f"{host} port {port} cannot be listened on: {reason}") from None
    return bound
