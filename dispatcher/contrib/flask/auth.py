"""Access: tokens, origins and sizes, checked before the body is read."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from click import get_current_context
from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, RequestEntityTooLarge, Unauthorized

from dispatcher.contrib.flask.library import library_of
from dispatcher.contrib.flask.signed_in import is_token, knows_password
from dispatcher.errors import ConfigurationError

_READING = {"GET", "HEAD", "OPTIONS"}
_REALM = "dispatcher"
#: of every answer: no cache stores it, no browser guesses what it is, no other site frames it
CLOSED = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def close(response: Response, headers: Mapping[str, str] = CLOSED) -> Response:
    """The response with these headers; give it to ``after_request``."""
    response.headers.update(headers)
    return response


def refuse_foreign_origin() -> None:
    """Refuse (403) what another site's page has a browser send; give it to ``before_request``.

    It protects forms against cross-site request forgery without a token in each: a browser says
    by Sec-Fetch-Site or Origin where a request comes from, and other clients say neither. Reading
    (GET) is let through. Behind a proxy the host must be the one that the browser sees
    (``werkzeug.middleware.proxy_fix.ProxyFix``).
    """
    if request.method not in _READING:
        refuse_foreign()


def refuse_foreign() -> None:
    """Refuse (403) such a request, whatever its method. Raises Forbidden."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        foreign = site not in {"same-origin", "none"}
    else:
        origin = request.headers.get("Origin")
        foreign = origin is not None and _host(origin) != request.host
    if foreign:
        raise Forbidden("a page of another site asked for this")


def require_bearer() -> None:
    """Refuse (401) a request without the token. Raises Unauthorized."""
    credentials = request.authorization
    if credentials is None or credentials.type != "bearer" or not is_token(credentials.token):
        raise Unauthorized(
            "the header Authorization must be Bearer and the value of DISPATCHER_WEB_TOKEN",
            www_authenticate=WWWAuthenticate("bearer", {"realm": _REALM}),
        )


def require_password() -> None:
    """Refuse (401) a browser without the token as its password. Raises Unauthorized."""
    if not knows_password():
        raise Unauthorized(
            "the password is the value of DISPATCHER_WEB_TOKEN, under any user name",
            www_authenticate=WWWAuthenticate("basic", {"realm": _REALM, "charset": "UTF-8"}),
        )


def refuse_larger_than(limit: int) -> None:
    """Refuse (413) a Content-Length above ``limit`` bytes. Raises RequestEntityTooLarge."""
    if (request.content_length or 0) > limit:
        raise too_large(limit)


def too_large(limit: int) -> RequestEntityTooLarge:
    """The refusal of a body of more than ``limit`` bytes."""
    return RequestEntityTooLarge(f"a body may have {limit:,} bytes; submit larger lists in Python")


#: servers whose commands are made with click; those of the others have no context of it
_SERVERS = frozenset({"granian", "uvicorn"})


def check_token(app: Flask, use: str) -> None:
    """Raise ConfigurationError unless the app has a token; ``use`` says what it is for.

    A command that answers no request needs none; without one, nobody is let in.
    """
    if is_served() and library_of(app).settings.web_token is None:
        raise ConfigurationError(f"DISPATCHER_WEB_TOKEN is not set: {use}")


def is_served() -> bool:
    """Whether the app is made to answer requests: not for ``flask db upgrade``, nor in a worker.

    The commands of some servers are made with click, as ``flask`` is.
    """
    command = get_current_context(silent=True)
    if command is None or command.info_name == "run":
        return True
    made_by = getattr(command.find_root().command.callback, "__module__", None) or ""
    return made_by.partition(".")[0] in _SERVERS


def exempt_from_csrf(blueprint: Blueprint) -> None:
    """Have Flask-WTF's CSRFProtect let this blueprint through, whichever of both comes first.

    Its callers are programs, which have a token of their own and no session.
    """

    def exempt(*_: object) -> None:
        if (protect := current_app.extensions.get("csrf")) is not None:
            protect.exempt(blueprint)

    # called before every function of before_request, those of the app included
    blueprint.url_value_preprocessor(exempt)


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None
