"""The section of the admin: its links lead to the console, which has the pages."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, URLPattern, path, reverse

from dispatcher.contrib.django.models import Campaign, Doubt, OptOut

if TYPE_CHECKING:
    from django.db.models import Model

    _Admin = admin.ModelAdmin[Model]
else:
    _Admin = admin.ModelAdmin

#: what a project without the console is told
NO_CONSOLE = (
    "the pages of campaigns, doubts and opt-outs are those of the console, which is in no urls.py:"
    ' add "dispatcher.contrib.django.console" to INSTALLED_APPS and'
    ' path("sms/", include("dispatcher.contrib.django.console.urls")) to urlpatterns'
)


class Elsewhere(_Admin):
    """An entry of the section that redirects to pages of the console."""

    #: (route, its name in the admin, the page of the console) of each page that the admin once had
    pages: ClassVar[tuple[tuple[str, str, str], ...]] = ()

    def get_urls(self) -> list[URLPattern]:
        """Only redirects: rows cannot be added or changed."""
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path(
                route,
                self.admin_site.admin_view(partial(self._lead, page=page)),
                name=f"{prefix}_{name}",
            )
            for route, name, page in self.pages
        ]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        del request, obj
        return False

    has_change_permission = has_delete_permission = has_add_permission

    def _lead(self, request: HttpRequest, page: str, **values: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return redirect(reverse(f"console:{page}", kwargs=values))
        except NoReverseMatch:
            messages.error(request, f"{NO_CONSOLE[:1].upper()}{NO_CONSOLE[1:]}.")
            return redirect("admin:index")


@admin.register(Campaign)
class CampaignLinks(Elsewhere):
    """Campaigns and their batches."""

    pages = (
        ("", "changelist", "campaigns"),
        ("<int:number>/", "change", "campaign"),
        ("batches/<int:number>/", "batch", "batch"),
    )


@admin.register(Doubt)
class DoubtLinks(Elsewhere):
    """Batches in doubt."""

    pages = (("", "changelist", "doubts"),)


@admin.register(OptOut)
class OptOutLinks(Elsewhere):
    """Those who said STOP."""

    pages = (("", "changelist", "opt_outs"),)
