"""Who is signed in to the project: whoever acts in a request is on record by this name."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from inspect import iscoroutinefunction
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

_AUTH: Final = "django.contrib.auth.middleware.AuthenticationMiddleware"
_request: ContextVar[HttpRequest | None] = ContextVar("dispatcher.request", default=None)


@sync_and_async_middleware
def remember_request(get_response: Callable[[HttpRequest], Any]) -> Callable[..., Any]:
    """Middleware: in a view, ``by`` of every call is by default the user who is signed in."""
    if iscoroutinefunction(get_response):

        async def remember_async(request: HttpRequest) -> Any:
            token = _request.set(request)
            try:
                return await get_response(request)
            finally:
                _request.reset(token)

        return remember_async

    def remember(request: HttpRequest) -> Any:
        token = _request.set(request)
        try:
            return get_response(request)
        finally:
            _request.reset(token)

    return remember


def user_name() -> str | None:
    """The name of the user; empty for nobody, None outside of a request."""
    request = _request.get()
    if request is None:
        return None
    # late: other code may sign somebody in after the middleware
    user: Any = getattr(request, "user", None)
    return str(user.get_username()) if user is not None and user.is_authenticated else ""


def origin() -> str | None:
    """From where the request comes; None outside of a request."""
    request = _request.get()
    return None if request is None else f"Django, from {request.META.get('REMOTE_ADDR', '?')}"


def install() -> None:
    """Add the middleware behind that of Django's users, unless the settings name it already."""
    ours = f"{__name__}.{remember_request.__name__}"
    present = list(settings.MIDDLEWARE)
    if ours not in present:
        at = present.index(_AUTH) + 1 if _AUTH in present else len(present)
        settings.MIDDLEWARE = [*present[:at], ours, *present[at:]]
