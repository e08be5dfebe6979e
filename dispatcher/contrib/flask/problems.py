"""Errors as answers: one sentence, as a page or as problem+json (RFC 9457)."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.http import HTTP_STATUS_CODES

from dispatcher.errors import (
    ConfigurationError,
    DispatcherError,
    IllegalMove,
    NotFound,
    ReferenceTaken,
    UnusableInput,
)
from dispatcher.recipients import Rejection

PROBLEM_JSON = "application/problem+json"
#: sentences for errors that are not the caller's; their own messages go to the log
_UNAVAILABLE = (
    "the database is out of reach; try again later, the same reference is the same campaign"
)
_MISCONFIGURED = "the dispatcher is not set up as it should be; the log says what is wrong"
_BUG = "this is a bug; the log says where"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<p>{detail}</p>
</html>
"""


class Problem(Exception):
    """One answer to one error: a status, a code for programs, a sentence for people."""

    def __init__(
        self, status: int, code: str, detail: str, *, rejected: Sequence[Rejection] = ()
    ) -> None:
        super().__init__(detail)
        # not http.HTTPStatus: its phrases differ between versions of Python
        self.status, self.title = int(status), HTTP_STATUS_CODES[int(status)]
        self.code, self.detail, self.rejected = code, detail, rejected

    def as_json(self, **headers: str) -> Response:
        """As problem+json."""
        members: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.rejected:
            members["rejected"] = rejections_json(self.rejected)
        body = json.dumps(members)
        return Response(body, self.status, headers, content_type=PROBLEM_JSON)

    def as_page(self, **headers: str) -> Response:
        """As a page."""
        title = f"{self.status} {self.title}"
        detail = f"{self.detail[:1].upper()}{self.detail[1:].rstrip('.')}."
        page = _PAGE.format(title=escape(title), detail=escape(detail))
        return Response(page, self.status, headers, content_type="text/html; charset=utf-8")


def rejections_json(rejected: Sequence[Rejection]) -> list[dict[str, Any]]:
    """Rejected rows as JSON values, with most digits of each value hidden: answers are logged."""
    return [
        {
            "row": one.row,
            "column": one.column,
            "reason": one.reason,
            "code": one.code,
            "explanation": one.explanation,
            "value": one.masked,
        }
        for one in rejected
    ]


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
        case UnusableInput():
            return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable_input", str(error))
        case ReferenceTaken():
            return Problem(HTTPStatus.CONFLICT, "reference_taken", str(error))
        case IllegalMove():
            return Problem(HTTPStatus.CONFLICT, "illegal_move", str(error))
        case NotFound():
            return Problem(HTTPStatus.NOT_FOUND, "not_found", str(error))
        case ConfigurationError():
            current_app.logger.error("dispatcher: %s", error)
            return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "misconfigured", _MISCONFIGURED)
        case DispatcherError():
            current_app.logger.error("dispatcher: %s", error)
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", _UNAVAILABLE)
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


def _headers(error: Exception) -> dict[str, str]:
    """The headers of an HTTP error, such as Allow and WWW-Authenticate."""
    if not isinstance(error, HTTPException):
        return {}
    return {name: value for name, value in error.get_headers() if name != "Content-Type"}
