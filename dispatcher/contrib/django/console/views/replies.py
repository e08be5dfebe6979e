"""What people answered; probable refusals first."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import may, page, sees_numbers, show
from dispatcher.errors import InvalidPhone

_LIMIT = 200


@page(roles.REPLIES)
def index(request: HttpRequest) -> HttpResponse:
    """The replies, newest first. Deciding twice about one person changes nothing."""
    undecided = dispatcher.opt_outs.undecided()
    if request.method == "POST":
        if not may(request, roles.ADD_OPT_OUT):
            raise PermissionDenied
        refused = "refused" in request.POST
        try:
            decided = dispatcher.opt_outs.decide(
                request.POST.get("phone", ""), refused=refused, reason="read in the console"
            )
        except InvalidPhone:
            decided = False
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
