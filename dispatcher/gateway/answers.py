"""What the gateway is asked and what it answers, as plain values.

Three kinds of answer to a send, sorted by what is known: the request never left (``Unsent``), the
gateway answered (``BatchTaken``, ``Accepted``, ``Declined`` or ``Throttled``), or nobody knows
(``Lost``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple, overload

from dispatcher.campaigns.states import MessageState


class OutgoingMessage(NamedTuple):
    """One message of a request. ``phone`` is E.164, ``text`` is as it goes on the wire.

    A tuple, as ``LineAnswer`` is: each batch has 500 of both.
    """

    phone: str
    text: str

    def __repr__(self) -> str:
        return "OutgoingMessage()"


class LineAnswer(NamedTuple):
    """The gateway's answer to one line. ``accepted`` is None when it cannot be read."""

    phone: str | None
    accepted: bool | None
    code: int | None = None
    segments: int = 0
    cost: Decimal = Decimal(0)

    def __repr__(self) -> str:
        return f"LineAnswer(accepted={self.accepted}, code={self.code})"


@dataclass(frozen=True, slots=True)
class SameAnswers(Sequence[LineAnswer]):
    """Answers to lines that differ in nothing but their ``phones`` (E.164)."""

    phones: Sequence[str] = field(repr=False)
    answer: LineAnswer

    def __len__(self) -> int:
        return len(self.phones)

    @overload
    def __getitem__(self, place: int) -> LineAnswer: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[LineAnswer]: ...
    def __getitem__(self, place: int | slice) -> LineAnswer | Sequence[LineAnswer]:
        if isinstance(place, slice):
            return SameAnswers(self.phones[place], self.answer)
        return self.answer._replace(phone=self.phones[place])


@dataclass(frozen=True, slots=True)
class Unsent:
    """No byte of the request left, so nothing was sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class BatchTaken:
    """A well-formed success: the gateway says that it took the batch.

    ``leaves_at`` (UTC) is what it says of a schedule, if it says anything.
    """

    message_id: str
    lines: Sequence[LineAnswer]
    leaves_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A well-formed success for the request as a whole, without answers to its lines.

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


class FieldError(NamedTuple):
    """An entry of a refusal: the field, the line and the numbers that it names, if it does."""

    field: str = ""
    #: of the request, from 0
    line: int | None = None
    #: E.164
    phones: Sequence[str] = ()
    code: int | None = None
    #: the gateway's sentence, on one line; it may hold a number
    message: str = ""

    def __repr__(self) -> str:
        return f"FieldError(field={self.field!r}, line={self.line}, code={self.code})"


@dataclass(frozen=True, slots=True)
class Declined:
    """A well-formed refusal with the gateway's ``code``, and with what its entries say."""

    code: int
    errors: Sequence[FieldError] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Throttled:
    """The gateway asks to wait, ``retry_after`` seconds if it says how long."""

    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """Bytes left and no answer came that proves anything.

    ``excerpt`` is the beginning of the answer without its digits, for a person who decides.
    """

    reason: str
    excerpt: str = field(default="", compare=False)


#: to a request with a line for each number
SendReply = Unsent | BatchTaken | Declined | Throttled | Lost
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


#: a report never replaces one with a higher weight
_WEIGHT = {MessageState.SENT: 0, MessageState.UNDELIVERED: 1, MessageState.DELIVERED: 2}
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def merged(one: Report, other: Report) -> Report:
    """Two reports about one SMS as one, the same in either order.

    A delivery beats a failure, and either beats "not decided"; of two alike the later counts.
    A STOP in either stays.
    """
    best = max(one, other, key=lambda report: (_weight(report), report.at or _EARLIEST))
    return best if best.stop == (one.stop or other.stop) else best._replace(stop=True)


def _weight(report: Report) -> int:
    return _WEIGHT.get(report.state, 0)


@dataclass(frozen=True, slots=True)
class StatusPage:
    """The reports of a tag or a message; ``complete`` when every page was read, and every number.

    ``failed`` lines have an error where their status should be. They say of a number no more than
    a line that is not there, and asking again brings them again.
    """

    reports: Sequence[Report]
    complete: bool = True
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """The account behind a key: its balance in euros, and the gateway's clock (UTC)."""

    balance: Decimal | None
    at: datetime | None = None
