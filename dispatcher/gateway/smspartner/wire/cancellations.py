"""The answer to a cancellation. Its codes have the meanings of its own page."""

from __future__ import annotations

from dispatcher.campaigns.hand_over import Cancellation
from dispatcher.errors import GatewayRefused
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.wire.answer import Parse, done

__all__ = ["Cancellation", "read_cancellation"]

#: by the call's own page; the gateway's general table of codes gives 5 and 6 other meanings
_ANSWERS = {
    4: Cancellation.UNKNOWN,
    5: Cancellation.ALREADY,
    6: Cancellation.TOO_LATE,
    7: Cancellation.LEFT,
}


def read_cancellation(status: int, body: bytes, parse: Parse = fields.json_object) -> Cancellation:
    """The answer of ``GET /message-cancel``.

    A success names nothing: only asking again proves it (``ALREADY``).
    Raises GatewayRefused for a refusal that is not about the message, GatewayError for an
    answer that nobody understands: then the message may have been cancelled or not, and asking
    again tells (``ALREADY``).
    """
    try:
        done(status, body, parse)
    except GatewayRefused as refused:
        if (answer := _ANSWERS.get(refused.code)) is None:
            raise
        return answer
    return Cancellation.DONE
