"""The language of whoever reads: chosen on a page, else what the browser asks for."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from dispatcher.language import FRENCH, LANGUAGES, Language, chosen

_COOKIE = "dispatcher_language"
_YEAR = 365 * 24 * 3600


def language_of(request: HttpRequest) -> Language:
    """The language of the cookie, else of the browser; French if it asks for none of ours."""
    codes = [request.COOKIES.get(_COOKIE, "")]
    codes += [
        code for code, _ in parse_accept_lang_header(request.headers.get("Accept-Language", ""))
    ]
    known = [code for code in codes if code[:2].lower() in LANGUAGES]
    return chosen(*known) if known else FRENCH


@csrf_protect
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Remember the language that was chosen, and go back to the page."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = reverse("console:home")
    response = HttpResponseRedirect(back)
    code = request.POST.get("language", "")
    if code in LANGUAGES:
        secure = request.is_secure()
        response.set_cookie(_COOKIE, code, _YEAR, httponly=True, samesite="Lax", secure=secure)
    return response
