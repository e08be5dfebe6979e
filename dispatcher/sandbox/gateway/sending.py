"""/send and /bulk-send: what is taken, line by line, what it costs, and the answer to it.

A send taken twice is taken twice: two ids, two debits, two texts on each phone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from dispatcher.sandbox.gateway.messages import Message, reported_at, says_stop
from dispatcher.sandbox.gateway.numbers import e164
from dispatcher.sandbox.gateway.orders import PARIS, Order, read_order
from dispatcher.sandbox.gateway.state import MEANINGS, Refused, State
from dispatcher.sandbox.gateway.wording import MOST_PARTS, leaving

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: numbers in one request
MOST_NUMBERS: Final = 500


def send(state: State, body: Mapping[str, Any], *, request: int) -> dict[str, Any]:
    """One text to up to 500 numbers; raises ``Refused``."""
    raw, text = body.get("phoneNumbers"), body.get("message")
    if not raw or not isinstance(raw, str):
        raise Refused(2)
    if not text or not isinstance(text, str):
        raise Refused(43)
    numbers = [number.strip() for number in raw.split(",") if number.strip()]
    order = read_order(body, state.switches, now=state.clock())
    if leaving(text, order.unicode, order.stop_mention)[1] > MOST_PARTS:
        raise Refused(52)
    judged = _judge(state, order, [(number, text) for number in numbers])
    message = _take(state, order, judged, path="/v1/send", request=request)
    answer = _success(state, message) | {
        "nb_sms": judged.units,
        "cost": _euros(state, judged.units),
        "currency": "EUR",
    }
    if message.scheduled:
        leaves = datetime.fromtimestamp(message.leaves_at, PARIS)
        answer["scheduledDeliveryDate"] = leaves.strftime("%Y-%m-%d %H:%M:%S")
    if judged.refused:
        answer[state.switches.error_key] = judged.refused
    return answer


def bulk_send(state: State, body: Mapping[str, Any], *, request: int) -> dict[str, Any]:
    """Up to 500 numbers with a text each; raises ``Refused``."""
    listed = body.get("SMSList")
    if not isinstance(listed, list):
        raise Refused(2)
    order = read_order(body, state.switches, now=state.clock())
    judged = _judge(state, order, _pairs(listed))
    message = _take(state, order, judged, path="/v1/bulk-send", request=request)
    omitted = state.switches.failed_lines == "omitted"
    lines = [line for line in judged.answers if line["success"]] if omitted else judged.answers
    if state.switches.reorder_lines:
        random.Random(message.id).shuffle(lines)  # noqa: S311 - the same order in every run
    return _success(state, message) | {
        "currency": "EUR",
        "cost": _euros(state, judged.units),
        "nbSMS": judged.units,
        "SMSResponse_List": lines,
    }


def _pairs(listed: list[Any]) -> list[tuple[object, object]]:
    try:
        return [(line["phoneNumber"], line["message"]) for line in listed]
    except (KeyError, TypeError):
        lines = [line if isinstance(line, dict) else {} for line in listed]
        return [(line.get("phoneNumber"), line.get("message")) for line in lines]


@dataclass(slots=True)
class _Judged:
    """The lines of a request: those taken, the answers to all, the refusals among them."""

    taken: list[tuple[str, str, int]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    units: int = 0


def _judge(state: State, order: Order, pairs: Sequence[tuple[object, object]]) -> _Judged:
    if len(pairs) > MOST_NUMBERS:
        raise Refused(50)
    judged, switches = _Judged(), state.switches
    stopped = state.account.stopped
    affordable: float = float("inf")
    if switches.credit_runs_out == "mid_batch" and switches.price and not order.sandbox:
        affordable = int(state.account.credit / switches.price)
    seen: set[str] = set()
    costs = [_euros(state, units) for units in range(MOST_PARTS + 1)]
    take, answer = judged.taken.append, judged.answers.append
    for raw, text in pairs:
        phone, units, final = e164(raw), 0, ""
        if phone is None:
            code = 9
        elif phone in seen:
            code = 15
        elif phone in stopped:
            code = 14
        elif switches.no_price and phone.startswith(switches.no_price):
            code = 13
        elif not text or not isinstance(text, str):
            code = 43
        else:
            final, units = leaving(text, order.unicode, order.stop_mention)
            code = 52 if units > MOST_PARTS else 11 if judged.units + units > affordable else 0
        if code or phone is None:
            line = _refused_line(code, phone or raw)
            judged.refused.append(line)
            answer(line)
            continue
        seen.add(phone)
        judged.units += units
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
    return judged


def _refused_line(code: int, phone: object) -> dict[str, Any]:
    # a line's code 9 was captured as text, the others are not known to be
    shown: int | str = "9" if code == 9 else code
    return {"success": False, "code": shown, "message": MEANINGS[code], "phoneNumber": phone}


def _take(state: State, order: Order, judged: _Judged, *, path: str, request: int) -> Message:
    """Debit, keep and write down what was judged good."""
    if not judged.taken and any(line["code"] == 11 for line in judged.refused):
        raise _no_credit(state)
    if not judged.taken:
        # captured with the sentence of code 13
        raise Refused(55, MEANINGS[13], errors=judged.refused)
    price = state.switches.price * judged.units
    if not order.sandbox:
        if price > state.account.credit:
            raise _no_credit(state)
        state.account.debit(price)
    now = state.clock()
    message = Message(
        id=state.messages.next_id(),
        tag=order.tag,
        accepted_at=now,
        leaves_at=max(order.leaves_at, now),
        phones=tuple(phone for phone, _, _ in judged.taken),
        units=judged.units,
        scheduled=order.scheduled,
        sandbox=order.sandbox,
    )
    state.messages.add(message)
    if not order.sandbox:
        _expect_replies(state, message)
        state.ledger.accepted(
            judged.taken,
            request=request,
            at=now,
            path=path,
            sender=order.sender,
            tag=order.tag,
            message_id=message.id,
        )
    return message


def _expect_replies(state: State, message: Message) -> None:
    if not state.switches.share_stop and not state.switches.answers_stop:
        return
    for phone in message.phones:
        if says_stop(phone, state.switches):
            at = reported_at(message, phone, state.switches)
            state.account.expect_stop(phone, at=at)


def _no_credit(state: State) -> Refused:
    if state.switches.no_credit_shape == "message":
        return Refused(11)
    counters = {"creditSms": 0, "creditSmsLowCost": 0, "toSend": 0, "solde": 0}
    refused = Refused(11)
    refused.body = {
        "success": False,
        "code": 11,
        "error": {"message": MEANINGS[11]},
        "credits": counters,
    }
    return refused


def _success(state: State, message: Message) -> dict[str, Any]:
    quoted = state.switches.message_id_type == "str"
    shown: int | str = str(message.id) if quoted else message.id
    return {"success": True, "code": 200, "message_id": shown}


def _euros(state: State, units: int) -> float:
    return round(float(state.switches.price * units), 3)
