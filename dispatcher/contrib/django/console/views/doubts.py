"""Batches of which it is unknown whether the gateway took them."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console.acts import DOUBT_ACTS, confirmed
from dispatcher.contrib.django.console.page import may, page, show

_VIEW = "dispatcher.view_doubt"


@page(_VIEW)
def index(request: HttpRequest) -> HttpResponse:
    """The doubts, the oldest first, and the incidents on record."""
    return show(
        request,
        "doubts",
        _("Batches in doubt"),
        doubts=dispatcher.doubts(),
        incidents=dispatcher.incidents(),
        acts=[act for act in DOUBT_ACTS.values() if may(request, act.permission)],
    )


@page(_VIEW)
def ask(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Ask for the reason of a decision, and take it."""
    if name not in DOUBT_ACTS:
        raise Http404
    back = reverse("console:doubts")
    found = [doubt for doubt in dispatcher.doubts() if doubt.batch_id == number]
    if not found:  # decided meanwhile
        return redirect(back)
    return confirmed(request, DOUBT_ACTS[name], number, found[0], back)
