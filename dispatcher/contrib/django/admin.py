"""The section of the admin: campaigns and their batches, doubts, opt-outs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from dispatcher.campaigns.selection import filled, which_of
from dispatcher.campaigns.states import CampaignState
from dispatcher.contrib.django import conf, dispatcher
from dispatcher.contrib.django.actions import CAMPAIGN_ACTIONS, DOUBT_ACTIONS, Action
from dispatcher.contrib.django.admin_pages import LIMIT, Pages, View, may, offset_of, silence
from dispatcher.contrib.django.models import Campaign, Doubt, OptOut
from dispatcher.errors import DispatcherError, IllegalMove, NotFound, StorageError, UnusableInput
from dispatcher.masking import masked
from dispatcher.recipients.phones import normalise

_FIND = "admin:dispatcher_campaign_change"


def confirmed(
    pages: Pages,
    request: HttpRequest,
    action: Action,
    number: int,
    find: Callable[[int], Any],
    back: str,
) -> HttpResponse:
    """Ask for a reason, and do the action when a POST gives one; a GET changes nothing.

    Raises PermissionDenied, NotFound and IllegalMove.
    """
    if not may(request, action.permission):
        raise PermissionDenied
    found = find(number)
    reason = request.POST.get("reason", "").strip()
    problem = ""
    if request.method == "POST":
        try:
            if not reason:
                raise IllegalMove("a reason is needed: it goes on record")
            done = action.do(number, reason, request.user.get_username())
        except StorageError:
            raise
        except DispatcherError as error:
            problem = conf.in_project_terms(error)
        else:
            messages.success(request, masked(done))
            return redirect(back)
    return pages.show(
        request,
        "confirm",
        f"{action.label} {found.reference}",
        action=action,
        question=action.question(found),
        reason=reason,
        problem=problem,
        back=back,
    )


@admin.register(Campaign)
class CampaignPages(Pages):
    """Campaigns, the latest first; each with its batches and its record of actions."""

    def routes(self) -> list[tuple[str, View, str]]:
        """Every page."""
        return [
            ("", self.index, "changelist"),
            ("<int:campaign>/", self.detail, "change"),
            ("batches/<int:batch>/", self.batch, "batch"),
            *(
                (f"<int:campaign>/{action.name}/", partial(self.ask, action=action), action.name)
                for action in CAMPAIGN_ACTIONS
            ),
        ]

    def index(self, request: HttpRequest) -> HttpResponse:
        """The list; a search for a reference redirects to its campaign."""
        wanted = request.GET.get("q", "").strip()
        if wanted:
            try:
                return redirect(_FIND, dispatcher.progress(wanted).id)
            except NotFound:
                messages.warning(request, masked(f"There is no campaign {wanted!r}."))
        given = filled(dict(request.GET.lists()))
        try:
            account = given.get("account")
            shown = dispatcher.for_account(account[0]) if account else dispatcher
            page = shown.page(offset_of(request), LIMIT, **which_of(given))
        except UnusableInput as error:
            messages.warning(request, f"All campaigns are shown: {error}.")
            given, page = {}, dispatcher.page(offset_of(request), LIMIT)
        return self.show(
            request,
            "campaigns",
            "Campaigns",
            page=page,
            wanted=wanted,
            silence=silence(),
            given={name: values[0] for name, values in given.items()},
            also=f"&{urlencode(given, doseq=True)}" if given else "",
            states=list(CampaignState),
            accounts=list(dispatcher.settings.accounts),
        )

    def detail(self, request: HttpRequest, campaign: int) -> HttpResponse:
        """One campaign."""
        progress = dispatcher.progress(campaign)
        allowed = [
            action
            for action in CAMPAIGN_ACTIONS
            if progress.state in action.states and may(request, action.permission)
        ]
        return self.show(
            request,
            "campaign",
            progress.reference,
            campaign=dispatcher.campaign(campaign),
            progress=progress,
            page=dispatcher.batches(campaign, offset=offset_of(request), limit=LIMIT),
            actions=dispatcher.actions(campaign, limit=LIMIT),
            allowed=allowed,
            silence="" if progress.ended else silence(),
        )

    def batch(self, request: HttpRequest, batch: int) -> HttpResponse:
        """One batch, with its recipients: numbers are masked without the permission."""
        found = dispatcher.batch(batch)
        return self.show(
            request,
            "batch",
            f"Batch {found.number} of {dispatcher.campaign(found.campaign_id).reference}",
            batch=found,
            recipients=dispatcher.messages(batch),
            in_full=self.sees_numbers(request, f"of batch {batch}"),
            allowed=_doubt_actions(request) if found.state == "in_doubt" else [],
        )

    def ask(self, request: HttpRequest, campaign: int, action: Action) -> HttpResponse:
        """The confirmation of an action."""
        back = reverse(_FIND, args=[campaign])
        return confirmed(self, request, action, campaign, dispatcher.progress, back)


@admin.register(Doubt)
class DoubtPages(Pages):
    """Batches in doubt, the oldest first, and the incidents on record."""

    def routes(self) -> list[tuple[str, View, str]]:
        """Every page."""
        return [
            ("", self.index, "changelist"),
            *(
                (f"<int:batch>/{action.name}/", partial(self.ask, action=action), action.name)
                for action in DOUBT_ACTIONS
            ),
        ]

    def index(self, request: HttpRequest) -> HttpResponse:
        """The list."""
        return self.show(
            request,
            "doubts",
            "Batches in doubt",
            doubts=dispatcher.doubts(),
            incidents=dispatcher.incidents(),
            allowed=_doubt_actions(request),
            silence=silence(),
        )

    def ask(self, request: HttpRequest, batch: int, action: Action) -> HttpResponse:
        """The confirmation of an action."""
        back = reverse("admin:dispatcher_doubt_changelist")
        return confirmed(self, request, action, batch, _doubt, back)


@admin.register(OptOut)
class OptOutPages(Pages):
    """Those who said STOP: found by number, added by hand; only probable ones are taken off."""

    def routes(self) -> list[tuple[str, View, str]]:
        """Every page."""
        return [("", self.index, "changelist")]

    def index(self, request: HttpRequest) -> HttpResponse:
        """The list, the latest first. A number comes by POST: a URL ends in logs."""
        may_add = may(request, "dispatcher.add_optout")
        value = request.POST.get("phone", "").strip()
        context: dict[str, Any] = {}
        if value:
            try:
                phone = normalise(value)
                if {"add", "refused", "no_refusal"} & request.POST.keys():
                    context["added"] = self._change(request, phone, may_add=may_add)
                context["phone"] = phone
                context["listed"] = phone in dispatcher.opt_outs
                context["history"] = dispatcher.opt_outs.history(phone)
            except StorageError:
                raise
            except DispatcherError as error:
                context["problem"] = conf.in_project_terms(error)
        return self.show(
            request,
            "opt_outs",
            "Opt-outs",
            page=dispatcher.opt_outs.page(offset_of(request), LIMIT),
            erased=dispatcher.opt_outs.erased,
            undecided=dispatcher.opt_outs.undecided(),
            may_add=may_add,
            in_full=self.sees_numbers(request, "of the opt-out list"),
            **context,
        )

    def _change(self, request: HttpRequest, phone: str, *, may_add: bool) -> bool:
        """Add a number, or decide about a probable refusal; true if it is new on the list."""
        if not may_add:
            raise PermissionDenied
        reason = request.POST.get("reason", "").strip()
        if not reason:
            raise IllegalMove("a reason is needed: it goes on record")
        by = request.user.get_username()
        if "add" in request.POST:
            return dispatcher.opt_outs.add([phone], reason=reason, source="admin", by=by) > 0
        refused = "refused" in request.POST
        return dispatcher.opt_outs.decide(phone, refused=refused, reason=reason, by=by) and refused


def _doubt_actions(request: HttpRequest) -> list[Action]:
    return [action for action in DOUBT_ACTIONS if may(request, action.permission)]


def _doubt(batch: int) -> Any:
    """The doubt about a batch. Raises NotFound."""
    found = [doubt for doubt in dispatcher.doubts() if doubt.batch_id == batch]
    if not found:
        raise NotFound(f"no batch {batch} is in doubt")
    return found[0]
