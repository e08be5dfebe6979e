"""What people answered; probable refusals first."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import may, page, sees_numbers, show
from dispatcher.errors import InvalidPhone

_LIMIT = 200


@page(roles.REPLIES)
def index(request: HttpRequest) -> HttpResponse:
    """The replies, newest first. Deciding twice about one person changes nothing."""
    undecided = {_token(one.phone): one for one in dispatcher.opt_outs.undecided()}
    if request.method == "POST":
        if not may(request, roles.ADD_OPT_OUT):
            raise PermissionDenied
        refused = "refused" in request.POST
        one = undecided.get(request.POST.get("person", ""))
        decided = one is not None and _decide(one.phone, refused=refused)
        if decided or not refused:
            messages.success(
                request,
                _("Recorded: never texted again.") if refused else _("Recorded: no refusal."),
            )
        return redirect("console:replies")
    wanted = request.GET.get("campaign", "")
    replies = dispatcher.replies(limit=_LIMIT)
    return show(
        request,
        "replies",
        _("Replies"),
        undecided=undecided,
        replies=[one for one in replies if not wanted or one.campaign == wanted],
        wanted=wanted,
        may_decide=may(request, roles.ADD_OPT_OUT),
        in_full=sees_numbers(request, "of replies"),
    )


def _token(phone: str) -> str:
    """What a form names a person by: whoever reads the page need not see the number."""
    return salted_hmac(__name__, phone).hexdigest()


def _decide(phone: str, *, refused: bool) -> bool:
    try:
        return dispatcher.opt_outs.decide(phone, refused=refused, reason="read in the console")
    except InvalidPhone:  # a pseudonym
        return False
