"""Setting a series up: what comes is shown first, and then it is added."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from dispatcher.api.actor import identity
from dispatcher.campaigns.draft import Draft, written_options
from dispatcher.campaigns.series import Series
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.new_series_form import NewSeriesForm
from dispatcher.contrib.django.console.page import page, sentence, show
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.contrib.django.console.rule_words import in_words
from dispatcher.errors import DispatcherError, NotFound, ReferenceTaken, StorageError

#: occurrences to come that are shown
_SHOWN = 10
#: what is the same in a series that two clicks have added
_SAME: Final = attrgetter("rule", "account", "text", "source", "reading", "lead", "lasts", "missed")


@page(roles.WRITE)
def begin(request: HttpRequest) -> HttpResponse:
    """Show what would come, and add the series once that was read; clicking twice adds one.

    ``draft`` is a draft whose text and options it takes over.
    """
    draft, seen = None, dict[str, Any]()
    try:
        draft = _draft(request)
    except NotFound:
        if request.method != "POST":
            raise
        seen["wrong"] = _(
            "The draft was discarded meanwhile. What you typed is kept; what this page does not"
            " show, such as consents, went with the draft."
        )
    form = NewSeriesForm(request, draft, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and not seen:
        try:
            given = form.given()
            seen = _seen(request, form, given)
            if "add" in request.POST:
                seen["stopped"] = _stops(request, seen)
                if not seen["stopped"]:
                    return _added(request, form.name_given, given, seen["previewed"])
        except StorageError:
            raise
        except DispatcherError as error:
            seen["wrong"] = sentence(request, error)
    return show(
        request,
        "series_new",
        _("New series"),
        form=form,
        draft=draft,
        lists=dispatcher.settings.series_lists,
        needs_approval=dispatcher.series.needs_approval,
        **seen,
    )


def _seen(request: HttpRequest, form: NewSeriesForm, given: dict[str, Any]) -> dict[str, Any]:
    """What would be added, as the page shows it. Raises UnusableInput."""
    series, coming = dispatcher.series.preview(form.name_given, **given, limit=_SHOWN)
    return {
        "previewed": series,
        "coming": coming,
        "rule": in_words(series, language_of(request)),
        "fingerprint": form.fingerprint(given),
    }


def _stops(request: HttpRequest, seen: dict[str, Any]) -> str:
    """Why the series is not added yet; empty if it is."""
    if request.POST.get("fingerprint", "") != seen["fingerprint"]:
        return _("This is what comes now: read it, and add the series once more.")
    if seen["previewed"].commercial and "agreed" not in request.POST:
        return _("Confirm first that these people have consented.")
    return ""


def _added(
    request: HttpRequest, name: str, given: dict[str, Any], previewed: Series
) -> HttpResponse:
    """Add what was previewed. Raises UnusableInput, ReferenceTaken."""
    if previewed.commercial and _named(name) is None:
        # before it: a series never runs without the consent on record
        said = "these people have agreed to get commercial messages"
        dispatcher.record.note("confirm consent", reason=f"series {name}: {said}")
    try:
        series = dispatcher.series.add(name, **given)
    except ReferenceTaken:
        there = _named(name)
        if there is None or not _is_just_added(there, previewed):
            raise
        return redirect("console:series", there.id)  # clicked twice
    messages.success(request, _("The series is set up."))
    return redirect("console:series", series.id)


def _named(name: str) -> Series | None:
    try:
        return dispatcher.series.get(name)
    except NotFound:
        return None


def _is_just_added(series: Series, previewed: Series) -> bool:
    """Whether the user has added this series as it was previewed, and nobody has changed it."""
    mine = series.version == 1 and series.author == identity()
    same = _SAME(series) == _SAME(previewed)
    return mine and same and written_options(series.options) == written_options(previewed.options)


def _draft(request: HttpRequest) -> Draft | None:
    """The draft that the page was asked to begin with. Raises NotFound."""
    value = (request.POST or request.GET).get("draft", "")
    return dispatcher.drafts.get(int(value)) if value.isdecimal() and len(value) < 10 else None
