"""The paths of the JSON API, each with its methods, and what their queries say."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from dispatcher.api.actor import checked_reason
from dispatcher.contrib.flask.problems import Problem
from dispatcher.contrib.flask.schemas import Reason, read

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


def route(blueprint: Blueprint, rule: str, **views: Callable[..., Any]) -> None:
    """A path of the API; its other methods are refused here, so that this is problem+json, too."""
    allowed = sorted({*views, "OPTIONS"} | ({"HEAD"} if "GET" in views else set()))

    def refuse(**_: object) -> Response:
        if request.method == "OPTIONS":
            return Response(status=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(allowed)})
        raise MethodNotAllowed(allowed, "the method is not allowed here")

    for method, view in views.items():
        blueprint.add_url_rule(
            rule, view.__name__, view, methods=[method], provide_automatic_options=False
        )
    others = [*(METHODS - {*allowed}), "OPTIONS"]
    name = f"not_{'_'.join(view.__name__ for view in views.values())}"
    blueprint.add_url_rule(rule, name, refuse, methods=others, provide_automatic_options=False)


def reasoned(limit: int, by: str) -> dict[str, Any]:
    """Who acts, and why, as the body says. Raises InvalidCampaign for a blank reason."""
    reason = read(Reason, limit, default=Reason()).reason
    return {"reason": checked_reason(reason), "by": by}


def whole_number(name: str, default: int | None, least: int, most: int) -> int:
    """A whole number of the query; None has no default. Raises Problem (422)."""
    value = request.args.get(name)
    if value is None and default is not None:
        return default
    number = int(value or 0) if re.fullmatch(r"[0-9]{1,19}", value or "") else -1
    if not least <= number <= most:
        sentence = f"{name} must be a whole number from {least} to {most}"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable_input", sentence)
    return number


def one_of(name: str, known: list[str]) -> str | None:
    """A word of the query. Raises Problem (422) for one that is not known."""
    value = request.args.get(name)
    if value is None or value in known:
        return value
    sentence = f"{name} must be {' or '.join(known)}"
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable_input", sentence)


def wants_numbers() -> bool:
    """Whether the query asks for whole numbers. Raises Problem (422)."""
    return one_of("numbers", ["true", "false"]) == "true"
