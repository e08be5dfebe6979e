"""What the fake gateway took, and what becomes of it as its clock goes on."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Final

from dispatcher.sandbox.gateway.behaviour import Behaviour

WAITING: Final = "Waiting"
DELIVERED: Final = "Delivered"
NOT_DELIVERED: Final = "Not delivered"
KO: Final = "ko"

#: sandbox messages leave the lists after a day
KEPT_IN_SANDBOX: Final = 24 * 3600.0


@dataclass(slots=True, eq=False)
class Message:
    """One accepted request: one id for all its recipients. Times are epoch seconds."""

    id: int
    tag: str
    accepted_at: float
    #: when it starts for the network: at once, at its schedule, or at the window's opening
    leaves_at: float
    #: E.164, in the order of the request, repeated when the request repeats it
    phones: tuple[str, ...]
    units: int
    #: those of each phone, in the same order
    segments: tuple[int, ...] = ()
    scheduled: bool = False
    sandbox: bool = False
    cancelled: bool = False
    #: what it was debited, in euros
    price: Decimal = Decimal(0)
    #: where reports and replies are posted; empty for nowhere
    reports_to: str = ""
    replies_to: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """Where one recipient of a message stands, since when, and whether STOP came back."""

    word: str
    since: float
    stop: bool


def _luck(phone: str, salt: str) -> float:
    # the same number has the same fate in every run
    return zlib.crc32(f"{salt}{phone}".encode()) / 2**32


def fate(phone: str, behaviour: Behaviour) -> str:
    """The word that a number comes to in the end."""
    for suffix, word in behaviour.fates.items():
        if phone.endswith(suffix):
            return word
    luck = _luck(phone, "fate")
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
    """Whether the person behind a number answers STOP to what is delivered."""
    return phone in behaviour.answers_stop or _luck(phone, "stop") < behaviour.share_stop


def reported_at(message: Message, phone: str, behaviour: Behaviour) -> float:
    """When the report about a number comes in."""
    least, most = behaviour.delivery_seconds
    return message.leaves_at + least + (most - least) * _luck(phone, "delay")


def status(message: Message, phone: str, behaviour: Behaviour, *, now: float) -> Status:
    """Where one recipient stands at ``now``."""
    word, at = fate(phone, behaviour), reported_at(message, phone, behaviour)
    if message.cancelled or word == WAITING or now < at:
        return Status(WAITING, message.accepted_at, stop=False)
    return Status(word, at, stop=word == DELIVERED and says_stop(phone, behaviour))


class Messages:
    """Every message that the gateway took."""

    def __init__(self, *, first_id: int = 10_001) -> None:
        self._ids = count(first_id)
        self._by_id: dict[int, Message] = {}
        self._by_tag: dict[str, list[Message]] = {}

    def beside(self) -> Messages:
        """Another account's messages, whose ids are never these."""
        other = Messages()
        other._ids = self._ids
        return other

    def next_id(self) -> int:
        """An id never given before."""
        return next(self._ids)

    def add(self, message: Message) -> None:
        """Keep a message; the same tag again is another message under it."""
        self._by_id[message.id] = message
        if message.tag:
            self._by_tag.setdefault(message.tag, []).append(message)

    def find(self, raw_id: object, *, now: float) -> Message | None:
        """The message behind an id given as a number or as text."""
        text = str(raw_id)
        message = self._by_id.get(int(text)) if text.isdecimal() else None
        return message if message and _kept(message, now) else None

    def tagged(self, tag: str, *, now: float) -> list[Message]:
        """The messages under a tag, oldest first."""
        return [message for message in self._by_tag.get(tag, ()) if _kept(message, now)]

    def all(self, *, now: float) -> list[Message]:
        """Every message that is still listed, oldest first."""
        return [message for message in self._by_id.values() if _kept(message, now)]

    def to_leave(self, *, now: float) -> int:
        """How many units wait for their schedule or the window."""
        return sum(message.units for message in self._waiting(now))

    def _waiting(self, now: float) -> Iterable[Message]:
        for message in self._by_id.values():
            if message.leaves_at > now and not message.cancelled and not message.sandbox:
                yield message


def _kept(message: Message, now: float) -> bool:
    return not message.sandbox or now - message.accepted_at < KEPT_IN_SANDBOX
