"""What a person may do to a campaign or to a batch in doubt, after giving a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatcher.campaigns.prices import euros_of
from dispatcher.campaigns.progress import Progress
from dispatcher.campaigns.records import Doubt
from dispatcher.campaigns.wording import in_flight
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console.page import may, sentence, show
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.errors import DispatcherError, StorageError
from dispatcher.language import Language


@dataclass(frozen=True, slots=True)
class Act:
    """One action: its permission, its words, and what it calls with an id and a reason."""

    name: str
    label: Any
    permission: str
    #: the question that confirms it, from a Progress or a Doubt
    question: Callable[[Any, Language], str]
    do: Callable[[int, str], Any]
    #: what is said when it is done
    done: Any
    #: the states of a campaign that allow it
    states: tuple[str, ...] = ()
    #: whether it cannot be undone
    final: bool = False


def _to_go(progress: Progress, language: Language) -> dict[str, str]:
    return {"count": language.forms.number(progress.messages["pending"])}


def _ask_pause(progress: Progress, language: Language) -> str:
    return _("Nothing more leaves until somebody resumes it. Messages to go: %(count)s.") % _to_go(
        progress, language
    )


def _ask_resume(progress: Progress, language: Language) -> str:
    said = _("It leaves again as soon as the hours allow. Messages to go: %(count)s.") % _to_go(
        progress, language
    )
    why = language.say(progress.why)
    return f"{said} {why[:1].upper()}{why[1:]}".strip()


def _ask_cancel(progress: Progress, language: Language) -> str:
    return _("%(count)s messages will never leave. This cannot be undone.") % _to_go(
        progress, language
    )


def _of_doubt(doubt: Doubt, language: Language) -> dict[str, str]:
    price = euros_of({doubt.territory: doubt.segments}, dispatcher.settings.prices)
    return {
        "count": language.forms.number(doubt.messages),
        "price": "" if price is None else f" ({language.forms.euros(price)})",
    }


def _ask_resend(doubt: Doubt, language: Language) -> str:
    return _(
        "If the gateway took it after all, %(count)s people are texted twice and billed"
        " twice%(price)s. The gateway is asked once more first."
    ) % _of_doubt(doubt, language)


def _ask_give_up(doubt: Doubt, language: Language) -> str:
    return _(
        "If the gateway did not take it, %(count)s people never get the text; they stay without"
        " a report."
    ) % _of_doubt(doubt, language)


def _of_rest(after: Progress | None, language: Language) -> str:
    """What may still leave of a campaign that was ended or paused."""
    if after is None or after.state == "running":
        return ""
    said = language.say(in_flight(after))
    return f" {said[:1].upper()}{said[1:]}."


CAMPAIGN_ACTS: Final = {
    act.name: act
    for act in (
        Act(
            "pause",
            gettext_lazy("Pause"),
            "dispatcher.pause_campaign",
            _ask_pause,
            lambda number, reason: dispatcher.pause(number, reason=reason),
            gettext_lazy("The campaign is paused."),
            states=("running",),
        ),
        Act(
            "resume",
            gettext_lazy("Resume"),
            "dispatcher.resume_campaign",
            _ask_resume,
            lambda number, reason: dispatcher.resume(number, reason=reason),
            gettext_lazy("The campaign is running again."),
            states=("paused",),
        ),
        Act(
            "cancel",
            gettext_lazy("Cancel for good"),
            "dispatcher.cancel_campaign",
            _ask_cancel,
            lambda number, reason: dispatcher.cancel(number, reason=reason),
            gettext_lazy("The campaign is cancelled."),
            states=("running", "paused"),
            final=True,
        ),
    )
}
DOUBT_ACTS: Final = {
    act.name: act
    for act in (
        Act(
            "resend",
            gettext_lazy("Send again"),
            "dispatcher.resend_doubt",
            _ask_resend,
            lambda number, reason: dispatcher.resend(number, reason=reason),
            gettext_lazy("The batch will be sent again."),
            final=True,
        ),
        Act(
            "give-up",
            gettext_lazy("Give up"),
            "dispatcher.give_up_doubt",
            _ask_give_up,
            lambda number, reason: dispatcher.give_up(number, reason=reason),
            gettext_lazy("The batch is given up."),
            final=True,
        ),
    )
}


def confirmed(
    request: HttpRequest, act: Act, number: int, found: Progress | Doubt, back: str
) -> HttpResponse:
    """Ask for a reason, and act when a POST gives one; a GET changes nothing."""
    if not may(request, act.permission):
        raise PermissionDenied
    reason = request.POST.get("reason", "").strip()
    wrong = ""
    if request.method == "POST" and not reason:
        wrong = _("Give a reason: it goes on record.")
    elif request.method == "POST":
        try:
            after = act.do(number, reason)
        except StorageError:
            raise
        except DispatcherError as error:
            wrong = sentence(request, error)
        else:
            messages.success(request, f"{act.done}{_of_rest(after, language_of(request))}")
            return redirect(back)
    return show(
        request,
        "confirm",
        f"{act.label} – {found.reference}",
        act=act,
        question=act.question(found, language_of(request)),
        reason=reason,
        wrong=wrong,
        back=back,
    )
