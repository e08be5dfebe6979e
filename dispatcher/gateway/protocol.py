"""The gateway as the steps of ``dispatch`` use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from dispatcher.campaigns.hand_over import Cancellation
from dispatcher.gateway.answers import Account, Report, SendReply, SingleReply, StatusPage
from dispatcher.gateway.send_options import SendOptions
from dispatcher.recipients.number_checks import HlrOrder, NumberCheck

#: a reason that it gives keeps a request back; it is asked right before the first byte
Unless = Callable[[], str] | None


class Gateway(Protocol):
    """The gateway as the steps of ``dispatch`` see it. Each call is tried once.

    Lookups raise GatewayError when they bring no information.
    """

    def connect(self) -> None:
        """Open the connection of this thread. Raises GatewayError; nothing is sent."""

    def request(self, phones: Sequence[str], texts: Sequence[str], options: SendOptions) -> bytes:
        """The bytes of a bulk send: to each phone (E.164) its text as it goes on the wire."""

    def bulk_send(self, request: bytes, *, unless: Unless = None) -> SendReply:
        """Send what ``request`` made. Never raises.

        ``unless`` is asked when the connection stands; if it gives a reason, nothing is sent and
        the reply is ``Unsent``.
        """

    def single_request(self, phones: Sequence[str], text: str, options: SendOptions) -> bytes:
        """The bytes of a send of one text, as it goes on the wire, to many numbers (E.164)."""

    def single_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        """Send what ``single_request`` made, as ``bulk_send`` does. Never raises."""

    def number_request(self, phone: str, text: str, number: str, options: SendOptions) -> bytes:
        """The bytes of a send to one person (E.164) from a long ``number`` of ours."""

    def number_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        """Send what ``number_request`` made, as ``bulk_send`` does. Never raises."""

    def survey_request(self, phone: str, survey: str, options: SendOptions) -> bytes:
        """The bytes of a send of a survey of the gateway's dashboard to one person (E.164)."""

    def survey_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        """Send what ``survey_request`` made, as ``bulk_send`` does. Never raises."""

    def cancel(self, message_id: str) -> Cancellation:
        """Cancel what the gateway holds; DONE once the gateway, asked again, says so.

        Raises GatewayError when nobody knows: ask again later.
        """

    def multi_status(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Report]:
        """Reports by (phone, message id), for at most 500 pairs; unknown pairs are absent."""

    def status_by_tag(self, tag: str) -> StatusPage:
        """What the gateway shows under ``tag``."""

    def stop_list(self) -> Sequence[str]:
        """The numbers (E.164) that the gateway has on its STOP list."""

    def add_stop(self, phone: str) -> bool:
        """Put a number (E.164) on the gateway's STOP list; False if it was. Raises GatewayError."""

    def delete_stop(self, phone: str) -> bool:
        """Take a number (E.164) off the STOP list; False if it is not on it, or GatewayError."""

    def account(self) -> Account:
        """The account behind the key."""

    def lookup(self, phones: Sequence[str]) -> Sequence[NumberCheck]:
        """What the gateway makes of at most 500 numbers (E.164), each once; free of charge."""

    def order_checks(self, phones: Sequence[str], *, results_to: str, tag: str) -> HlrOrder:
        """Have the networks asked, for a price; a plain GatewayError may have cost it, too."""
