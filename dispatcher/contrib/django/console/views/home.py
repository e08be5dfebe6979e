"""The first page: what needs a person, what runs, and what was spent."""

from __future__ import annotations

from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from dispatcher.api.actor import identity
from dispatcher.campaigns.states import DraftState
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.draft_page import may_decide
from dispatcher.contrib.django.console.page import page, show
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.window.slots import PARIS

#: campaigns of each kind that are shown
_SHOWN = 10
#: what was spent lately
_DAY, _MONTH = timedelta(days=1), timedelta(days=31)
#: how far the weekly cap is looked ahead
_AHEAD = timedelta(days=31)
#: years that a calendar may show
_YEARS = range(2000, 2100)


@page(roles.VIEW)
def show_home(request: HttpRequest) -> HttpResponse:
    """The page."""
    now = dispatcher.clock()
    day, month = dispatcher.spent_within([_DAY, _MONTH])
    paused = dispatcher.campaigns(_SHOWN, state="paused")
    running = dispatcher.campaigns(_SHOWN, state="running")
    waiting = dispatcher.drafts.all(states=[DraftState.HANDED_IN])
    written = dispatcher.drafts.all(states=[DraftState.DRAFT])
    return show(
        request,
        "home",
        _("Home"),
        doubts=len(dispatcher.doubts()),
        undecided=len(dispatcher.opt_outs.undecided()),
        outages=dispatcher.outages(),
        approvals=[one for one in waiting if may_decide(request, one)][:_SHOWN],
        refused=[one for one in written if one.refusal and identity() in one.writers][:_SHOWN],
        blocked=dispatcher.series.blocked(),
        paused=paused,
        running=running,
        budgeted=[dispatcher.progress(one) for one in dispatcher.budgets.waiting(_SHOWN)],
        latest=[] if running or paused else dispatcher.campaigns(3),
        day=day.charged,
        month=month.charged,
        weekly=dispatcher.settings.weekly_messages,
        calendar=dispatcher.calendar(_month(request)),
        today=now.astimezone(PARIS).date(),
        weekdays=language_of(request).forms.days,
    )


@page(roles.VIEW)
def outlook(request: HttpRequest) -> HttpResponse:
    """Who would be left out by the weekly cap; asked for by itself, because it reads people."""
    until = dispatcher.clock() + _AHEAD
    return show(
        request,
        "outlook",
        _("Weekly cap"),
        days=dispatcher.weekly_outlook(until),
        most=dispatcher.settings.weekly_messages,
    )


def _month(request: HttpRequest) -> date | None:
    """The month that the query asks for (2027-03); None for this one."""
    try:
        day = date.fromisoformat(f"{request.GET.get('month', '')[:7]}-01")
    except ValueError:
        return None
    return day if day.year in _YEARS else None
