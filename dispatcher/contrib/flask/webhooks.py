"""The gateway's webhooks at an address of the app's.

``app.register_blueprint(webhooks(), url_prefix="/sms-in")``, and then ``DISPATCHER_WEBHOOK_URL =
"https://shop.example/sms-in"``. The gateway has no token and no session: the secret in the path is
what lets it in.
"""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Flask, Response, current_app, request
from flask.blueprints import BlueprintSetupState

from dispatcher.api.webhooks import Webhooks
from dispatcher.contrib.flask.auth import exempt_from_csrf, is_served
from dispatcher.contrib.flask.library import library_of

# the webhooks refuse other methods than GET and POST, after they have checked the secret
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def webhooks() -> Blueprint:
    """The blueprint of the gateway's webhooks: ``register_blueprint(webhooks(), url_prefix=…)``.

    The prefix is its own, not that of the pages or the API. Registering raises ConfigurationError
    without the setting ``webhook_secret``. The app's own ``before_request`` functions are called
    as for any view: one that asks for a login or a token lets ``dispatcher_webhooks`` through.
    """
    blueprint = Blueprint("dispatcher_webhooks", __name__)
    blueprint.record(_check)
    exempt_from_csrf(blueprint)
    blueprint.add_url_rule(
        "/<path:path>", "take", _take, methods=_METHODS, provide_automatic_options=False
    )
    return blueprint


def _check(state: BlueprintSetupState) -> None:
    if is_served():
        Webhooks(library_of(cast("Flask", state.app)))


def _take(path: str) -> Response:
    """Take one call; see ``dispatcher.Webhooks``."""
    environ = request.environ
    answer = Webhooks(library_of(current_app)).answer(
        request.method,
        f"/{path}",
        environ.get("QUERY_STRING", ""),
        # not the request's stream, which has the app's limits and raises
        body=environ["wsgi.input"],
        length=environ.get("CONTENT_LENGTH") or None,
        ends=bool(environ.get("wsgi.input_terminated")),
    )
    return Response(answer.body, answer.status, answer.headers)
