"""A real receiver of callbacks, which answers as it is told."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener:
    """A server on loopback that keeps what is posted to it, and answers as it is told."""

    def __init__(self, port: int = 0) -> None:
        self.calls: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
        #: the status of each answer, or what is done instead; 204 beyond them
        self.answers: list[int | Callable[[BaseHTTPRequestHandler], object]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.calls.put((dict(self.headers), body))
                answer = listener.answers.pop(0) if listener.answers else 204
                if callable(answer):
                    answer(self)
                    self.close_connection = True
                    return
                self.send_response(answer)
                if 300 <= answer < 400:
                    self.send_header("Location", listener.url)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing is worth a line."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/events"

    def bodies(self) -> list[dict[str, Any]]:
        """What was posted so far."""
        return [json.loads(body) for _, body in self.raw()]

    def raw(self) -> list[tuple[dict[str, str], bytes]]:
        return [self.calls.get() for _ in range(self.calls.qsize())]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
