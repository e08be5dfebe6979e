"""The list of drafts, and what is decided about one: approve, refuse, take back, delete."""

from __future__ import annotations

import io
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatcher.campaigns.draft import Draft
from dispatcher.campaigns.states import DraftState
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.draft_page import state_of
from dispatcher.contrib.django.console.page import (
    may,
    page,
    problem,
    sees_numbers,
    sentence,
    show,
    version_of,
)
from dispatcher.errors import DispatcherError, NotAllowed, NotFound, StorageError
from dispatcher.masking import masked
from dispatcher.recipients import Rejection
from dispatcher.recipients.files import RejectsWriter


@page(roles.VIEW, roles.WRITE, roles.APPROVE)
def index(request: HttpRequest) -> HttpResponse:
    """The drafts, the one that was changed last first; what was submitted is a campaign."""
    found = dispatcher.drafts.all(states=[*_WRITTEN, *_WAITS])
    rows = [{"draft": one, "state": state_of(one)} for one in found]
    return show(request, "drafts", _("Drafts"), rows=rows)


@page(roles.WRITE, roles.APPROVE)
def decide(request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Do one of ``_ACTS``, by POST. Who acts is who is signed in, whatever the request says.

    Clicking twice does it once: the second click finds the draft in another state.
    """
    act = _ACTS.get(name)
    if act is None:
        raise Http404
    if not may(request, act.permission):
        raise PermissionDenied
    try:
        draft = dispatcher.drafts.get(number)
        if request.method == "POST" and draft.state in act.states:
            act.do(draft, request.POST)
            messages.success(request, str(act.done))
    except StorageError:
        raise
    except NotFound:
        pass  # deleted meanwhile
    except NotAllowed as error:
        return problem(request, _("Not permitted"), sentence(request, error), 403)
    except DispatcherError as error:
        if _stands(number, act.states):
            messages.error(request, sentence(request, error))
    return redirect("console:draft", number) if _stands(number) else redirect("console:drafts")


@page(roles.WRITE)
def rejected(request: HttpRequest, number: int) -> HttpResponse:
    """The rows that get no message, as a file; without the permission its numbers are masked."""
    draft = dispatcher.drafts.get(number)
    in_full = sees_numbers(request, f"of the rejected rows of {draft.reference}")
    file = io.BytesIO()
    with RejectsWriter(file, draft.columns) as writer:
        for one in dispatcher.drafts.rejected(draft.id):
            writer.write(one if in_full else _masked(one))
    answer = HttpResponse(file.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="rejected.csv"'
    return answer


def _masked(one: Rejection) -> Rejection:
    raw = one.raw if isinstance(one.raw, tuple) else (one.raw,)
    return Rejection(
        row=one.row,
        raw=tuple(map(masked, raw)),
        reason=one.reason,
        column=one.column,
        code=one.code,
    )


def _stands(number: int, states: Container[DraftState] = frozenset(DraftState)) -> bool:
    """Whether there is such a draft, in one of the states."""
    try:
        return dispatcher.drafts.get(number).state in states
    except NotFound:
        return False


@dataclass(frozen=True, slots=True)
class _Act:
    """Its permission, the states that allow it, what it does, and what is said then."""

    permission: str
    states: tuple[DraftState, ...]
    do: Callable[[Draft, QueryDict], Any]
    done: Any


_WRITTEN = (DraftState.DRAFT, DraftState.PLANNED)
_WAITS = (DraftState.HANDED_IN,)
_ACTS: Final = {
    "approve": _Act(
        roles.APPROVE,
        _WAITS,
        # without a fingerprint nothing was read, and nothing is approved
        lambda draft, values: dispatcher.drafts.approve(
            draft.id,
            fingerprint=values.get("fingerprint", ""),
            reason=values.get("reason", ""),
        ),
        gettext_lazy("Approved: the campaign leaves as soon as it may."),
    ),
    "refuse": _Act(
        roles.APPROVE,
        _WAITS,
        lambda draft, values: dispatcher.drafts.refuse(draft.id, reason=values.get("reason", "")),
        gettext_lazy("Refused: it goes back to those who have written it."),
    ),
    "take-back": _Act(
        roles.WRITE,
        _WAITS,
        lambda draft, values: dispatcher.drafts.take_back(draft.id, version=version_of(values)),
        gettext_lazy("Taken back: it can be changed again."),
    ),
    "delete": _Act(
        roles.WRITE,
        _WRITTEN,
        lambda draft, values: dispatcher.drafts.discard(draft.id, version=version_of(values)),
        gettext_lazy("The draft is deleted, with its list."),
    ),
}
