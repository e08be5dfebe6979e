"""The fake SMS Partner: a request in, an answer out. It knows no socket and no clock of its own.

What the vendor documents contradictorily, or not at all, is a switch (``switches.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dispatcher.sandbox.gateway import codec, reports, sending
from dispatcher.sandbox.gateway.http import Request, Response
from dispatcher.sandbox.gateway.numbers import e164
from dispatcher.sandbox.gateway.orders import PARIS
from dispatcher.sandbox.gateway.state import Refused, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Action = Callable[[State, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway says: a document or, for a wrong address, a page.

    ``outcome`` is its code as text, ``key`` the key of the request, masked.
    """

    status: int
    document: dict[str, Any] | None
    outcome: str
    key: str = ""

    def response(self) -> Response:
        """The answer as HTTP."""
        if self.document is None:
            html = f"<html><body><h1>{self.status}</h1></body></html>"
            return Response(self.status, html.encode(), (("Content-Type", "text/html"),))
        return Response(self.status, codec.dumps(self.document))


class Gateway:
    """The gateway of one account; ``requests`` are numbered by who calls ``answer``."""

    def __init__(self, state: State) -> None:
        self.state = state

    def answer(self, request: Request, *, number: int) -> Answer:
        """Do what a request asks for, and what it is answered; the ledger is written by then."""
        known = _GET if request.method == "GET" else _POST
        path = request.path.removeprefix("/v1")
        if path not in known and path not in _SENDS:
            wrong_method = path in _GET or path in _POST
            return Answer(405 if wrong_method else 404, None, "wrong address")
        if path in _SENDS and request.method != "POST":
            return Answer(405, None, "wrong address")
        parameters: Mapping[str, Any] = {}
        try:
            parameters = request.parameters if request.method == "GET" else _body(request)
            self._check_key(parameters)
            self.state.account.take_replies(now=self.state.clock())
            if path in _SENDS:
                document = _SENDS[path](self.state, parameters, request=number)
            else:
                document = known[path](self.state, parameters)
        except Refused as refused:
            by_status = self.state.switches.http_status_mode == "400" or refused.code == 90
            status = 400 if by_status else 200
            return Answer(status, refused.body, str(refused.code), _mask(parameters))
        return Answer(200, document, "200", _mask(parameters))

    def _check_key(self, parameters: Mapping[str, Any]) -> None:
        key = parameters.get("apiKey")
        if not key:
            raise Refused(1)
        if key != self.state.key:
            raise Refused(10, self.state.switches.key_text)
        if self.state.switches.account_code:
            raise Refused(self.state.switches.account_code)


def _body(request: Request) -> Mapping[str, Any]:
    # the content type is ignored: official samples send none, or a form's
    try:
        body = codec.loads(request.body)
    except ValueError:
        raise Refused(90) from None
    if not isinstance(body, dict):
        raise Refused(90)
    return body


def _mask(parameters: Mapping[str, Any]) -> str:
    key = parameters.get("apiKey")
    return f"{str(key)[:2]}…" if key else ""


def _me(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    switches = state.switches
    return {
        "success": True,
        "code": 200,
        "user": {"username": "sandbox@example.org", "firstname": "Sand", "lastname": "Box"},
        "credits": state.account.counters(
            switches.price,
            to_send=state.messages.to_leave(now=state.clock()),
            old_names=switches.old_counters,
        ),
    }


def _stop_list(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    data = [
        {
            "id": stop_id,
            "phoneNumber": phone,
            "createdAt": datetime.fromtimestamp(at, PARIS).strftime("%Y-%m-%d %H:%M:%S"),
        }
        for stop_id, phone, at in state.account.stops()
    ]
    return {"success": True, "code": 200, "nbData": len(data), "data": data}


def _stop_add(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    raw = parameters.get("phoneNumber") or parameters.get("phoneNumbers")
    if not raw:
        raise Refused(2)
    phone = e164(raw)
    if phone is None:
        raise Refused(9)
    stop_id = state.account.add_stop(phone, at=state.clock())
    if stop_id is None:
        raise Refused(3, "Numéro déjà dans la liste STOP")
    return {"success": True, "code": 200, "stopId": stop_id}


def _stop_delete(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    stop_id = parameters.get("id")
    if not stop_id:
        raise Refused(3, "Paramètre id manquant")
    if not state.account.remove_stop(str(stop_id)):
        raise Refused(4, "STOP introuvable")
    return {"success": True, "code": 200}


_SENDS = {"/send": sending.send, "/bulk-send": sending.bulk_send}
_POST: dict[str, Action] = {
    "/multi-status": reports.multi_status,
    "/stop-sms/add": _stop_add,
}
_GET: dict[str, Action] = {
    "/me": _me,
    "/message-status": reports.message_status,
    "/bulk-status": reports.bulk_status,
    "/bulk-status-by-tag": reports.by_tag,
    "/message-cancel": reports.cancel,
    "/stop-sms/list": _stop_list,
    "/stop-sms/delete": _stop_delete,
}
