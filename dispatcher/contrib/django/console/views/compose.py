"""A new campaign: a list, a text, its dates, the plan of it, and its submission."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.compose_form import ComposeForm
from dispatcher.contrib.django.console.page import may, page, sentence, show
from dispatcher.contrib.django.console.plan_picture import picture
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.contrib.django.console.uploads import opened
from dispatcher.errors import DispatcherError, StorageError
from dispatcher.recipients import Rejection

#: rejected rows that the page shows
_SHOWN = 20


@page(roles.WRITE)
def compose(request: HttpRequest) -> HttpResponse:
    """The form; a POST shows the plan, or submits the plan that was seen."""
    if not may(request, roles.WRITE):
        raise PermissionDenied
    form = ComposeForm(request.POST or None)
    form.fields["sender"].widget.attrs["placeholder"] = dispatcher.settings.sender or ""
    context: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        if "submit" in request.POST and request.POST.get("fingerprint"):
            number = _submitted(request, form, context)
            if number is not None:
                return redirect("console:campaign", number)
        else:
            context = _planned(request, form)
    return show(request, "compose", _("New campaign"), form=form, **context)


@page(roles.WRITE)
def planned(request: HttpRequest) -> HttpResponse:
    """The plan of what the form holds now, as a part of the page; nothing is stored."""
    form = ComposeForm(request.POST)
    context: dict[str, Any] = {"language": language_of(request), "now": dispatcher.clock()}
    if form.is_valid():
        context |= _planned(request, form)
    else:
        context["wrong"] = " ".join(str(one) for some in form.errors.values() for one in some)
    return render(request, "console/plan.html", context)


def _planned(request: HttpRequest, form: ComposeForm) -> dict[str, Any]:
    """The plan, the columns of the list and its rejected rows; or what is wrong."""
    rejected: list[Rejection] = []

    def reject(one: Rejection) -> None:
        if len(rejected) < _SHOWN:
            rejected.append(one)

    context: dict[str, Any] = {}
    try:
        with opened(request) as people:
            context = {"columns": people.columns, "phone_column": people.phone_column}
            plan = dispatcher.plan(form.says, people, reject=reject, **form.options)
            notes = people.notes
    except StorageError:
        raise
    except DispatcherError as error:
        return {**context, "wrong": sentence(request, error), "rejected": rejected}
    commercial = form.options["commercial"]
    return {
        **context,
        "plan": plan,
        "notes": notes,
        "rejected": rejected,
        "commercial": commercial,
        "picture": picture(dispatcher, plan, language_of(request), commercial=commercial),
        "sender": form.options["sender"] or dispatcher.settings.sender or "",
    }


def _submitted(request: HttpRequest, form: ComposeForm, context: dict[str, Any]) -> int | None:
    """Submit what was seen; None if it cannot be, and ``context`` says why.

    Clicking twice submits once: the second is the same reference with the same body.
    """
    if form.options["commercial"] and not form.cleaned_data["consent"]:
        context["wrong"] = _("Confirm first that these people have consented.")
        return None
    try:
        with opened(request) as people:
            options = form.options
            options["approved"] = request.POST["fingerprint"]
            number = dispatcher.submit(form.named, form.says, people, **options)
    except StorageError:
        raise
    except DispatcherError as error:
        context["wrong"] = sentence(request, error)
        return None
    messages.success(request, _("The campaign is on its way: it leaves as soon as it may."))
    return int(number)
