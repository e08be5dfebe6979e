"""What a user may do to a campaign or a batch in doubt, and the question that confirms it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dispatcher.campaigns.progress import Progress
from dispatcher.campaigns.records import Doubt
from dispatcher.campaigns.wording import (
    about_doubt,
    counted,
    in_flight,
    risk_of_giving_up,
    risk_of_resend,
)
from dispatcher.contrib.django import dispatcher


@dataclass(frozen=True, slots=True)
class Action:
    """One action: its name in a URL, its permission and its texts."""

    name: str
    label: str
    permission: str
    #: the question that confirms it, from a Progress or a Doubt
    question: Callable[[Any], str]
    #: does it, with id, reason and user, and returns a sentence about the result
    do: Callable[[int, str, str], str]
    #: the states of a campaign that allow it; empty for a doubt
    states: tuple[str, ...] = ()
    #: whether it cannot be undone
    final: bool = False


def _pause(campaign: int, reason: str, by: str) -> str:
    paused = dispatcher.pause(campaign, reason=reason, by=by)
    return f"Campaign {paused.reference} is {paused.state}; {in_flight(paused)}."


def _resume(campaign: int, reason: str, by: str) -> str:
    resumed = dispatcher.resume(campaign, reason=reason, by=by)
    return f"Campaign {resumed.reference} is {resumed.state}."


def _cancel(campaign: int, reason: str, by: str) -> str:
    cancelled = dispatcher.cancel(campaign, reason=reason, by=by)
    gone = counted(cancelled.messages["cancelled"], "message")
    ended = f"Campaign {cancelled.reference} is {cancelled.state}, {gone} with it"
    return f"{ended}; {in_flight(cancelled)}."


def _resend(batch: int, reason: str, by: str) -> str:
    dispatcher.resend(batch, reason=reason, by=by)
    return f"Batch {batch} will be sent again."


def _give_up(batch: int, reason: str, by: str) -> str:
    dispatcher.give_up(batch, reason=reason, by=by)
    return f"Batch {batch} is given up."


def _to_go(progress: Progress) -> str:
    return counted(progress.messages["pending"], "message")


def _ask_resend(doubt: Doubt) -> str:
    risk = risk_of_resend(doubt, dispatcher.settings.prices)
    return f"{about_doubt(doubt, risk)}. The gateway is asked once more first."


def _ask_give_up(doubt: Doubt) -> str:
    return f"{about_doubt(doubt, risk_of_giving_up(doubt))}; they stay unreported."


CAMPAIGN_ACTIONS = (
    Action(
        "pause",
        "Pause",
        "dispatcher.pause_campaign",
        lambda one: (
            f"Let nothing more of {one.reference} leave until it is resumed ({_to_go(one)} to go)?"
        ),
        _pause,
        states=("running",),
    ),
    Action(
        "resume",
        "Resume",
        "dispatcher.resume_campaign",
        lambda one: f"Let {one.reference} run again ({_to_go(one)} to go)? {one.why}",
        _resume,
        states=("paused",),
    ),
    Action(
        "cancel",
        "Cancel for good",
        "dispatcher.cancel_campaign",
        lambda one: f"End {one.reference} for good? {_to_go(one)} will never leave.",
        _cancel,
        states=("running", "paused"),
        final=True,
    ),
)
DOUBT_ACTIONS = (
    Action("resend", "Send again", "dispatcher.resend_doubt", _ask_resend, _resend, final=True),
    Action("give-up", "Give up", "dispatcher.give_up_doubt", _ask_give_up, _give_up, final=True),
)
