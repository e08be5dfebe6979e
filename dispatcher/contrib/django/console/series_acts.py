"""What a person may do to a series, after giving a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatcher.campaigns.series import Series
from dispatcher.campaigns.states import SeriesState
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.page import may
from dispatcher.language import Language

_ALIVE: Final = (SeriesState.RUNNING, SeriesState.PAUSED)


@dataclass(frozen=True, slots=True)
class SeriesAct:
    """One action: who may do it (one of the permissions is enough), its words, and what it does."""

    name: str
    label: Any
    permissions: tuple[str, ...]
    states: tuple[SeriesState, ...]
    question: Callable[[Series, Language, datetime], str]
    #: with the id, the start of the occurrence that the question was about, and the reason
    do: Callable[[int, datetime | None, str], Any]
    done: Any
    final: bool = False
    #: whether it is done to a series that is approved alone
    of_approved: bool = False

    def fits(self, series: Series) -> bool:
        """Whether the series is in a state for it."""
        return series.state in self.states and (not self.of_approved or bool(series.approval))

    def is_for(self, request: HttpRequest) -> bool:
        """Whether who is signed in may do it."""
        return any(may(request, one) for one in self.permissions)


def _next(series: Series, language: Language, now: datetime) -> dict[str, str]:
    at = series.next_at
    return {"at": "" if at is None else language.forms.moment(at, now)}


def _ask_pause(series: Series, language: Language, now: datetime) -> str:
    return _(
        "No campaign is made until somebody resumes it: what would begin meanwhile is skipped. The"
        " next one would begin on %(at)s. Campaigns that were made go on."
    ) % _next(series, language, now)


def _ask_resume(series: Series, language: Language, now: datetime) -> str:
    return _("The next campaign begins on %(at)s.") % _next(series, language, now)


def _ask_skip(series: Series, language: Language, now: datetime) -> str:
    return _(
        "There will be no campaign on %(at)s. Those behind it come as before. This cannot be"
        " undone."
    ) % _next(series, language, now)


def _ask_approval(_series: Series, _language: Language, _now: datetime) -> str:
    return _("Each campaign of it waits for an approval of its own again.")


def _ask_end(_series: Series, _language: Language, _now: datetime) -> str:
    return _("No campaign is made any more. Campaigns that were made go on. This cannot be undone.")


SERIES_ACTS: Final = {
    act.name: act
    for act in (
        SeriesAct(
            "skip",
            gettext_lazy("Skip the next one"),
            (roles.WRITE, "dispatcher.cancel_campaign"),
            _ALIVE,
            _ask_skip,
            lambda number, at, reason: dispatcher.series.skip(number, at=at, reason=reason),
            gettext_lazy("That occurrence is skipped."),
        ),
        SeriesAct(
            "pause",
            gettext_lazy("Pause"),
            (roles.WRITE, "dispatcher.pause_campaign"),
            (SeriesState.RUNNING,),
            _ask_pause,
            lambda number, _at, reason: dispatcher.series.pause(number, reason=reason),
            gettext_lazy("The series is paused."),
        ),
        SeriesAct(
            "resume",
            gettext_lazy("Resume"),
            (roles.WRITE, "dispatcher.resume_campaign"),
            (SeriesState.PAUSED,),
            _ask_resume,
            lambda number, _at, reason: dispatcher.series.resume(number, reason=reason),
            gettext_lazy("The series is running again."),
        ),
        SeriesAct(
            "end-approval",
            gettext_lazy("End its approval"),
            (roles.APPROVE, roles.WRITE, "dispatcher.pause_campaign"),
            _ALIVE,
            _ask_approval,
            lambda number, _at, reason: dispatcher.series.end_approval(number, reason=reason),
            gettext_lazy("The series is not approved any more."),
            of_approved=True,
        ),
        SeriesAct(
            "end",
            gettext_lazy("End for good"),
            (roles.WRITE, "dispatcher.cancel_campaign"),
            _ALIVE,
            _ask_end,
            lambda number, _at, reason: dispatcher.series.end(number, reason=reason),
            gettext_lazy("The series has ended."),
            final=True,
        ),
    )
}
