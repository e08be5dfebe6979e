"""The series: all of them, one of them, its plan, and what can be done to it."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from dispatcher.campaigns.series import Series
from dispatcher.campaigns.states import SeriesState
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import may, page, sentence, show, version_of
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.contrib.django.console.series_acts import SERIES_ACTS
from dispatcher.contrib.django.console.series_form import SeriesForm
from dispatcher.contrib.django.console.series_page import facts, row, sender_of
from dispatcher.contrib.django.console.views.series_approval import may_approve
from dispatcher.errors import DispatcherError, StorageError

#: series, and occurrences of each kind, that are shown
_ALL, _SHOWN = 200, 10


@page(roles.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    """All series, by their next occurrence."""
    rows = [row(request, one) for one in dispatcher.series.all(limit=_ALL)]
    return show(request, "all_series", _("Series"), rows=rows)


@page(roles.VIEW)
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """One series: how it stands, what comes, and what became of its occurrences."""
    series = dispatcher.series.get(number)
    return show(
        request,
        "series",
        series.name,
        **facts(request, series),
        coming=dispatcher.series.coming(number, limit=_SHOWN),
        past=dispatcher.series.occurrences(number, limit=_SHOWN),
        may_approve=may_approve(request, series),
        may_change=series.state is not SeriesState.ENDED and may(request, roles.WRITE),
        acts=[act for act in SERIES_ACTS.values() if act.fits(series) and act.is_for(request)],
    )


@page(roles.VIEW)
def plan(request: HttpRequest, number: int) -> HttpResponse:
    """What the next occurrence would do with the list as it is now."""
    series = dispatcher.series.get(number)
    found, wrong = None, ""
    try:
        found = dispatcher.series.plan(number)
    except StorageError:
        raise
    except DispatcherError as error:
        wrong = sentence(request, error)
    return show(
        request,
        "series_plan",
        _("The next campaign of %(name)s") % {"name": series.name},
        **row(request, series),
        plan=found,
        sender=sender_of(series),
        wrong=wrong,
    )


@page(roles.WRITE)
def change(request: HttpRequest, number: int) -> HttpResponse:
    """Change it from its next occurrence on; a form that others have overtaken changes nothing."""
    series = dispatcher.series.get(number)
    if series.state is SeriesState.ENDED:
        return redirect("console:series", number)
    form = SeriesForm(series, request.POST if request.method == "POST" else None)
    version, wrong = series.version, ""
    if request.method == "POST":
        version = version_of(request.POST)
        if form.is_valid():
            try:
                _change(series, version, form)
            except StorageError:
                raise
            except DispatcherError as error:
                wrong = sentence(request, error)
            else:
                messages.success(request, _("Changed, from the next occurrence on."))
                if series.approval and not dispatcher.series.get(number).approval:
                    messages.info(request, _("Its approval has ended: somebody approves it again."))
                return redirect("console:series", number)
    return show(
        request,
        "series_change",
        _("Change %(name)s") % {"name": series.name},
        **row(request, series),
        form=form,
        version=version,
        wrong=wrong,
    )


@page(roles.VIEW)
def ask(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Ask for a reason, and act when a POST gives one; a GET changes nothing."""
    act = SERIES_ACTS.get(name)
    if act is None:
        raise Http404
    if not act.is_for(request):
        raise PermissionDenied
    series, back = dispatcher.series.get(number), reverse("console:series", args=[number])
    if not act.fits(series):  # clicked twice, or by two people
        return redirect(back)
    reason, wrong = request.POST.get("reason", "").strip(), ""
    if request.method == "POST" and not reason:
        wrong = _("Give a reason: it goes on record.")
    elif request.method == "POST" and name == "skip" and _at(request) != series.next_at:
        return redirect(back)  # it is no longer to come, as the page shows
    elif request.method == "POST":
        try:
            act.do(number, _at(request), reason)
        except StorageError:
            raise
        except DispatcherError as error:
            messages.error(request, sentence(request, error))
        else:
            messages.success(request, str(act.done))
        return redirect(back)
    return show(
        request,
        "confirm",
        f"{act.label} – {series.name}",
        act=act,
        question=act.question(series, language_of(request), dispatcher.clock()),
        reason=reason,
        wrong=wrong,
        back=back,
        at=series.next_at and series.next_at.isoformat(),
    )


def _change(series: Series, version: int, form: SeriesForm) -> None:
    """Change what the form says; nothing, if that is what the series says."""
    changes = form.changes()
    if changes or version != series.version:
        dispatcher.series.change(series.id, version=version, **changes)


def _at(request: HttpRequest) -> datetime | None:
    """The start of the occurrence that the question was about; None if the form names none."""
    try:
        found = parse_datetime(request.POST.get("at", ""))
    except ValueError:
        found = None
    return found if found and found.tzinfo else None
