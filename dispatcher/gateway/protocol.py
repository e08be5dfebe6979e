"""What the gateway is asked and what it answers, as plain values.

Three kinds of reply to a send, sorted by what is known: it was never asked (``Unsent``), it
answered (``Taken`` or ``Declined``), or nobody knows (``Lost``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from dispatcher.campaigns.cancellation import Cancellation
from dispatcher.campaigns.states import MessageState
from dispatcher.recipients.number_checks import HlrOrder, NumberCheck


class Line(NamedTuple):
    """One message of a request. ``phone`` is E.164, ``text`` is as it goes on the wire.

    A tuple, as ``LineAnswer`` is: each batch has 500 of both.
    """

    phone: str
    text: str

    def __repr__(self) -> str:
        return "Line()"


class LineAnswer(NamedTuple):
    """The gateway's word on one line. ``accepted`` is None when it cannot be read."""

    phone: str | None
    accepted: bool | None
    code: int | None = None
    segments: int = 0
    cost: Decimal = Decimal(0)

    def __repr__(self) -> str:
        return f"LineAnswer(accepted={self.accepted}, code={self.code})"


@dataclass(frozen=True, slots=True)
class Unsent:
    """Not one byte of the request left: nothing was sent, for certain."""

    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A well-formed success: the gateway says that it took the batch.

    ``leaves_at`` (UTC) is what it says of a schedule, if it says anything.
    """

    message_id: str
    lines: Sequence[LineAnswer]
    leaves_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A well-formed success that speaks of the request as a whole and not of its lines.

    The answer to one text for many numbers. ``partial`` when it names refusals beside its
    success: ``refused`` are those, as far as they can be read, and only a status call tells
    which other numbers were left out.
    """

    message_id: str
    segments: int = 0
    cost: Decimal = Decimal(0)
    currency: str = ""
    leaves_at: datetime | None = None
    refused: Sequence[LineAnswer] = ()
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Declined:
    """A well-formed refusal with the gateway's ``code``."""

    code: int


@dataclass(frozen=True, slots=True)
class Throttled:
    """The gateway asks to wait, ``retry_after`` seconds if it says how long."""

    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """Bytes left and no answer came that proves anything.

    ``excerpt`` is the beginning of what came, without a digit of it: for a person to judge by.
    """

    reason: str
    excerpt: str = field(default="", compare=False)


#: to a request with a line for each number
Reply = Unsent | Taken | Declined | Throttled | Lost
#: to a request with one text for all its numbers
SingleReply = Unsent | Accepted | Declined | Throttled | Lost


class Report(NamedTuple):
    """A delivery report. ``state`` is SENT while the network has not decided.

    ``stop`` says that the recipient answered STOP. A tuple, as a line's answer is one.
    """

    phone: str
    state: MessageState
    at: datetime | None = None
    stop: bool = False

    def __repr__(self) -> str:
        return f"Report(state={self.state!r}, at={self.at!r}, stop={self.stop})"


#: how much a report says; a report that says less never replaces one that says more
_WEIGHT = {MessageState.SENT: 0, MessageState.UNDELIVERED: 1, MessageState.DELIVERED: 2}
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def merged(one: Report, other: Report) -> Report:
    """What two reports about one SMS come to, in whatever order they came in.

    A delivery beats a failure, and either beats "not decided"; of two alike the later counts.
    Who answered STOP once has answered it.
    """
    best = max(one, other, key=lambda report: (_weight(report), report.at or _EARLIEST))
    return best if best.stop == (one.stop or other.stop) else best._replace(stop=True)


def _weight(report: Report) -> int:
    return _WEIGHT.get(report.state, 0)


@dataclass(frozen=True, slots=True)
class Found:
    """What the gateway shows under a tag or of a message; ``complete`` when every page was read."""

    reports: Sequence[Report]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Account:
    """The account behind a key: its balance in euros, and the gateway's clock (UTC)."""

    balance: Decimal | None
    at: datetime | None = None


#: a reason that it gives keeps a request back; it is asked right before the first byte
Unless = Callable[[], str] | None


class Gateway(Protocol):
    """The gateway as the steps of ``dispatch`` see it. Each call is tried once.

    Lookups raise GatewayError when they bring no information.
    """

    def connect(self) -> None:
        """Open the connection of this thread. Raises GatewayError; nothing is sent."""

    def request(
        self,
        phones: Sequence[str],
        texts: Sequence[str],
        *,
        sender: str | None,
        tag: str,
        stop: bool,
        unicode: bool,
        at: datetime | None = None,
    ) -> bytes:
        """The bytes of a bulk send, held until ``at``: to each phone (E.164) its wire text."""

    def bulk_send(self, request: bytes, *, unless: Unless = None) -> Reply:
        """Send what ``request`` made. Never raises.

        ``unless`` is asked when the connection stands: what it keeps back is then ``Unsent``.
        """

    def single_request(
        self,
        phones: Sequence[str],
        text: str,
        *,
        sender: str | None,
        tag: str,
        stop: bool,
        unicode: bool,
        at: datetime | None = None,
    ) -> bytes:
        """The bytes of a send of one text, as it goes on the wire, to many numbers (E.164)."""

    def single_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        """Send what ``single_request`` made, as ``bulk_send`` does. Never raises."""

    def number_request(self, phone: str, text: str, *, number: str, tag: str, stop: bool) -> bytes:
        """The bytes of a send to one person (E.164) from a long ``number`` of ours."""

    def number_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        """Send what ``number_request`` made, as ``bulk_send`` does. Never raises."""

    def survey_request(self, phone: str, survey: str, *, tag: str) -> bytes:
        """The bytes of a send of a survey of the vendor's dashboard to one person (E.164)."""

    def survey_send(self, request: bytes, *, unless: Unless = None) -> SingleReply:
        """Send what ``survey_request`` made, as ``bulk_send`` does. Never raises."""

    def cancel(self, message_id: str) -> Cancellation:
        """Cancel what the gateway holds. Raises GatewayError when nobody knows: ask again."""

    def multi_status(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Report]:
        """Reports by (phone, message id), for at most 500 pairs; unknown pairs are absent."""

    def status_by_tag(self, tag: str) -> Found:
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
