"""Numbers that campaigns do not text because nothing arrives there."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import (
    LIMIT,
    may,
    offset_of,
    page,
    sees_numbers,
    sentence,
    show,
)
from dispatcher.errors import DispatcherError, StorageError


@page(roles.OPT_OUTS)
def index(request: HttpRequest) -> HttpResponse:
    """The list, and one number. A number comes by POST: an address ends in logs."""
    context: dict[str, Any] = {}
    if request.method == "POST":
        phone = request.POST.get("phone", "").strip()
        try:
            if "lift" in request.POST:
                messages.success(request, _lift(request, phone))
                return redirect("console:unreachable")
            context = {"found": dispatcher.unreachable.get(phone)}
        except StorageError:
            raise
        except DispatcherError as error:
            context = {"wrong": sentence(request, error)}
    return show(
        request,
        "unreachable",
        _("Unreachable numbers"),
        **{
            # it reads all messages: not for one number
            "page": None if context else dispatcher.unreachable.page(offset_of(request), LIMIT),
            "rule": dispatcher.unreachable.rule,
            "may_lift": may(request, roles.TAKE_BACK),
            "in_full": sees_numbers(request, "of unreachable numbers"),
            **context,
        },
    )


def _lift(request: HttpRequest, phone: str) -> str:
    """Text a number again; what is said of it."""
    if not may(request, roles.TAKE_BACK):
        raise PermissionDenied
    if dispatcher.unreachable.lift(phone, reason=request.POST.get("reason", "")):
        return _("The number is texted again.")
    return _("The number was not unreachable.")
