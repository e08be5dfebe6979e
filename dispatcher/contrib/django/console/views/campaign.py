"""One campaign: its progress, batches, doubts and record, and what can be done to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from dispatcher.campaigns.causes import Cause
from dispatcher.campaigns.draft import Draft
from dispatcher.campaigns.progress import Progress
from dispatcher.campaigns.records import MessageRecord, Page
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.acts import CAMPAIGN_ACTS, DOUBT_ACTS, confirmed
from dispatcher.contrib.django.console.chart import chart_of
from dispatcher.contrib.django.console.downloads import kinds
from dispatcher.contrib.django.console.page import (
    LIMIT,
    may,
    offset_of,
    page,
    sees_numbers,
    show,
)
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.errors import NotFound

#: seconds until the page asks again: while messages leave, and while reports come in
_LEAVING, _REPORTED = 3, 15
#: people of a batch on one page
_PEOPLE = 100
#: a wait that ends within this time is followed, too
_SOON = timedelta(minutes=10)


@page(roles.VIEW)
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """The whole page."""
    progress = dispatcher.progress(number)
    return show(
        request,
        "campaign",
        progress.reference,
        campaign=dispatcher.campaign(number),
        draft=_draft_of(progress),
        page=dispatcher.batches(number, offset=offset_of(request), limit=LIMIT),
        actions=dispatcher.actions(number, limit=LIMIT),
        doubts=[one for one in dispatcher.doubts() if one.reference == progress.reference],
        kinds=kinds(),
        acts=[
            act
            for act in CAMPAIGN_ACTS.values()
            if progress.state in act.states and may(request, act.permission)
        ],
        **_live(request, progress),
    )


def _draft_of(progress: Progress) -> Draft | None:
    """The draft that the campaign was; None if it was submitted otherwise."""
    try:
        draft = dispatcher.drafts.get(progress.reference)
    except NotFound:
        return None
    return draft if draft.campaign == progress.id else None


@page(roles.VIEW)
def live(request: HttpRequest, number: int) -> HttpResponse:
    """The part of the page that changes by itself."""
    context = {"language": language_of(request), "now": dispatcher.clock()}
    context |= _live(request, dispatcher.progress(number))
    return render(request, "console/live.html", context)


@page(roles.VIEW)
def batch(request: HttpRequest, number: int) -> HttpResponse:
    """One batch, with its recipients: numbers are masked without the permission."""
    found = dispatcher.batch(number)
    campaign = dispatcher.campaign(found.campaign_id)
    return show(
        request,
        "batch",
        _("Batch %(number)s of %(reference)s")
        % {"number": found.number, "reference": campaign.reference},
        batch=found,
        acts=[
            act
            for act in DOUBT_ACTS.values()
            if found.state == "in_doubt" and may(request, act.permission)
        ],
        page=_part(dispatcher.messages(number), offset_of(request)),
        in_full=sees_numbers(request, f"of batch {number}"),
    )


@page(roles.VIEW)
def ask(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Ask for the reason of an action, and do it."""
    if name not in CAMPAIGN_ACTS:
        raise Http404
    back = reverse("console:campaign", args=[number])
    progress = dispatcher.progress(number)
    act = CAMPAIGN_ACTS[name]
    if progress.state not in act.states:  # clicked twice, or by two people
        return redirect(back)
    return confirmed(request, act, number, progress, back)


def _part(found: tuple[MessageRecord, ...], offset: int) -> Page[MessageRecord]:
    return Page(found[offset : offset + _PEOPLE], total=len(found), offset=offset, limit=_PEOPLE)


def _live(request: HttpRequest, progress: Progress) -> dict[str, Any]:
    causes = dispatcher.causes(progress.id)
    return {
        "progress": progress,
        "causes": causes[1:],
        "next": _next(progress, causes),
        "chart": chart_of(dispatcher.course(progress.id), language_of(request)),
    }


def _next(progress: Progress, causes: list[Cause]) -> int:
    """Seconds until something may have changed; 0 if nothing moves."""
    now: datetime = dispatcher.clock()
    if progress.ended:
        return 0
    if progress.batches["sending"]:
        return _LEAVING
    soon = progress.waits_until is None or progress.waits_until - now <= _SOON
    if progress.state == "running" and progress.messages["pending"] and soon:
        return _LEAVING
    if progress.messages["sent"] or progress.batches["handed_over"]:
        return _REPORTED
    return _REPORTED if progress.state == "running" and soon and not causes else 0
