"""Sends of every kind, and the cancellation of scheduled ones."""

from __future__ import annotations

from collections.abc import Sequence

from dispatcher.errors import NotAnAnswer
from dispatcher.gateway.answers import OutgoingMessage, SendReply, SingleReply
from dispatcher.gateway.send_options import SendOptions
from dispatcher.gateway.smspartner.transport import Transport
from dispatcher.gateway.smspartner.wire import requests, sending
from dispatcher.gateway.smspartner.wire.cancellations import Cancellation, read_cancellation

_NONE = SendOptions()


class Sends:
    """Tries each send once. The reply says what is known; no failed call raises an error.

    To repeat a send whose reply is ``Lost`` may text people twice. Raises InvalidRequest or
    InvalidPhone, before anything is sent, for a request that the gateway would refuse.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def one_text(
        self, phones: Sequence[str], text: str, options: SendOptions = _NONE
    ) -> SingleReply:
        """Send one text to 1 to 500 numbers (``/send``)."""
        body = requests.send_body(phones, text, options, self._transport.base("/send"))
        return self._transport.send("/send", body, sending.read_single)

    def many_texts(
        self, lines: Sequence[OutgoingMessage], options: SendOptions = _NONE
    ) -> SendReply:
        """Send each of 1 to 500 numbers its own text (``/bulk-send``)."""
        body = requests.lines_body(lines, options, self._transport.base("/bulk-send"))
        return self._transport.send("/bulk-send", body, sending.read_send)

    def from_number(
        self, sender: str, phone: str, text: str, options: SendOptions = _NONE
    ) -> SingleReply:
        """Send one text from a long number of the account, which can be answered (``/vn/send``)."""
        base = self._transport.base("/vn/send")
        body = requests.virtual_body(phone, text, sender, options, base)
        return self._transport.send("/vn/send", body, sending.read_single)

    def survey(
        self, phones: Sequence[str], survey: str, options: SendOptions = _NONE
    ) -> SingleReply:
        """Send a survey of the gateway's dashboard to 1 to 500 numbers (``/sondage/to/send``)."""
        base = self._transport.base("/sondage/to/send")
        body = requests.survey_body(phones, survey, options, base)
        return self._transport.send("/sondage/to/send", body, sending.read_single)

    def cancel(self, message_id: str) -> Cancellation:
        """Cancel a scheduled message for all of its numbers, up to five minutes before it leaves.

        A success names no message: it counts only if a second call answers that the message is
        cancelled already. Raises GatewayError; after a plain one nobody knows, and a later call
        tells.
        """
        first = self._cancel(message_id)
        if first is not Cancellation.DONE:
            return first
        again = self._cancel(message_id)
        if again is Cancellation.DONE:
            raise NotAnAnswer("the gateway cancelled the same message twice")
        return first if again is Cancellation.ALREADY else again

    def _cancel(self, message_id: str) -> Cancellation:
        return self._transport.get("/message-cancel", {"messageId": message_id}).read(
            read_cancellation
        )
