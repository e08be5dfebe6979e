"""SMS Partner, typed: what dispatch needs of it, and every other call in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dispatcher.campaigns.hand_over import Cancellation
from dispatcher.errors import GatewayError
from dispatcher.gateway.answers import Account, Report, SendReply, SingleReply, StatusPage
from dispatcher.gateway.protocol import Unless
from dispatcher.gateway.send_options import SendOptions
from dispatcher.gateway.smspartner.calls.accounts import Money
from dispatcher.gateway.smspartner.calls.checks import Checks
from dispatcher.gateway.smspartner.calls.sends import Sends
from dispatcher.gateway.smspartner.calls.statuses import Statuses
from dispatcher.gateway.smspartner.calls.stops import Stops
from dispatcher.gateway.smspartner.transport import Format, Transport
from dispatcher.gateway.smspartner.wire import requests, sending
from dispatcher.gateway.smspartner.wire.options import checked_fields, fields_of
from dispatcher.recipients.number_checks import HlrOrder, NumberCheck


class SmsPartner:
    """The gateway, for any number of threads and processes; each thread has its connection.

    Each call is tried once, within ``call_timeout`` seconds in all. ``answers="xml"`` asks for
    XML wherever its shape is documented; the values are the same. ``options`` are added to each
    request of the protocol but surveys: the addresses to which the gateway posts. Raises
    InvalidRequest for ``options`` that the gateway refuses.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        call_timeout: float = 30,
        connect_timeout: float = 5,
        answers: Format = "json",
        options: SendOptions | None = None,
        transport: Transport | None = None,
    ) -> None:
        """``transport`` carries the calls in the place of HTTP."""
        self._transport = transport or Transport(
            url, key, call_timeout=call_timeout, connect_timeout=connect_timeout, answers=answers
        )
        self._always = {} if options is None else checked_fields(options)
        self.sends = Sends(self._transport)
        self.statuses = Statuses(self._transport)
        self.stops = Stops(self._transport)
        self.checks = Checks(self._transport)
        self.money = Money(self._transport)

    def __repr__(self) -> str:
        return f"SmsPartner({self._transport.url!r})"

    # -- the protocol ``dispatcher.gateway.Gateway``

    def connect(self) -> None:
        """Open this thread's connection. Raises GatewayError; nothing is sent."""
        self._transport.connect()

    def request(self, phones: Sequence[str], texts: Sequence[str], options: SendOptions) -> bytes:
        """The bytes of a bulk send; the caller has checked what it sends."""
        more = self._base("/bulk-send") | fields_of(options)
        return requests.bulk_body(phones, texts, more)

    def bulk_send(self, request: bytes, *, unless: Unless = None) -> SendReply:
        """Send what ``request`` made, once, unless there is a reason not to. Never raises."""
        return self._transport.send("/bulk-send", request, sending.read_send, unless=unless)

    def single_request(self, phones: Sequence[str], text: str, options: SendOptions) -> bytes:
        """The bytes of a send of one text to many numbers."""
        return requests.send_body(phones, text, options, self._base("/send"))

    def single_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        """Send what ``single_request`` made, once, as ``bulk_send`` does. Never raises."""
        return self._transport.send("/send", request, sending.read_single, unless=unless)

    def number_request(self, phone: str, text: str, number: str, options: SendOptions) -> bytes:
        """The bytes of a send from a long number to one person."""
        return requests.virtual_body(phone, text, number, options, self._base("/vn/send"))

    def number_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        """Send what ``number_request`` made, once, as ``bulk_send`` does. Never raises."""
        return self._transport.send("/vn/send", request, sending.read_single, unless=unless)

    def survey_request(self, phone: str, survey: str, options: SendOptions) -> bytes:
        """The bytes of a send of a survey to one person.

        The gateway's table of this call has no addresses to post reports to: the account's count.
        """
        base = self._transport.base("/sondage/to/send")
        return requests.survey_body([phone], survey, options, base)

    def survey_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        """Send what ``survey_request`` made, once, as ``bulk_send`` does. Never raises."""
        path = "/sondage/to/send"
        return self._transport.send(path, request, sending.read_single, unless=unless)

    def _base(self, path: str) -> dict[str, object]:
        return self._transport.base(path) | self._always

    def cancel(self, message_id: str) -> Cancellation:
        """Cancel what the gateway holds. Raises GatewayError when nobody knows."""
        return self.sends.cancel(message_id)

    def multi_status(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Report]:
        """Reports by (phone, message id). Raises GatewayError when nothing was learnt."""
        return self.statuses.by_pair(pairs)

    def status_by_tag(self, tag: str) -> StatusPage:
        """Everything that the gateway shows under ``tag``. Raises GatewayError."""
        return self.statuses.of_tag(tag)

    def stop_list(self) -> Sequence[str]:
        """The numbers on the gateway's STOP list. Raises GatewayError when nothing was learnt."""
        return [stop.phone for stop in self.stops.listed().entries]

    def add_stop(self, phone: str) -> bool:
        """Put a number on the STOP list; False when it is there already. Raises GatewayError."""
        return self.stops.add(phone) is not None

    def delete_stop(self, phone: str) -> bool:
        """Take a number off the STOP list; False when it is not on it. Raises GatewayError."""
        ids = [stop.id for stop in self.stops.listed().entries if stop.phone == phone]
        deleted = [self.stops.delete(stop_id) for stop_id in ids if stop_id is not None]
        if len(deleted) < len(ids):
            raise GatewayError("the gateway's STOP list gives no id for this number")
        return any(deleted)

    def account(self) -> Account:
        """The account behind the key. Raises GatewayError with the gateway's reason."""
        credit = self.money.credit()
        return Account(balance=credit.balance, at=credit.at)

    def lookup(self, phones: Sequence[str]) -> Sequence[NumberCheck]:
        """What the gateway makes of at most 500 numbers, free of charge. Raises GatewayError."""
        return self.checks.lookup(phones)

    def order_checks(self, phones: Sequence[str], *, results_to: str, tag: str) -> HlrOrder:
        """Have the networks asked about at most 500 numbers, for a price. Raises GatewayError."""
        return self.checks.order_hlr(phones, results_to=results_to, tag=tag)
