"""What the page of a draft shows beside its form: the list, a row on a phone, and the plan."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _

from dispatcher.api.actor import identity
from dispatcher.campaigns.dearest import Dearest, DearestMessage
from dispatcher.campaigns.draft import Draft, DraftRow, check_decider
from dispatcher.campaigns.states import DraftState
from dispatcher.cli.text_report import report_of
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console.page import may, sees_numbers, sentence
from dispatcher.contrib.django.console.plan_picture import picture
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.contrib.django.console.roles import APPROVE
from dispatcher.errors import DispatcherError, InvalidPhone, NotAllowed, StorageError
from dispatcher.masking import masked
from dispatcher.recipients import Rejection
from dispatcher.recipients.local_numbers import normalise_in
from dispatcher.recipients.phones import territory_of
from dispatcher.texts.lint import findings_in

#: rejected rows that the page shows, and rows that show which column has the numbers
_SHOWN: Final = 20
#: rows of a list that is planned again with each pause in writing: a tenth of a second
LIVE_ROWS: Final = 2_000
#: the options that may hold a number that somebody has typed
_SAID: Final = ("tags", "survey", "consent")


def seen(request: HttpRequest, draft: Draft, *, plan: bool | None = None) -> dict[str, Any]:
    """All of it. ``plan`` says whether one is made anew, which stores nothing.

    By default that of a long list, which takes seconds, is made when the query asks for it; in its
    place are the numbers of the plan that was stored when it was handed in.
    """
    if plan is None:
        plan = request.method == "POST" or draft.rows <= LIVE_ROWS or "plan" in request.GET
    if draft.state is DraftState.SUBMITTED:  # its list is deleted
        plan = False
    own = dispatcher.settings.of_account(draft.account)
    commercial = bool(draft.options.get("commercial", True))
    budget = own.stop_budget if commercial else 0
    sample = _sample(request, draft)
    return {
        "draft": draft,
        "commercial": commercial,
        "needs_approval": dispatcher.drafts.needs_approval,
        "may_decide": may_decide(request, draft),
        "numbers": _numbers(draft),
        "sample": sample,
        "measured": report_of(sample.text, budget) if sample and sample.text else None,
        "advice": findings_in(draft.text),
        "sender": draft.options.get("sender") or own.sender or draft.options.get("from_number"),
        **(_plan(request, draft, commercial=commercial) if plan else _stored(draft)),
    }


def may_decide(request: HttpRequest, draft: Draft) -> bool:
    """Whether the user may approve or refuse the draft: nobody does who has written in it."""
    try:
        check_decider(identity(), draft.writers)
    except NotAllowed:
        return False
    return may(request, APPROVE)


def _plan(request: HttpRequest, draft: Draft, *, commercial: bool) -> dict[str, Any]:
    """The plan and the rows that it leaves out; or what is wrong, or what is missing."""
    if not _ready(draft):
        return {}
    rejected: list[Rejection] = []
    dearest = Dearest(dispatcher.settings.of_account(draft.account).prices)
    count = 0

    def reject(one: Rejection) -> None:
        nonlocal count
        count += 1
        if count <= _SHOWN:
            rejected.append(one)

    found: dict[str, Any] = {"rejected": rejected}
    try:
        plan = dispatcher.drafts.preview(draft.id, reject=reject, each=dearest.add)
    except StorageError:
        raise
    except DispatcherError as error:
        found["wrong"] = sentence(request, error)
    else:
        line = picture(dispatcher, plan, language_of(request), commercial=commercial)
        found |= {"plan": plan, "picture": line, "dearest": _place(draft, dearest.found)}
    return found | {"rejections": count}


def _stored(draft: Draft) -> dict[str, Any]:
    """The numbers of the plan that a draft has, if it has one."""
    later = _ready(draft) and draft.state is not DraftState.SUBMITTED
    if draft.plan is None:
        return {"later": later}
    cost = draft.plan["cost"]
    return {"later": later, "stored": {**draft.plan, "cost": cost and Decimal(cost)}}


def _place(draft: Draft, message: DearestMessage | None) -> dict[str, Any] | None:
    """The dearest message, and where its row is in the list."""
    if message is None or not (position := dispatcher.drafts.position_of(draft.id, message.row)):
        return None
    return {"position": position, "segments": message.segments, "cost": message.cost}


def in_full(request: HttpRequest, draft: Draft) -> bool:
    """Whether the user may see all that a draft says; that he sees a number goes on record."""
    said = [draft.text, *(str(draft.options.get(name) or "") for name in _SAID)]
    if all(masked(one) == one for one in said):
        return True
    return sees_numbers(request, f"in the draft {draft.reference}")


def _ready(draft: Draft) -> bool:
    """Whether there are a list and a text to plan."""
    return bool(draft.rows and (draft.text.strip() or draft.options.get("survey")))


def _sample(request: HttpRequest, draft: Draft) -> DraftRow | None:
    """The row that the user looks at, the first by default; None without a list."""
    asked = (request.POST if request.method == "POST" else request.GET).get("row", "")
    at = int(asked) if asked.isdecimal() and len(asked) < 7 else 1
    at = min(max(at, 1), max(draft.rows, 1))
    return next(iter(dispatcher.drafts.rows(draft.id, offset=at - 1, limit=1)), None)


def _numbers(draft: Draft) -> str:
    """The column that the numbers of the list come from; empty if none is."""
    rows = dispatcher.drafts.rows(draft.id, limit=_SHOWN) if draft.rows else ()
    found = {
        name: sum(_is(row.fields.get(name, ""), row.phone) for row in rows)
        for name in draft.columns
    }
    best = max(found, key=lambda name: found[name], default="")
    return best if best and found[best] else ""


def _is(written: str, phone: str) -> bool:
    try:
        there = territory_of(phone) or ""
        return bool(written) and (written == phone or normalise_in(written, there) == phone)
    except InvalidPhone:
        return False


def state_of(draft: Draft) -> str:
    """Where a draft stands, as the list of drafts says it."""
    if draft.state == "draft" and draft.refusal:
        return _("refused")
    if draft.state == "handed_in":
        return _("waits for approval")
    return _("submitted") if draft.state == "submitted" else _("being written")
