"""Replies of recipients to the short code of a message, or to a long number."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from dispatcher.sandbox.gateway.numbers import e164
from dispatcher.sandbox.gateway.send_options import PARIS
from dispatcher.sandbox.gateway.state import State
from dispatcher.sandbox.gateway.webhook_queue import OutgoingCall, stop_fields

#: the most characters of a reply in one call, and of each part of a longer one
_ALONE, _JOINED = 160, 153
_NO_ADDRESS = (
    "no address to post the reply to: no message to this number, or not the one that is named, has"
    " one (urlResponse); give url, or set the switch account_replies_to"
)


def reply(
    state: State,
    phone: str,
    text: str,
    *,
    to: str = "",
    message_id: int | None = None,
    url: str = "",
) -> None:
    """Let a recipient reply now, to the short code or ``to`` a long number.

    A reply to the short code answers ``message_id``; without it, the latest message to this number
    that names an address for replies. The call is posted to ``url``, else to the address of the
    message, else to that of the account. STOP to the short code puts the number on the STOP list.
    Raises ValueError for an invalid number, or if there is no address.
    """
    number, now = e164(phone), state.clock()
    if number is None:
        raise ValueError("no number to answer from")
    if message_id is not None:
        message = state.messages.find(message_id, now=now)
    else:
        message = None if to else state.messages.to_answer(number, now=now)
        message_id = None if message is None else message.id
    url = url or (message.replies_to if message else "") or state.behaviour.account_replies_to
    if not url:
        raise ValueError(_NO_ADDRESS)
    copies = state.behaviour.webhook_copies
    if to:
        at = datetime.fromtimestamp(now, PARIS).strftime("%Y-%m-%d %H:%M:%S")
        reference = random.Random(f"{phone}{text}{now}").randrange(2**32)  # noqa: S311
        for fields in long_replies(number, to, text, reference=reference, at=at):
            state.webhook_queue.add(OutgoingCall("reply", url, fields), at=now, copies=copies)
        return
    fields = {"type": "response", "phone_number": number, "text": text, "message_id": message_id}
    if text.strip().upper() == "STOP":
        state.account.add_stop(number, at=now)
        state.webhook_queue.add(
            OutgoingCall("stop", url, stop_fields(number, text, message_id)), at=now, copies=copies
        )
    else:
        state.webhook_queue.add(OutgoingCall("reply", url, fields), at=now, copies=copies)


def long_replies(
    phone: str, to: str, text: str, *, reference: int, at: str
) -> list[dict[str, Any]]:
    """The fields of a reply to a long number, for each of its calls: one call a part."""
    pieces = [text]
    if len(text) > _ALONE:
        pieces = [text[start : start + _JOINED] for start in range(0, len(text), _JOINED)]
    calls = []
    for number, piece in enumerate(pieces, 1):
        words = text.split()
        fields = {
            "msisdn": phone.removeprefix("+"),
            "to": to.removeprefix("+"),
            "messageId": f"{reference:08x}{number:08x}",
            "text": piece,
            "type": "text",
            "keyword": words[0].upper() if words else "",
            "message-timestamp": at,
        }
        if len(pieces) > 1:
            fields |= {
                "concat": "true",
                "concat-ref": str(reference % 256),
                "concat-total": str(len(pieces)),
                "concat-part": str(number),
            }
        calls.append(fields)
    return calls
