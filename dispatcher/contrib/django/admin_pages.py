"""The base of all pages in the admin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.views.decorators.clickjacking import xframe_options_deny

from dispatcher.contrib.django import conf, dispatcher
from dispatcher.errors import DispatcherError, NotFound
from dispatcher.masking import masked

if TYPE_CHECKING:
    from django.db.models import Model

    _Admin = admin.ModelAdmin[Model]
else:
    _Admin = admin.ModelAdmin

#: entries of a page
LIMIT = 50
FULL_NUMBERS = "dispatcher.show_full_numbers"
#: after this time without a tick the pages show a warning
_SILENCE = timedelta(minutes=1)
View = Callable[..., HttpResponse]
#: pages of the admin to those of the console
_SAME = {
    "dispatcher_campaign_changelist": "campaigns",
    "dispatcher_campaign_change": "campaign",
    "dispatcher_campaign_batch": "batch",
    "dispatcher_doubt_changelist": "doubts",
    "dispatcher_optout_changelist": "opt_outs",
}


class Pages(_Admin):
    """Pages that read from the dispatcher, and never from a model.

    Nothing is edited by hand: what can be done to a campaign is an action, with a reason.
    """

    def routes(self) -> list[tuple[str, View, str]]:
        """(route, view, name) of each page; the admin's index links to the first."""
        return []

    def get_urls(self) -> list[URLPattern]:
        """Only these pages: rows cannot be added or changed."""
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path(route, self.admin_site.admin_view(self._page(view)), name=f"{prefix}_{name}")
            for route, view, name in self.routes()
        ]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        del request, obj
        return False

    has_change_permission = has_delete_permission = has_add_permission

    def show(
        self, request: HttpRequest, template: str, title: str, *, status: int = 200, **context: Any
    ) -> HttpResponse:
        """A page in the admin's frame."""
        return render(
            request,
            f"admin/dispatcher/{template}.html",
            {
                **self.admin_site.each_context(request),
                "title": masked(title),
                "opts": self.opts,
                "now": dispatcher.clock() if status == 200 else None,
                "console": _console(request),
                **context,
            },
            status=status,
        )

    def sees_numbers(self, request: HttpRequest, which: str) -> bool:
        """Whether the user may see ``which`` numbers in full; that he sees them goes on record."""
        if not may(request, FULL_NUMBERS):
            return False
        dispatcher.record.note("see numbers", reason=which)
        return True

    def _page(self, view: View) -> View:
        @xframe_options_deny
        def page(request: HttpRequest, **values: Any) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            try:
                return view(request, **values)
            except NotFound as error:
                raise Http404(str(error)) from None
            except DispatcherError as error:
                problem = conf.in_project_terms(error)
                return self.show(
                    request, "unavailable", "Not available", status=503, problem=problem
                )

        return page


def _console(request: HttpRequest) -> str:
    """The page of the console that shows the same; empty in a project without it."""
    match = request.resolver_match
    name = _SAME.get((match and match.url_name) or "", "home")
    values = list(match.kwargs.values()) if match else []
    try:
        return reverse(f"console:{name}", args=values if name in ("campaign", "batch") else [])
    except NoReverseMatch:
        return ""


def may(request: HttpRequest, permission: str) -> bool:
    """Whether the user has a permission."""
    user: Any = request.user
    return bool(user.has_perm(permission))


def offset_of(request: HttpRequest) -> int:
    """The first entry of the page; 0 if the query is not a number."""
    value = request.GET.get("from", "0")
    return int(value) if value.isdecimal() and len(value) < 10 else 0


def silence() -> str:
    """A warning if there was no tick lately; else empty."""
    last = dispatcher.last_tick()
    if last is None:
        return "Nothing has ever ticked: campaigns wait until manage.py dispatcher run is running."
    if dispatcher.clock() - last > _SILENCE:
        minutes = int((dispatcher.clock() - last).total_seconds() // 60)
        return f"Nothing has ticked for {minutes} minutes: is manage.py dispatcher run running?"
    return ""
