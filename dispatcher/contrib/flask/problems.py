"""Errors as answers: one sentence, as a page or as problem+json (RFC 9457)."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request, url_for
from markupsafe import escape
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import BuildError

from dispatcher.errors import (
    ConfigurationError,
    DispatcherError,
    IllegalMove,
    NotAllowed,
    NotFound,
    ReferenceTaken,
    UnusableInput,
    code_of,
)
from dispatcher.masking import masked
from dispatcher.recipients import Rejection

PROBLEM_JSON = "application/problem+json"
_STATUS = {
    "unusable_input": HTTPStatus.UNPROCESSABLE_ENTITY,
    "reference_taken": HTTPStatus.CONFLICT,
    "illegal_move": HTTPStatus.CONFLICT,
    "draft_changed": HTTPStatus.CONFLICT,
    "plan_changed": HTTPStatus.CONFLICT,
    "not_allowed": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
}
#: sentences for errors that are not the caller's; their own messages go to the log
_UNAVAILABLE = (
    "the database is out of reach; try again later, the same reference is the same campaign"
)
_MISCONFIGURED = "the dispatcher is not set up as it should be; the log says what is wrong"
_BUG = "this is a bug; the log says where"
#: characters of a name of the caller's that are shown
_SHORT = 60
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<p>{detail}</p>
{back}</html>
"""


class Problem(Exception):
    """One answer to one error: a status, a code for programs, a sentence for people."""

    def __init__(self, status: int, code: str, detail: str, *, row: int | None = None) -> None:
        super().__init__(detail)
        # not http.HTTPStatus: its phrases differ between versions of Python
        self.status, self.title = int(status), HTTP_STATUS_CODES[int(status)]
        self.code, self.detail, self.row = code, detail, row
        self.rejected: Sequence[Rejection] = ()

    def as_json(self, **headers: str) -> Response:
        """As problem+json."""
        members: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "row": self.row,
        }
        if self.rejected:
            members["rejected"] = [one.as_json() for one in self.rejected]
        body = json.dumps(members)
        return Response(body, self.status, headers, content_type=PROBLEM_JSON)

    def as_page(self, **headers: str) -> Response:
        """As a page."""
        title = f"{self.status} {self.title}"
        detail = f"{self.detail[:1].upper()}{self.detail[1:].rstrip('.')}."
        page = _PAGE.format(title=escape(title), detail=escape(detail), back=_way_back())
        return Response(page, self.status, headers, content_type="text/html; charset=utf-8")


def unknown(kind: str, name: str, known: Iterable[str]) -> Problem:
    """The answer to a field or parameter that there is not. Numbers in its name are masked."""
    shown = masked(name if len(name) <= _SHORT else f"{name[:_SHORT]}…")
    near = get_close_matches(name[:_SHORT], known, 1)
    there = ", ".join(known)
    hint = f"did you mean {near[0]}?" if near else f"there is {there}" if there else "there is none"
    sentence = f"unknown {kind} {shown!r}: {hint}"
    code = f"unknown_{kind.rpartition(' ')[2]}"
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, sentence)


def id_of(segment: str) -> int:
    """The id in a URL. Raises NotFound if it is not a number."""
    # not the router's converter, which takes numbers of any length and script
    if not re.fullmatch(r"[0-9]{1,19}", segment):
        raise NotFound("no such campaign: its id is a number")
    return int(segment)


def problem_of(error: Exception) -> Problem:
    """The answer to an error; an error on our side goes to the app's log, too."""
    match error:
        case Problem():
            return error
        case ConfigurationError():
            current_app.logger.error("dispatcher: %s", error)
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, code_of(error), _MISCONFIGURED)
        case UnusableInput() | ReferenceTaken() | IllegalMove() | NotFound() | NotAllowed():
            code = code_of(error)
            return Problem(_STATUS[code], code, str(error))
        case DispatcherError():
            current_app.logger.error("dispatcher: %s", error)
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, code_of(error), _UNAVAILABLE)
        case HTTPException():
            code = error.name.lower().replace(" ", "_")
            return Problem(error.code or InternalServerError.code, code, error.description or "")
        case _:
            # without the error's message, which may quote a number or a row
            way = "".join(traceback.format_tb(error.__traceback__))
            current_app.logger.error("dispatcher: %s\n%s", type(error).__name__, way)
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", _BUG)


def answer_as(blueprint: Blueprint, *, pages: bool) -> None:
    """Answer every exception of a blueprint's views, as a page or as problem+json."""

    def answer(error: Exception) -> Any:
        if isinstance(error, HTTPException) and error.response is not None:
            return error.response
        problem = problem_of(error)
        return problem.as_page(**_headers(error)) if pages else problem.as_json(**_headers(error))

    blueprint.register_error_handler(Exception, answer)


def answer_in(app: Flask) -> None:
    """Answer every DispatcherError that the app's own views raise."""

    def answer(error: DispatcherError) -> Response:
        problem = problem_of(error)
        best = request.accept_mimetypes.best_match(["text/html", "application/json"])
        wants_json = request.is_json or best == "application/json"
        return problem.as_json() if wants_json else problem.as_page()

    if DispatcherError not in app.error_handler_spec[None][None]:
        app.register_error_handler(DispatcherError, answer)


def _way_back() -> str:
    """A link to the list of campaigns, on one of the pages."""
    if not request.endpoint or request.blueprint is None:
        return ""
    try:
        address = url_for(".campaigns")
    except BuildError:  # a view of the app's own
        return ""
    return f'<p><a href="{escape(address)}">All campaigns</a></p>\n'


def _headers(error: Exception) -> dict[str, str]:
    """The headers of an HTTP error, such as Allow and WWW-Authenticate."""
    if not isinstance(error, HTTPException):
        return {}
    return {name: value for name, value in error.get_headers() if name != "Content-Type"}
