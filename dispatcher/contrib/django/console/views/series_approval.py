"""Approving a whole series, up to a cap of each campaign."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatcher.api.actor import identity
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.series import Series
from dispatcher.campaigns.series_approval import MOST_RECIPIENTS, check_approver
from dispatcher.campaigns.states import SeriesState
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import may, page, sentence, show, version_of
from dispatcher.contrib.django.console.series_page import facts
from dispatcher.contrib.django.console.whole_numbers import WholeNumberField
from dispatcher.errors import DispatcherError, NotAllowed, StorageError


class ApprovalForm(forms.Form):
    """The cap of each campaign, and a reason."""

    recipients = WholeNumberField(
        label=gettext_lazy("At most so many recipients each"),
        min_value=1,
        max_value=MOST_RECIPIENTS,
        required=False,
    )
    euros = forms.CharField(
        label=gettext_lazy("and at most so many euros each"), max_length=20, required=False
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason, for the record"), max_length=500, required=False
    )


@page(roles.APPROVE)
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Show the series and its next plan, and approve the version that was read."""
    series = dispatcher.series.get(number)
    if series.state is SeriesState.ENDED:
        return redirect("console:series", number)
    form = ApprovalForm(request.POST or None, label_suffix="")
    version, wrong = series.version, ""
    if request.method == "POST":
        version = version_of(request.POST)
        if form.is_valid():
            try:
                _approve(series, version, form.cleaned_data)
            except StorageError:
                raise
            except DispatcherError as error:
                wrong = sentence(request, error)
                if version != series.version:
                    # the page shows what it says now, and that is what the next click approves
                    wrong = _(
                        "The series was changed meanwhile. This is what it says now: read it, and"
                        " approve once more."
                    )
                    version = series.version
            else:
                messages.success(
                    request, _("The series is approved: campaigns under the cap run by themselves.")
                )
                return redirect("console:series", number)
    plan, unplanned = _plan(request, number)
    return show(
        request,
        "series_approve",
        _("Approve %(name)s") % {"name": series.name},
        **facts(request, series),
        form=form,
        version=version,
        wrong=wrong,
        plan=plan,
        unplanned=unplanned,
    )


def may_approve(request: HttpRequest, series: Series) -> bool:
    """Whether the user may approve the series: nobody does who has written it."""
    if not dispatcher.series.needs_approval or series.state is SeriesState.ENDED:
        return False
    try:
        check_approver(identity(), series.writers)
    except NotAllowed:
        return False
    return may(request, roles.APPROVE)


def _approve(series: Series, version: int, said: dict[str, Any]) -> None:
    euros = said["euros"].strip() or None
    recipients, reason = said["recipients"], said["reason"]
    dispatcher.series.approve(
        series.id, recipients=recipients, euros=euros, version=version, reason=reason
    )


def _plan(request: HttpRequest, number: int) -> tuple[Plan | None, str]:
    """What the next campaign would be; or why that cannot be said."""
    try:
        return dispatcher.series.plan(number), ""
    except StorageError:
        raise
    except DispatcherError as error:
        return None, sentence(request, error)
