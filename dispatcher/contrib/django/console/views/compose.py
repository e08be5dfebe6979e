"""Writing a draft: it is saved as one types, planned at once, and then handed in or sent off."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from dispatcher.api.actor import identity
from dispatcher.campaigns.draft import Draft
from dispatcher.campaigns.states import DraftState
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.draft_form import DraftForm, NameForm
from dispatcher.contrib.django.console.draft_page import LIVE_ROWS, in_full, seen, state_of
from dispatcher.contrib.django.console.page import may, page, sentence, show, version_of
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.contrib.django.console.uploads import ENCODINGS, given, name_of, opened
from dispatcher.errors import (
    DispatcherError,
    DraftChanged,
    InvalidRequest,
    NotFound,
    ReferenceTaken,
    StorageError,
    UnusableInput,
)
from dispatcher.masking import masked

#: the buttons that let a draft go, and the states in which it is out of the writers' hands
_ACTS = ("submit", "hand-in")
_DONE = (DraftState.HANDED_IN, DraftState.SUBMITTED)


@page(roles.WRITE)
def begin(request: HttpRequest) -> HttpResponse:
    """Ask for the name of a new campaign; clicking twice makes one draft."""
    form, wrong = NameForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["reference"]
        try:
            account = form.cleaned_data.get("account") or None
            return redirect("console:draft", dispatcher.drafts.create(name, account=account).id)
        except ReferenceTaken as error:
            if (draft := _just_made(name)) is not None:
                return redirect("console:draft", draft.id)
            wrong = sentence(request, error)
        except StorageError:
            raise
        except DispatcherError as error:
            wrong = sentence(request, error)
    return show(request, "begin", _("New campaign"), form=form, wrong=wrong)


@page(roles.VIEW, roles.WRITE, roles.APPROVE)
def draft_page(request: HttpRequest, number: int) -> HttpResponse:
    """A draft: the form of who may change it; a page to read and decide once it is handed in."""
    draft = dispatcher.drafts.get(number)
    if request.method == "POST":
        if not may(request, roles.WRITE):
            raise PermissionDenied
        return _posted(request, draft)
    if draft.campaign is not None and "written" not in request.GET:
        return redirect("console:campaign", draft.campaign)
    if draft.state in _DONE or not may(request, roles.WRITE):
        found = {**seen(request, draft), "in_full": in_full(request, draft)}
        return show(request, "draft", draft.reference, state=state_of(draft), **found)
    return _form_page(request, draft, DraftForm(request, draft))


@page(roles.WRITE)
def saved(request: HttpRequest, number: int) -> HttpResponse:
    """Save what the form holds now; the parts of the page that this changes.

    A plan that the page shows stays if nothing has changed. That of a long list is made when it is
    asked for, or when the list is given: it takes seconds.
    """
    if request.method != "POST":
        return redirect("console:draft", number)
    draft, problem = dispatcher.drafts.get(number), {}
    form = DraftForm(request, draft, request.POST)
    notes: list[str] = []
    try:
        if form.is_valid():
            draft, notes = _save(request, draft, form)
            form = DraftForm(request, draft, request.POST)
        else:
            problem["unsaved"] = _faults(form)
    except StorageError:
        raise
    except DispatcherError as error:
        problem = _problem(request, error)
    asked = "plan" in request.POST or given(request)
    stands = (
        draft.version == version_of(request.POST) and "fingerprint" in request.POST and not asked
    )
    found = seen(request, draft, plan=asked or (draft.rows <= LIVE_ROWS and not stands))
    frame = {"form": form, "language": language_of(request), "now": dispatcher.clock()}
    frame |= {"notes": notes, "plan_stands": stands}
    return render(request, "console/saved.html", {**frame, **found, **problem})


def _posted(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Save the form, and hand the draft in or submit it if that was asked for.

    Raises InvalidRequest if something else was.
    """
    if request.POST.get("act", "submit") not in _ACTS:
        raise InvalidRequest(_("this page has no such button"))
    form = DraftForm(request, draft, request.POST)
    if not form.is_valid():
        return _form_page(request, draft, form, unsaved=_faults(form))
    notes: list[str] = []
    try:
        draft, notes = _save(request, draft, form)
        if "act" in request.POST:
            wrong = _let_go(request, draft)
            if not wrong:
                return redirect("console:draft", draft.id)
            draft = dispatcher.drafts.get(draft.id)
            return _form_page(request, draft, DraftForm(request, draft), stopped=wrong)
    except StorageError:
        raise
    except DispatcherError as error:
        draft = dispatcher.drafts.get(draft.id)
        if draft.state in _DONE and given(request):
            messages.error(request, f"{_('Not saved:')} {sentence(request, error)}")
            return redirect("console:draft", draft.id)
        if _is_done(draft, form):
            return redirect("console:draft", draft.id)  # clicked twice
        return _form_page(request, draft, form, **_problem(request, error))
    for note in notes:
        messages.info(request, masked(language_of(request).say(note)))
    row = request.POST.get("row", "")
    answer = redirect("console:draft", draft.id)
    chosen = row.isdecimal() and len(row) < 7
    answer["Location"] += f"?row={int(row)}" if chosen else "?plan=1"
    return answer


