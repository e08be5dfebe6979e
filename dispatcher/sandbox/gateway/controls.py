"""The controls of the sandbox: JSON under ``/_sandbox/``, for loopback only.

POST /_sandbox/configure  {switch: value, …}      GET /_sandbox/requests
POST /_sandbox/fault      {kind: …, …}            GET /_sandbox/state
POST /_sandbox/clear-faults                       GET /_sandbox/webhooks
POST /_sandbox/clock      {offset: seconds}       POST /_sandbox/release
POST /_sandbox/reply      {phone, text, to | message_id, url}: by default to the latest message
POST /_sandbox/account    {key, credit}: adds another account, or sets its credit
"""

from __future__ import annotations

import ipaddress
from decimal import Decimal
from typing import Any, Final, Protocol

import orjson

from dispatcher.sandbox.gateway import codec
from dispatcher.sandbox.gateway.clock import MovableClock
from dispatcher.sandbox.gateway.faults import Fault, FaultScript
from dispatcher.sandbox.gateway.http_server import Request, Response
from dispatcher.sandbox.gateway.replies import reply
from dispatcher.sandbox.gateway.request_log import RequestLog
from dispatcher.sandbox.gateway.routes import Gateway
from dispatcher.sandbox.gateway.webhook_sender import WebhookSender

PREFIX: Final = "/_sandbox/"


class Controlled(Protocol):
    """What the controls read and change: the server of the fake gateway."""

    gateway: Gateway
    clock: MovableClock
    faults: FaultScript
    request_log: RequestLog
    webhook_sender: WebhookSender

    def release(self) -> None:
        """End every hang that lasts until it is released."""


def control(server: Controlled, request: Request, *, peer: str) -> Response:
    """Do what a control asks for."""
    if not ipaddress.ip_address(peer).is_loopback:
        return _answer(403, error="controls are for loopback")
    try:
        values = orjson.loads(request.body) if request.body else {}
        if not isinstance(values, dict):
            return _answer(400, error="a JSON object is needed")
        return Response(200, codec.dumps(_do(server, request, values)))
    except KeyError:
        return _answer(404, error="no such control")
    except (TypeError, ValueError, ArithmeticError) as error:
        return _answer(400, error=str(error))


def _answer(status: int, **fields: Any) -> Response:
    return Response(status, codec.dumps(fields))


def _do(server: Controlled, request: Request, values: dict[str, Any]) -> dict[str, Any]:
    query = (request.method, request.path.removeprefix(PREFIX))
    match query:
        case ("GET", "requests"):
            return {"requests": server.request_log.listed()}
        case ("GET", "webhooks"):
            return {"webhooks": server.webhook_sender.listed()}
        case ("GET", "state"):
            state = server.gateway.state
            return {
                "credit": str(state.account.credit),
                "stopped": [phone for _, phone, _ in state.account.stops()],
                "ledger": str(state.ledger.path),
                "clock_offset": server.clock.offset,
            }
        case ("POST", "configure"):
            server.gateway.state.configure(values)
        case ("POST", "fault"):
            server.faults.add(Fault.of(values))
        case ("POST", "clear-faults"):
            server.faults.clear()
        case ("POST", "release"):
            server.release()
        case ("POST", "clock"):
            server.clock.offset = float(values["offset"])
            server.webhook_sender.wake()
        case ("POST", "account"):
            credit = Decimal(str(values["credit"]))
            server.gateway.state.set_account(str(values["key"]), credit=credit)
        case ("POST", "keys"):
            server.gateway.state.keys = frozenset(map(str, values["keys"]))
        case ("POST", "reply"):
            reply(server.gateway.state, **values)
        case _:
            raise KeyError
    return {"done": True}
