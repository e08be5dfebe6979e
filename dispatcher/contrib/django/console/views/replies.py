"""What people answered; probable refusals first."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import (
    LIMIT,
    may,
    offset_of,
    page,
    sees_numbers,
    show,
)
from dispatcher.errors import InvalidPhone


@page(roles.REPLIES, roles.OPT_OUTS)
def index(request: HttpRequest) -> HttpResponse:
    """The replies, newest first; for whoever may see opt-outs only, those that may be refusals.

    Deciding twice about one person changes nothing.
    """
    undecided = {_token(one.phone): one for one in dispatcher.opt_outs.undecided()}
    if request.method == "POST":
        if not may(request, roles.ADD_OPT_OUT):
            raise PermissionDenied
        refused = "refused" in request.POST
        one = undecided.get(request.POST.get("person", ""))
        why = request.POST.get("reason", "").strip() or "read in the console"
        decided = one is not None and _decide(one.phone, why, refused=refused)
        if decided or not refused:
            messages.success(
                request,
                _("Recorded: never texted again.") if refused else _("Recorded: no refusal."),
            )
        return redirect("console:replies")
    wanted = request.GET.get("campaign", "")
    return show(
        request,
        "replies",
        _("Replies"),
        undecided=undecided,
        page=dispatcher.inbox.page(offset_of(request), LIMIT, campaign=wanted or None)
        if may(request, roles.REPLIES)
        else None,
        wanted=wanted,
        also=f"&{urlencode({'campaign': wanted})}" if wanted else "",
        may_decide=may(request, roles.ADD_OPT_OUT),
        in_full=sees_numbers(request, "of replies"),
    )


def _token(phone: str) -> str:
    """What a form names a person by: whoever reads the page need not see the number."""
    return salted_hmac(__name__, phone).hexdigest()


def _decide(phone: str, reason: str, *, refused: bool) -> bool:
    try:
        return dispatcher.opt_outs.decide(phone, refused=refused, reason=reason)
    except InvalidPhone:  # a pseudonym
        return False