def _save(request: HttpRequest, draft: Draft, form: DraftForm) -> tuple[Draft, list[str]]:
    """The draft with what the form holds, and notes about its list. Raises DraftChanged.

    What is the same as it was is not saved again, and makes nobody a writer.
    """
    version = version_of(request.POST)
    column = request.POST.get("numbers", "")
    with ExitStack() as stack:
        people = stack.enter_context(opened(request)) if given(request) else None
        same = form.is_same(draft)
        if people is not None or not same:
            draft = dispatcher.drafts.save(
                draft.id,
                version=version,
                text=None if same else form.says,
                options=None if same else form.options,
                recipients=people,
                source="" if people is None else name_of(request, people.sheet),
            )
            version = draft.version
        notes = [] if people is None else people.notes
    if people is None and column and column != request.POST.get("numbers_were", column):
        draft = dispatcher.drafts.set_column(draft.id, column, version=version)
    return draft, notes


def _let_go(request: HttpRequest, draft: Draft) -> str:
    """Hand in or submit the plan that the user has seen; what is wrong if that cannot be."""
    drafts = dispatcher.drafts
    if draft.state in _DONE:
        return ""  # clicked twice
    commercial = draft.options.get("commercial", True)
    if commercial and "agreed" not in request.POST:
        return _("Confirm first that these people have consented.")
    if draft.needs_plan:
        draft, plan = drafts.plan(draft.id, version=draft.version)
        del plan
    if request.POST.get("fingerprint", "") != draft.fingerprint:
        return _("This is the plan now: read it, and confirm it once more.")
    if commercial:
        said = "these people have agreed to get commercial messages"
        reason = f"{draft.reference}: {said}; plan {draft.fingerprint}"
        dispatcher.record.note("confirm consent", reason=reason)
    if request.POST["act"] == "submit":
        drafts.submit(draft.id, version=draft.version)
        messages.success(request, _("The campaign is on its way: it leaves as soon as it may."))
    else:
        drafts.hand_in(draft.id, version=draft.version)
        messages.success(request, _("It is handed in: somebody else reads and approves it."))
    return ""


def _is_done(draft: Draft, form: DraftForm) -> bool:
    """Whether the draft was let go with all that the form says."""
    try:
        return draft.state in _DONE and form.is_same(draft)
    except UnusableInput:
        return False


def _form_page(request: HttpRequest, draft: Draft, form: DraftForm, **context: Any) -> HttpResponse:
    found = {**seen(request, draft), **context}
    return show(request, "compose", draft.reference, form=form, encodings=ENCODINGS, **found)


def _problem(request: HttpRequest, error: DispatcherError) -> dict[str, Any]:
    """Why something was not saved; ``newer`` is the version that somebody else has saved."""
    newer = error.version if isinstance(error, DraftChanged) else None
    return {"unsaved": sentence(request, error), "newer": newer}


def _faults(form: DraftForm) -> str:
    return " ".join(str(one) for some in form.errors.values() for one in some)


def _just_made(name: str) -> Draft | None:
    """The user's own draft of this name, if nothing was written in it yet."""
    try:
        draft = dispatcher.drafts.get(name)
    except NotFound:
        return None
    mine = draft.writers == (identity(),)
    return draft if mine and draft.version == 1 else None
