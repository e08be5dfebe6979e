"""Who is signed in to the app: whoever acts in a request is on record by this name."""

from __future__ import annotations

import hmac
from importlib import import_module
from typing import Any, Final

from flask import current_app, has_request_context, request

from dispatcher.api.actor import Claimed

#: of ``app.extensions``: the app's own function
ACTOR: Final = "dispatcher.actor"


def user_name() -> str | None:
    """The name of who is signed in; empty for nobody, None outside of a request."""
    if not has_request_context():
        return None
    if own := current_app.extensions.get(ACTOR):
        return str(own() or "")
    if hasattr(current_app, "login_manager"):  # set by Flask-Login
        user: Any = import_module("flask_login").current_user
        return str(user.get_id()) if user.is_authenticated else ""
    given = request.authorization
    # whoever knows the password chooses the name
    return Claimed(given.username or "") if given is not None and knows_password() else ""


def origin() -> str | None:
    """From where the request comes; None outside of a request."""
    return f"Flask, from {request.remote_addr or '?'}" if has_request_context() else None


def knows_password() -> bool:
    """Whether the request has the token of the settings as its password."""
    given = request.authorization
    return given is not None and given.type == "basic" and is_token(given.password)


def is_token(value: str | None) -> bool:
    """Whether this is the token of the settings, or the one before it."""
    settings = current_app.extensions["dispatcher"].settings
    tokens = [one for one in (settings.web_token, settings.web_token_old) if one is not None]
    given = (value or "").encode(errors="replace")
    # in constant time, so that it cannot be guessed letter by letter
    return any(hmac.compare_digest(given, one.get_secret_value().encode()) for one in tokens)
