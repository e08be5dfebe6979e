"""What Django's page of an error, and its mail to the admins, show: no secret and no number.

Django hides what is called a password or a key. It does not know that a URL holds a password, and
the local variables of a frame hold all kinds of things.
"""

from __future__ import annotations

from collections.abc import Callable
from pprint import pformat
from types import FrameType
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

from dispatcher.contrib.django import conf
from dispatcher.errors import DispatcherError
from dispatcher.settings.logs import secrets_of
from dispatcher.settings.redaction import redactor

_DJANGOS: Final = "django.views.debug.SafeExceptionReporterFilter"


class ReporterFilter(SafeExceptionReporterFilter):
    """Django's own filter, whose output loses our secrets, and phone numbers."""

    def get_safe_settings(self) -> dict[str, Any]:
        """The project's settings."""
        redact = _redactor()
        return {name: _Shown(value, redact) for name, value in super().get_safe_settings().items()}

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        """The headers, and with some servers the environment."""
        redact = _redactor()
        found = super().get_safe_request_meta(request)
        return {
            name: redact(value) if isinstance(value, str) else value
            for name, value in found.items()
        }

    def get_post_parameters(self, request: HttpRequest | None) -> Any:
        """What was posted."""
        redact = _redactor()
        found: Any = super().get_post_parameters(request)
        if not hasattr(found, "lists"):  # nothing was posted
            return found
        shown = found.copy()
        for name, values in found.lists():
            shown.setlist(name, [redact(str(value)) for value in values])
        return shown

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> Any:
        """The local variables of a frame."""
        redact = _redactor()
        found = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, _Shown(value, redact)) for name, value in found]


class _Shown:
    """A value whose repr is redacted, and shortened as Django does it."""

    def __init__(self, value: Any, redact: Callable[[str], str]) -> None:
        self._value, self._redact = value, redact

    def __repr__(self) -> str:
        try:
            return self._redact(pformat(self._value))
        except Exception as error:  # noqa: BLE001 - a repr of the project's may raise anything
            return f"({type(error).__name__} in its repr)"


def install() -> None:
    """Use the filter, unless the project has one of its own."""
    if settings.DEFAULT_EXCEPTION_REPORTER_FILTER == _DJANGOS:
        settings.DEFAULT_EXCEPTION_REPORTER_FILTER = f"{__name__}.{ReporterFilter.__name__}"


def _redactor() -> Callable[[str], str]:
    try:
        return redactor(secrets_of(conf.settings()))
    except DispatcherError:  # wrong settings: what looks like a secret is redacted all the same
        return redactor(())
