"""Sends of every kind, and taking back what the gateway still holds."""

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
    """Each send is tried once, and never raises for what happens on the way.

    The reply says what is known: repeating a send whose reply is ``Lost`` may text people twice.
    Raises InvalidRequest or InvalidPhone, before anything leaves, for what cannot be asked.
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

        A success names nothing, and counts only when the gateway, asked again, says that the
        message was cancelled before. Raises GatewayError: a plain one says that nobody knows, and
        asking again tells.
        """
        first = self._cancel(message_id)
        if first is not Cancellation.DONE:
            return first
        again = self._cancel(message_id)
        if again is Cancellation.DONE:
            raise NotAnAnswer("the gateway says again and again that it cancels the same message")
        return first if again is Cancellation.ALREADY else again

    def _cancel(self, message_id: str) -> Cancellation:
        answer = self._transport.get("/message-cancel", {"messageId": message_id})
        parse = self._transport.parser("/message-cancel")
        return read_cancellation(answer.status, answer.body, parse)
