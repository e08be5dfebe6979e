"""The installation: what the doctor finds, the settings, and the record of actions."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import LIMIT, offset_of, page, show
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.settings.environment import as_variable
from dispatcher.settings.shown import description_of, shown


@page(roles.OPERATE)
def checks(request: HttpRequest) -> HttpResponse:
    """What the doctor finds; only when asked, because it calls the gateway."""
    # here, not above: a page that is not asked for loads none of it
    from dispatcher.monitoring.doctor import examine

    findings = list(examine(dispatcher)) if request.method == "POST" else None
    return show(request, "checks", _("Installation"), findings=findings)


@page(roles.OPERATE)
def settings(request: HttpRequest) -> HttpResponse:
    """Every setting that is in effect; secrets are masked."""
    language = language_of(request)
    values = [
        (name, as_variable(value), language.say(description_of(name)))
        for name, value in shown(dispatcher.settings).items()
    ]
    return show(request, "settings", _("Settings"), values=values)


@page(roles.OPERATE)
def record(request: HttpRequest) -> HttpResponse:
    """The record of actions, the latest first."""
    found = dispatcher.record.page(offset_of(request), LIMIT)
    return show(request, "record", _("Record of actions"), page=found)
