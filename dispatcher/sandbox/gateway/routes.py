"""The fake SMS Partner: turns a request into an answer. It has no socket and no clock of its own.

Where the documentation contradicts itself or is silent, ``behaviour.py`` has a switch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import orjson

from dispatcher.sandbox.gateway import codec, xml
from dispatcher.sandbox.gateway.calls import money, number_checks, reports, sending, stop_list
from dispatcher.sandbox.gateway.http_server import Request, Response
from dispatcher.sandbox.gateway.state import FIELDS, Refused, State, invalid_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Action = Callable[[State, Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the gateway: a document or, for a wrong address, a page.

    ``outcome`` is its code as text, ``key`` the key of the request, masked.
    """

    status: int
    document: dict[str, Any] | None
    outcome: str
    key: str = ""
    as_xml: bool = False
    #: the gateway's clock, in epoch seconds
    at: float = 0.0

    def response(self) -> Response:
        """The answer as HTTP."""
        date = ("Date", formatdate(self.at, usegmt=True))
        if self.document is None:
            html = f"<html><body><h1>{self.status}</h1></body></html>"
            return Response(self.status, html.encode(), (("Content-Type", "text/html"), date))
        if self.as_xml:
            kind = ("Content-Type", "application/xml")
            return Response(self.status, xml.dumps(self.document), (kind, date))
        kind = ("Content-Type", "application/json")
        return Response(self.status, codec.dumps(self.document), (kind, date))


class Gateway:
    """Answers requests; the caller numbers them."""

    def __init__(self, state: State) -> None:
        self.state = state

    def answer(self, request: Request, *, number: int) -> Answer:
        """Do what a request asks for. The ledger is written before this returns."""
        return replace(self._answered(request, number=number), at=self.state.clock())

    def _answered(self, request: Request, *, number: int) -> Answer:
        if self.state.behaviour.generic_acknowledgement:
            return Answer(200, dict(_ACKNOWLEDGEMENT), "acknowledged")
        path = request.path.removeprefix("/v1")
        action = _ROUTES.get((request.method, path))
        sends = request.method == "POST" and path in SENDS
        if self._is_open(request.method, path):
            action = reports.multi_status
        if action is None and not sends:
            wrong_method = path in SENDS or any(path == known for _, known in _ROUTES)
            return Answer(405 if wrong_method else 404, None, "wrong address")
        parameters: Mapping[str, Any] = {}
        try:
            parameters = request.parameters if request.method == "GET" else _body(request)
            state = self._account_of(parameters)
            state.account.take_replies(now=state.clock())
            if sends:
                document = SENDS[path](state, parameters, request=number)
            else:
                assert action is not None  # noqa: S101 - for the type checker
                document = action(state, parameters)
        except Refused as refused:
            if self.state.behaviour.field_refusals == "list" and refused.code in FIELDS:
                refused = invalid_fields(
                    [(FIELDS[refused.code], refused.body["message"])],
                    key=self.state.behaviour.error_key,
                )
            by_status = self.state.behaviour.http_status_mode == "400" or refused.code == 90
            return _answer(400 if by_status else 200, refused.body, str(refused.code), parameters)
        return _answer(200, document, "200", parameters)

    def _is_open(self, method: str, path: str) -> bool:
        """Whether it is a GET of /multi-status that is answered, without its body being read."""
        return (method, path) == ("GET", "/multi-status") and (
            self.state.behaviour.multi_status_get == "code1"
        )

    def _account_of(self, parameters: Mapping[str, Any]) -> State:
        key = parameters.get("apiKey")
        if not key:
            raise Refused(1)
        state = self.state.of_key(key)
        if state is None:
            raise Refused(10, self.state.behaviour.key_text)
        if self.state.behaviour.account_code:
            raise Refused(self.state.behaviour.account_code)
        return state


def _answer(
    status: int, document: dict[str, Any], outcome: str, parameters: Mapping[str, Any]
) -> Answer:
    as_xml = parameters.get("_format") == "xml"
    return Answer(status, document, outcome, _mask(parameters), as_xml)


def _body(request: Request) -> Mapping[str, Any]:
    # the content type is ignored: official samples send none, or a form's
    try:
        body = orjson.loads(request.body)
    except ValueError:
        raise Refused(90) from None
    if not isinstance(body, dict):
        raise Refused(90)
    return body


def _mask(parameters: Mapping[str, Any]) -> str:
    key = parameters.get("apiKey")
    return f"{str(key)[:2]}…" if key else ""


_ACKNOWLEDGEMENT = {
    "success": True,
    "code": 200,
    "message": "Request queued for processing",
}
SENDS = {
    "/send": sending.send,
    "/bulk-send": sending.bulk_send,
    "/vn/send": sending.virtual_send,
    "/sondage/to/send": sending.survey,
}
_ROUTES: dict[tuple[str, str], Action] = {
    ("GET", "/me"): money.me,
    ("GET", "/statistics/cost-resume"): money.costs,
    ("GET", "/message-status"): reports.message_status,
    ("POST", "/multi-status"): reports.multi_status,
    ("GET", "/bulk-status"): reports.bulk_status,
    ("GET", "/bulk-status-by-tag"): reports.by_tag,
    ("GET", "/message-cancel"): reports.cancel,
    ("GET", "/stop-sms/list"): stop_list.listed,
    ("POST", "/stop-sms/add"): stop_list.add,
    ("GET", "/stop-sms/delete"): stop_list.delete,
    ("POST", "/lookup"): number_checks.lookup,
    ("POST", "/hlr/notify"): number_checks.hlr,
}
