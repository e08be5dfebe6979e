"""The frame of every page: who may see it, in which language, with which headers and errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect

from dispatcher.contrib.django import conf, dispatcher
from dispatcher.contrib.django.console.menu import entries
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.contrib.django.console.roles import FULL_NUMBERS
from dispatcher.errors import DispatcherError, NotFound, UnusableInput
from dispatcher.masking import masked
from dispatcher.window.slots import PARIS

View = Callable[..., HttpResponseBase]
#: entries of a page
LIMIT = 50


def page(*permissions: str, public: bool = False) -> Callable[[View], View]:
    """Make a view a page of the console, for whoever has one of the permissions."""

    def framed(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, **values: Any) -> HttpResponseBase:
            language = language_of(request)
            with translation.override(language.code), timezone.override(PARIS):
                try:
                    response = checked(request, **values)
                except RequestDataTooBig:  # found by whoever looks for the token
                    response = problem(request, _("Too large"), too_large(), 413)
            response["Content-Language"] = language.code
            return protected(response)

        @csrf_protect
        def checked(request: HttpRequest, **values: Any) -> HttpResponseBase:
            try:
                if not public and not request.user.is_authenticated:
                    return redirect_to_login(request.get_full_path(), reverse("console:login"))
                _check(request, permissions)
                return view(request, **values)
            except PermissionDenied:
                says = _("Your role does not include this. Ask whoever manages the users.")
                return problem(request, _("Not permitted"), says, 403)
            except (NotFound, Http404):
                says = _("It does not exist here, or no longer.")
                return problem(request, _("Not found"), says, 404)
            except UnusableInput as error:
                return problem(request, _("Not possible"), sentence(request, error), 400)
            except DispatcherError as error:
                says = sentence(request, error)
                return problem(request, _("Not available at present"), says, 503)

        # by the middleware alone: ``checked`` looks for the token, where its errors can be said
        answer.csrf_exempt = True  # type: ignore[attr-defined]
        return answer

    return framed


def _check(request: HttpRequest, permissions: tuple[str, ...]) -> None:
    if permissions and not any(may(request, one) for one in permissions):
        raise PermissionDenied


def show(
    request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """A page in the frame; ``now`` is the dispatcher's clock unless that failed."""
    language = language_of(request)
    frame = {
        "title": masked(title),
        "menu": entries(request),
        "language": language,
        "now": dispatcher.clock() if status == 200 else timezone.now(),
        "in_full": False,
    }
    return render(request, f"console/{template}.html", frame | context, status=status)


def problem(request: HttpRequest, title: str, says: str, status: int) -> HttpResponse:
    """A page that says what is wrong."""
    return show(request, "problem", title, status=status, says=says)


def too_large() -> str:
    """What is said of a request that the project does not take."""
    return _(
        "It is too large. Give a long list as a file, of at most 32 MB, in place of pasting it."
    )


def sentence(request: HttpRequest, error: DispatcherError) -> str:
    """What is wrong, in the reader's language, without numbers."""
    says = language_of(request).say(str(error))
    return masked(conf.in_project_terms(says[:1].upper() + says[1:]))


def protected(response: HttpResponseBase) -> HttpResponseBase:
    """The response with the headers that every page of the console has."""
    static = urlsplit(str(settings.STATIC_URL or ""))
    source = f"'self' {static.scheme}://{static.netloc}" if static.netloc else "'self'"
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src {source}; script-src {source}; img-src {source} data:;"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response["X-Frame-Options"] = "DENY"
    response["X-Content-Type-Options"] = "nosniff"
    response["Referrer-Policy"] = "same-origin"
    response["Cache-Control"] = "no-store"
    return response


def may(request: HttpRequest, permission: str) -> bool:
    """Whether the user has a permission."""
    user: Any = request.user
    return bool(user.has_perm(permission))


def sees_numbers(request: HttpRequest, which: str) -> bool:
    """Whether the user may see ``which`` numbers in full; that he sees them goes on record."""
    if not may(request, FULL_NUMBERS):
        return False
    dispatcher.record.note("see numbers", reason=which)
    return True


def version_of(form: QueryDict) -> int:
    """The version that a form changes; 0, which none has, if it is not a number."""
    value = form.get("version", "")
    return int(value) if value.isdecimal() and len(value) < 10 else 0


def offset_of(request: HttpRequest, name: str = "from") -> int:
    """The first entry of the page; 0 if the query is not a number."""
    value = request.GET.get(name, "0")
    return int(value) if value.isdecimal() and len(value) < 10 else 0
