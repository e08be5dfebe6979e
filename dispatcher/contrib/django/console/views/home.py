"""The first page: what needs a person, what runs, and what was spent."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import page, show

#: campaigns of each kind that are shown
_SHOWN = 10
_CLOSED_DAYS = 6


@page(roles.VIEW)
def show_home(request: HttpRequest) -> HttpResponse:
    """The page."""
    now = dispatcher.clock()
    paused = dispatcher.campaigns(_SHOWN, state="paused")
    running = dispatcher.campaigns(_SHOWN, state="running")
    return show(
        request,
        "home",
        _("Home"),
        doubts=len(dispatcher.doubts()),
        undecided=len(dispatcher.opt_outs.undecided()),
        outages=dispatcher.outages(),
        paused=paused,
        running=running,
        latest=[] if running or paused else dispatcher.campaigns(3),
        day=dispatcher.spent(timedelta(days=1))[0],
        month=dispatcher.spent(timedelta(days=31))[0],
        closed=dispatcher.windows.closed_days_after(now, "metropole", _CLOSED_DAYS),
    )
