"""The list of campaigns."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from dispatcher.campaigns.selection import filled, which_of
from dispatcher.campaigns.states import CampaignState
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import LIMIT, offset_of, page, sentence, show
from dispatcher.errors import UnusableInput


@page(roles.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    """The campaigns, newest first, by state, day, tag, account and the beginning of their name."""
    given = filled(dict(request.GET.lists()))
    try:
        account = given.get("account")
        shown = dispatcher.for_account(account[0]) if account else dispatcher
        found = shown.page(offset_of(request), LIMIT, **which_of(given))
    except UnusableInput as error:
        messages.warning(request, sentence(request, error))
        given, found = {}, dispatcher.page(offset_of(request), LIMIT)
    if len(found) == 1 and given.get("reference"):
        return redirect("console:campaign", found[0].id)
    return show(
        request,
        "campaigns",
        _("Campaigns"),
        page=found,
        given={name: values[0] for name, values in given.items()},
        also=f"&{urlencode(given, doseq=True)}" if given else "",
        states=list(CampaignState),
        accounts=list(dispatcher.settings.accounts),
    )
