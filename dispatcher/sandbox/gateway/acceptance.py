"""Which lines of a send are accepted, and what they cost.

Sends are not deduplicated: a repeated one gets another id, is debited and texts everybody again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.gateway.corruption import error
from dispatcher.sandbox.gateway.messages import Message, reported_at, says_stop
from dispatcher.sandbox.gateway.numbers import e164
from dispatcher.sandbox.gateway.rendering import MOST_SEGMENTS, leaving
from dispatcher.sandbox.gateway.send_options import ReceivedOptions
from dispatcher.sandbox.gateway.state import MEANINGS, Refused, State

#: numbers in one request
MOST_NUMBERS: Final = 500


@dataclass(slots=True)
class Checked:
    """The lines of a request: the accepted ones, the answers to all, the refusals of them."""

    taken: list[tuple[str, str, int]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    units: int = 0


def check(
    state: State, options: ReceivedOptions, pairs: Sequence[tuple[object, object]]
) -> Checked:
    """Check each pair of number and text. Raises Refused for too many."""
    if len(pairs) > MOST_NUMBERS:
        raise Refused(50)
    checked, behaviour = Checked(), state.behaviour
    stopped = state.account.stopped
    affordable: float = float("inf")
    if behaviour.credit_runs_out == "mid_batch" and behaviour.price and not options.sandbox:
        affordable = int(state.account.credit / behaviour.price)
    seen: set[str] = set()
    costs = [euros(state, units) for units in range(MOST_SEGMENTS + 1)]
    take, answer = checked.taken.append, checked.answers.append
    for raw, text in pairs:
        phone, units, final = e164(raw), 0, ""
        if phone is None:
            code = 9
        elif phone in seen:
            code = 15
        elif phone in stopped:
            code = 14
        elif behaviour.no_price and phone.startswith(behaviour.no_price):
            code = 13
        elif not text or not isinstance(text, str):
            code = 43
        else:
            final, units = leaving(text, options.unicode, options.stop_mention)
            code = 52 if units > MOST_SEGMENTS else 11 if checked.units + units > affordable else 0
        if code or phone is None:
            line = _refused_line(code, phone or raw, behaviour)
            checked.refused.append(line)
            answer(line)
            continue
        seen.add(phone)
        checked.units += units
        take((phone, final, units))
        answer(
            {
                "success": True,
                "code": 200,
                "nbSms": units,
                "cost": costs[units],
                "phoneNumber": phone,
            }
        )
    return checked


def _refused_line(code: int, phone: object, behaviour: Behaviour) -> dict[str, Any]:
    # the code 9 of a line was captured as text; no other code was
    shown: int | str = "9" if code == 9 and behaviour.line_code == "text" else code
    return {"success": False, "code": shown, "message": MEANINGS[code], "phoneNumber": phone}


def take(
    state: State, options: ReceivedOptions, checked: Checked, *, path: str, request: int
) -> Message:
    """Debit and store the accepted messages, and write the ledger. Raises Refused for none."""
    if not checked.taken and any(line["code"] == 11 for line in checked.refused):
        raise no_credit(state)
    if not checked.taken:
        # captured with the sentence of code 13
        raise Refused(55, MEANINGS[13], errors=checked.refused)
    price = state.behaviour.price * checked.units
    if not options.sandbox:
        if price > state.account.credit:
            raise no_credit(state)
        state.account.debit(price)
    now = state.clock()
    message = Message(
        id=state.messages.next_id(),
        tag=options.tag,
        accepted_at=now,
        leaves_at=max(options.leaves_at, now),
        phones=tuple(phone for phone, _, _ in checked.taken),
        units=checked.units,
        segments=tuple(units for _, _, units in checked.taken),
        scheduled=options.scheduled,
        sandbox=options.sandbox,
        price=price,
        reports_to=options.reports_to,
        replies_to=options.replies_to,
    )
    state.messages.add(message)
    if not options.sandbox:
        _expect_replies(state, message)
        state.ledger.accepted(
            checked.taken,
            request=request,
            at=now,
            path=path,
            sender=options.sender,
            tag=options.tag,
            message_id=message.id,
            leaves_at=message.leaves_at if message.leaves_at > now else None,
        )
    state.webhook_queue.expect(message, state.behaviour)
    return message


def _expect_replies(state: State, message: Message) -> None:
    if not state.behaviour.share_stop and not state.behaviour.answers_stop:
        return
    for phone in message.phones:
        if says_stop(phone, state.behaviour):
            at = reported_at(message, phone, state.behaviour)
            state.account.expect_stop(phone, at=at)


def no_credit(state: State) -> Refused:
    """The refusal for too little credit, in the shape that the switches choose."""
    if state.behaviour.no_credit_shape == "message":
        return Refused(11)
    refused = Refused(11)
    refused.body = error(11, "D")
    return refused


def euros(state: State, units: int) -> float:
    """The cost of so many segments in euros, rounded as in answers."""
    return round(float(state.behaviour.price * units), 3)
