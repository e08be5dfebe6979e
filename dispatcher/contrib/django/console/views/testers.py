"""Testers, and the tests of a draft that go to them."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import (
    may,
    offset_of,
    page,
    sees_numbers,
    sentence,
    show,
)
from dispatcher.errors import DispatcherError, StorageError
from dispatcher.masking import masked

#: rows of a draft's list on one page, and tests that are shown
_ROWS, _SENT = 10, 10


@page(roles.TEST, roles.TESTERS)
def index(request: HttpRequest) -> HttpResponse:
    """The testers; who may, adds and removes them."""
    wrong = ""
    if request.method == "POST":
        if not may(request, roles.TESTERS):
            raise PermissionDenied
        try:
            messages.success(request, _change(request))
            return redirect("console:testers")
        except StorageError:
            raise
        except DispatcherError as error:
            wrong = sentence(request, error)
    return show(
        request,
        "testers",
        _("Testers"),
        testers=dispatcher.testers.all(),
        left=dispatcher.testers.left_today(),
        may_change=may(request, roles.TESTERS),
        in_full=sees_numbers(request, "of testers"),
        wrong=wrong,
    )


@page(roles.TEST)
def test(request: HttpRequest, number: int) -> HttpResponse:
    """Choose a row and testers, and send; a form that is posted twice sends once."""
    draft = dispatcher.drafts.get(number)
    context: dict[str, Any] = {}
    if request.method == "POST":
        try:
            sends = dispatcher.testers.send(
                draft.id,
                to=request.POST.getlist("to"),
                row=_row(request),
                once=request.POST.get("once", ""),
            )
        except StorageError:
            raise
        except DispatcherError as error:
            context = {"wrong": sentence(request, error)}
        else:
            names = ", ".join(name for send in sends for name in send.testers)
            messages.success(
                request, _("The test is on its way to %(names)s.") % {"names": masked(names)}
            )
            return redirect("console:test", draft.id)
    tests = dispatcher.testers.sent(draft.id, limit=_SENT)
    return show(
        request,
        "test",
        _("Test of %(name)s") % {"name": draft.reference},
        draft=draft,
        page=dispatcher.drafts.rows(draft.id, offset=offset_of(request), limit=_ROWS),
        chosen=_row(request),
        testers=dispatcher.testers.all(),
        picked=request.POST.getlist("to"),
        left=dispatcher.testers.left_today(),
        sent=[{"test": one, "progress": dispatcher.progress(one.campaign)} for one in tests],
        once=secrets.token_urlsafe(12),
        in_full=sees_numbers(request, f"of the list of {draft.reference}"),
        **context,
    )


def _change(request: HttpRequest) -> str:
    """Add or remove a tester; what is said of it."""
    name = request.POST.get("name", "")
    if "remove" in request.POST:
        dispatcher.testers.remove(name)
        return _("%(name)s gets no tests any more.") % {"name": masked(name)}
    hours = "any_hour" in request.POST
    tester = dispatcher.testers.add(name, request.POST.get("phone", ""), any_hour=hours)
    return _("%(name)s gets tests from now on.") % {"name": masked(tester.name)}


def _row(request: HttpRequest) -> int:
    """The row that was chosen, else the first of the page."""
    value = (request.POST or request.GET).get("row", "")
    return int(value) if value.isdecimal() and len(value) < 7 else offset_of(request) + 1
