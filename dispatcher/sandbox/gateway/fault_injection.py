"""Injects a fault into a connection."""

from __future__ import annotations

import asyncio

from dispatcher.sandbox.gateway import codec, corruption
from dispatcher.sandbox.gateway.faults import Fault
from dispatcher.sandbox.gateway.http_server import Connection, Response
from dispatcher.sandbox.gateway.routes import Answer

_HTML = (("Content-Type", "text/html"),)
_MEGABYTE = 1024 * 1024
_CHUNK = b" " * 65536


async def inject(
    fault: Fault, answer: Answer | None, connection: Connection, *, error_status: int
) -> None:
    """Answer wrongly, or not at all. ``answer`` is the true one if the request was processed.

    ``error_status`` is the HTTP status of the gateway's errors. A hang has ended before this
    call: now the true answer follows, or the connection is closed.
    """
    if fault.kind in ("reset_before_read", "reset_after_read"):
        connection.reset()
    elif fault.kind == "close_after_read":
        connection.close()
    elif fault.kind == "truncated_head":
        connection.write(b"HTTP/1.1 200 OK\r\n")
        connection.close()
    elif fault.kind in ("status", "code", "not_json", "empty"):
        connection.write(_instead(fault, error_status).encode())
    elif answer is None:
        connection.close()
    elif fault.kind in ("hang", "unread"):
        connection.write(answer.response().encode())
    elif fault.kind == "corrupt" and answer.document is not None:
        body = corruption.corrupted(answer.document, fault.how)
        connection.write(Response(answer.status, body).encode())
    else:
        await _corrupt_bytes(fault, answer.response(), connection)


def _instead(fault: Fault, error_status: int) -> Response:
    if fault.kind == "empty":
        return Response(200, b"")
    if fault.kind == "not_json":
        return Response(200, (fault.body or "OK, bien reçu").encode(), _HTML)
    if fault.kind == "code":
        document = corruption.error(fault.code, fault.shape)
        return Response(fault.status or error_status, codec.dumps(document))
    status = fault.status or 500
    page = f"<html><body><h1>{status}</h1></body></html>"
    body = page if fault.body is None else fault.body
    typed = any(name.lower() == "content-type" for name, _ in fault.headers)
    return Response(status, body.encode(), fault.headers + (() if typed else _HTML))


async def _corrupt_bytes(fault: Fault, response: Response, connection: Connection) -> None:
    body = response.body
    if fault.kind == "slow_head":
        await _trickle(response.encode(), fault.interval, connection)
    elif fault.kind == "slow_body":
        connection.write(response.head)
        await _trickle(body, fault.interval, connection)
    elif fault.kind == "truncated_body":
        connection.write(response.head + body[: len(body) // 2])
        connection.close()
    elif fault.kind == "content_length_lie":
        lie = (*response.headers, ("Content-Length", str(max(len(body) - 10, 1))))
        connection.write(Response(response.status, body, lie).encode())
        connection.close()
    else:
        await _inflate(fault.megabytes * _MEGABYTE, response, connection)


async def _trickle(data: bytes, interval: float, connection: Connection) -> None:
    for position in range(len(data)):
        if connection.closed:
            return
        connection.write(data[position : position + 1])
        await asyncio.sleep(interval)


async def _inflate(size: int, response: Response, connection: Connection) -> None:
    # with blanks before it the document is still valid JSON
    total = ("Content-Length", str(size + len(response.body)))
    connection.write(Response(response.status, b"", (*response.headers, total)).encode())
    while size > 0 and not connection.closed:
        connection.write(_CHUNK[:size])
        size -= len(_CHUNK)
        await connection.drain()
    connection.write(response.body)
