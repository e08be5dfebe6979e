"""Signing in and out, with the users of the project."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console.menu import entries
from dispatcher.contrib.django.console.page import page, problem
from dispatcher.contrib.django.console.reader import language_of


class _SignIn(LoginView):
    template_name = "console/login.html"
    next_page = "console:home"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign the person in, and put that on record."""
        answer = super().form_valid(form)
        dispatcher.record.note("sign in", reason="to the console")
        return answer


class _SignOut(LogoutView):
    next_page = "console:login"
    http_method_names = ("post", "options")


@page(public=True)
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Ask for a name and a password."""
    frame = {"title": _("Sign in"), "menu": entries(request), "language": language_of(request)}
    answer = _SignIn.as_view(extra_context=frame)(request)
    if hasattr(answer, "render"):
        answer.render()  # while the reader's language is in force
    return answer


@page(public=True)
def sign_out(request: HttpRequest) -> HttpResponseBase:
    """End the session; by POST alone."""
    return _SignOut.as_view()(request)


def locked(request: HttpRequest, *_args: object, **_values: object) -> HttpResponse:
    """What django-axes shows after too many failures."""
    return _locked(request)  # type: ignore[return-value]


@page(public=True)
def _locked(request: HttpRequest) -> HttpResponse:
    says = _("Too many failed attempts. Wait a quarter of an hour, then try again.")
    return problem(request, _("Please wait"), says, 429)
