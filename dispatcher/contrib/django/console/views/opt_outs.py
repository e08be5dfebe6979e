"""The people who are never texted."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from dispatcher.campaigns.submission import RecipientInput
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
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.contrib.django.console.uploads import opened
from dispatcher.errors import DispatcherError, IllegalMove, StorageError
from dispatcher.recipients import Rejection
from dispatcher.recipients.files.private_csv import harmless
from dispatcher.recipients.phones import normalise

#: rejected rows whose reasons are said
_MOST_NAMED: Final = 10


@page(roles.OPT_OUTS)
def index(request: HttpRequest) -> HttpResponse:
    """The list, the latest first. A number comes by POST: an address ends in logs."""
    context: dict[str, Any] = {}
    if request.method == "POST":
        try:
            if "search" in request.POST:
                context = _found(request.POST.get("phone", ""))
            else:
                messages.success(request, _change(request))
                return redirect("console:opt_outs")
        except StorageError:
            raise
        except DispatcherError as error:
            context = {"wrong": sentence(request, error)}
    return show(
        request,
        "opt_outs",
        _("Opt-outs"),
        **{
            "page": dispatcher.opt_outs.page(offset_of(request), LIMIT),
            "erased": dispatcher.opt_outs.erased,
            "undecided": len(dispatcher.opt_outs.undecided()),
            "may_add": may(request, roles.ADD_OPT_OUT),
            "may_take_back": may(request, roles.TAKE_BACK),
            "in_full": sees_numbers(request, "of the opt-out list"),
            **context,
        },
    )


@page(roles.FULL_NUMBERS)
def export(request: HttpRequest) -> HttpResponseBase:
    """The whole list as CSV, streamed; that it was taken goes on record."""
    del request
    dispatcher.record.note("export", reason="the opt-out list")
    answer = StreamingHttpResponse(_lines(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="opt-outs.csv"'
    return answer


class _Echo:
    """A file whose ``write`` gives back what is written."""

    def write(self, text: str) -> str:
        return text


def _lines() -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(("phone", "since", "source"))
    for entry in dispatcher.opt_outs:
        yield writer.writerow((entry.phone, entry.since.isoformat(), harmless(entry.source)))


def _found(written: str) -> dict[str, Any]:
    """What is known of a number. Raises InvalidPhone."""
    phone = normalise(written.strip())
    return {
        "phone": phone,
        "listed": phone in dispatcher.opt_outs,
        "history": dispatcher.opt_outs.history(phone),
    }


def _left_out(request: HttpRequest, rejected: Sequence[Rejection]) -> str:
    """What is said of the rows that were rejected, the first of them with their reasons."""
    language = language_of(request)
    rows = [
        _("line %(row)s: %(reason)s") % {"row": one.row, "reason": language.say(one.detail)}
        for one in rejected[:_MOST_NAMED]
    ]
    return _("Whoever is in the rejected rows may still be texted. %(rows)s") % {
        "rows": "; ".join(rows) + ("…" if len(rejected) > _MOST_NAMED else "")
    }


def _change(request: HttpRequest) -> str:
    """Add a number, a file or both, or take a number back; what is said of it."""
    reason = request.POST.get("reason", "").strip()
    if "take_back" in request.POST:
        if not may(request, roles.TAKE_BACK):
            raise PermissionDenied
        consent = request.POST.get("consent", "").strip()
        why = f"{reason}, {consent}" if reason and consent else ""
        if dispatcher.opt_outs.remove(request.POST.get("phone", ""), reason=why):
            return _("The number may be texted again.")
        return _("The number was not on the list.")
    if not may(request, roles.ADD_OPT_OUT):
        raise PermissionDenied
    if not reason:
        raise IllegalMove("a reason is needed: it goes on record")
    phone = request.POST.get("phone", "")
    if "file" in request.FILES:
        typed: list[RecipientInput] = [normalise(phone)] if phone.strip() else []
        rejected: list[Rejection] = []
        with opened(request, every_number=True) as people:
            result = dispatcher.opt_outs.add_all(
                chain(typed, people), reject=rejected.append, reason=reason, source="console"
            )
        if rejected:
            messages.warning(request, _left_out(request, rejected))
        return _("%(new)s new, %(known)s known, %(rejected)s rows rejected.") % {
            "new": result.new,
            "known": result.known,
            "rejected": result.rejected,
        }
    if dispatcher.opt_outs.add([phone], reason=reason, source="console"):
        return _("The number is never texted again.")
    return _("The number was on the list already.")
