"""The messages that the fake gateway accepted, and their status at any time of its clock."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Final

from dispatcher.sandbox.gateway.behaviour import Behaviour

WAITING: Final = "Waiting"
DELIVERED: Final = "Delivered"
NOT_DELIVERED: Final = "Not delivered"
KO: Final = "ko"

#: seconds after which sandbox messages are no longer listed
SANDBOX_LISTED: Final = 24 * 3600.0


@dataclass(slots=True, eq=False)
class Message:
    """One accepted request: one id for all its recipients. Times are epoch seconds."""

    id: int
    tag: str
    accepted_at: float
    #: when it goes to the network: at once, at its schedule, or when the window opens
    leaves_at: float
    #: E.164, in the order of the request, with its repetitions
    phones: tuple[str, ...]
    units: int
    #: the segments of each phone, in the same order
    segments: tuple[int, ...] = ()
    scheduled: bool = False
    sandbox: bool = False
    cancelled: bool = False
    #: the debit, in euros
    price: Decimal = Decimal(0)
    #: addresses for reports and replies; empty for none
    reports_to: str = ""
    replies_to: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """The status of one recipient, since when (epoch seconds), and whether he replied STOP."""

    word: str
    since: float
    stop: bool


def _luck(phone: str, salt: str) -> float:
    # a number has the same fate in every run
    return zlib.crc32(f"{salt}{phone}".encode()) / 2**32


def fate(phone: str, behaviour: Behaviour) -> str:
    """The final status word of a number."""
    for suffix, word in behaviour.fates.items():
        if phone.endswith(suffix):
            return word
    luck = _luck(phone, f"{behaviour.seed}fate")
    for share, word in (
        (behaviour.share_not_delivered, NOT_DELIVERED),
        (behaviour.share_ko, KO),
        (behaviour.share_waiting, WAITING),
    ):
        if luck < share:
            return word
        luck -= share
    return DELIVERED


def says_stop(phone: str, behaviour: Behaviour) -> bool:
    """Whether a number replies STOP to a delivered message."""
    return (
        phone in behaviour.answers_stop
        or _luck(phone, f"{behaviour.seed}stop") < behaviour.share_stop
    )


def reported_at(message: Message, phone: str, behaviour: Behaviour) -> float:
    """When the report on a number arrives, in epoch seconds."""
    least, most = behaviour.delivery_seconds
    return message.leaves_at + least + (most - least) * _luck(phone, "delay")


def status(message: Message, phone: str, behaviour: Behaviour, *, now: float) -> Status:
    """The status of one recipient at ``now`` (epoch seconds)."""
    word, at = fate(phone, behaviour), reported_at(message, phone, behaviour)
    if message.cancelled or word == WAITING or now < at:
        return Status(WAITING, message.accepted_at, stop=False)
    return Status(word, at, stop=word == DELIVERED and says_stop(phone, behaviour))


class Messages:
    """Every message that an account has had accepted."""

    def __init__(self, *, first_id: int = 10_001) -> None:
        self._ids = count(first_id)
        self._by_id: dict[int, Message] = {}
        self._by_tag: dict[str, list[Message]] = {}

    def beside(self) -> Messages:
        """The messages of another account, with ids from the same counter."""
        other = Messages()
        other._ids = self._ids
        return other

    def next_id(self) -> int:
        """A new id."""
        return next(self._ids)

    def add(self, message: Message) -> None:
        """Store a message; a tag may have several."""
        self._by_id[message.id] = message
        if message.tag:
            self._by_tag.setdefault(message.tag, []).append(message)

    def find(self, raw_id: object, *, now: float) -> Message | None:
        """The message with an id, which may be a number or text."""
        text = str(raw_id)
        message = self._by_id.get(int(text)) if text.isdecimal() else None
        return message if message and _listed(message, now) else None

    def to_answer(self, phone: str, *, now: float) -> Message | None:
        """The latest message to a number (E.164) that names an address for replies."""
        return next(
            (
                message
                for message in reversed(self._by_id.values())
                if message.replies_to and phone in message.phones and _listed(message, now)
            ),
            None,
        )

    def tagged(self, tag: str, *, now: float) -> list[Message]:
        """The messages under a tag, oldest first."""
        return [message for message in self._by_tag.get(tag, ()) if _listed(message, now)]

    def all(self, *, now: float) -> list[Message]:
        """Every message that is still listed, oldest first."""
        return [message for message in self._by_id.values() if _listed(message, now)]

    def to_leave(self, *, now: float) -> int:
        """How many units wait for their schedule or the window."""
        return sum(
            message.units
            for message in self._by_id.values()
            if message.leaves_at > now and not message.cancelled and not message.sandbox
        )


def _listed(message: Message, now: float) -> bool:
    return not message.sandbox or now - message.accepted_at < SANDBOX_LISTED
