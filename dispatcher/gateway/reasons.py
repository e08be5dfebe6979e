"""Why a message is in its state, in words for people."""

from __future__ import annotations

from typing import Final

from dispatcher.campaigns.caps import WEEKLY_CODE
from dispatcher.campaigns.results import IN_DOUBT
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.campaigns.unreachable import UNREACHABLE_CODE
from dispatcher.gateway.codes import BLOCKED, CLOSED, REFUSED
from dispatcher.masking import masked

#: what a code means; a code that no page of the gateway lists is shown as it is
_CODES: Final = {**BLOCKED, **CLOSED, **REFUSED}
_CODES[WEEKLY_CODE] = "it had as many messages as a week allows"
_CODES[UNREACHABLE_CODE] = "unreachable: its last messages were not delivered"
#: what a whole call was refused for may be that of one number in a call for one
_ONE: Final = {
    13: "there is no price for this number",
    14: "the number is on the gateway's STOP list",
    15: "the number is listed twice",
    55: "the number cannot be texted",
}
_REASONS: Final = {
    MessageState.SENT: "no delivery report yet",
    MessageState.DELIVERED: "",
    MessageState.UNDELIVERED: "the network could not deliver it",
    MessageState.UNREPORTED: "no delivery report came in time",
    MessageState.OPTED_OUT: "the person has opted out",
    MessageState.WITHDRAWN: "the consent was withdrawn",
    MessageState.LEFT_OUT: "left out because of another campaign",
    MessageState.EXPIRED: "it could not leave by the end of its campaign",
    MessageState.CANCELLED: "cancelled before it left",
}


def reason_of(
    state: str, batch_state: str, why: str, code: int | None, because_of: str = ""
) -> str:
    """The reason of one message; ``why`` is that of its batch, ``code`` that of a rejection.

    ``because_of`` is the reference of the campaign that leaves it out.
    """
    if state == IN_DOUBT:
        return masked(f"it may have left or not: {why}" if why else "it may have left or not")
    found = MessageState(state)
    if found is MessageState.REJECTED:
        return said(code) if code else masked(why) or "the gateway refused it"
    if found is MessageState.PENDING:
        if batch_state == BatchState.HANDED_OVER:
            return "the gateway holds it until its hour"
        return masked(f"it waits: {why}" if why else "it has not left yet")
    if found is MessageState.LEFT_OUT and because_of:
        return masked(f"left out because of campaign {because_of}")
    if found is MessageState.UNREPORTED and batch_state == BatchState.FAILED:
        return "a person gave up the doubt whether it left"
    return _REASONS[found]


def said(code: int) -> str:
    """What a code of a rejection means."""
    return _ONE.get(code) or _CODES.get(code) or f"the gateway refused it with code {code}"
