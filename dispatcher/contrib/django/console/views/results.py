"""Who got what of a campaign, as a file."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase

from dispatcher.api.result_files import pieces
from dispatcher.campaigns.results import STATES
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.downloads import download, kind_of
from dispatcher.contrib.django.console.page import may, page
from dispatcher.contrib.django.console.reader import language_of


@transaction.non_atomic_requests  # its own transaction is the snapshot
@page(roles.RESULTS)
def results(request: HttpRequest, number: int) -> HttpResponseBase:
    """The file that the query asks for; that it was taken goes on record.

    It is written from one snapshot, and answered only if its sums are those of the progress.
    """
    states = [name for name in request.GET.getlist("state") if name in STATES]
    hides = "numbers" not in request.GET or not may(request, roles.FULL_NUMBERS)
    found, kind = dispatcher.results(number, states=states), kind_of(request)
    found.note(hides=hides)
    if kind != "jsonl":  # programs read that, and find what every other caller has
        found.said_in(language_of(request))
    try:
        return download(f"results-{found.id}", kind, pieces(found, kind, hides=hides))
    finally:
        found.close()
