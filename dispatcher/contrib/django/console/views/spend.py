"""What campaigns cost."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import page, show

_DAYS = (1, 7, 31)


@page(roles.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    """Charged and planned of the last days, by account, with what is still to come."""
    rows = []
    for name in ["", *dispatcher.settings.accounts]:
        account = dispatcher.for_account(name)
        spent = [(days, *account.spent(timedelta(days=days))) for days in _DAYS]
        to_go, unpriced = account.to_go()
        rows.append(
            {
                "name": name,
                "spent": [
                    {"days": days, "charged": charged, "planned": planned}
                    for days, charged, planned in spent
                ],
                "to_go": to_go,
                "unpriced": ", ".join(unpriced),
                "credit": account.credit(),
            }
        )
    return show(request, "spend", _("Spend"), accounts=rows)
