"""What an attempt to send a batch came to, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Self

from dispatcher.campaigns.states import MessageState


@dataclass(frozen=True, slots=True)
class MessageResults:
    """What the gateway said of single messages, by position in the batch."""

    states: Mapping[int, MessageState] = field(default_factory=dict)
    #: the gateway's code of each rejected position
    codes: Mapping[int, int] = field(default_factory=dict)
    segments: int = 0
    #: euros, and of how many messages they are: an answer may name no cost of some
    cost: Decimal = Decimal(0)
    told: int = 0

    @property
    def taken(self) -> int:
        """How many messages the gateway took."""
        return list(self.states.values()).count(MessageState.SENT)

    @property
    def whole_cost(self) -> Decimal | None:
        """Their cost in euros; None if the answer does not name that of each."""
        return self.cost if self.told >= self.taken else None

    def placed(self, positions: Sequence[int]) -> MessageResults:
        """The same, for a request whose n-th message is at ``positions[n]`` in the batch."""
        if list(positions) == list(range(len(positions))):
            return self
        return replace(
            self,
            states={positions[n]: state for n, state in self.states.items()},
            codes={positions[n]: code for n, code in self.codes.items()},
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """The gateway took the batch, and its answer covers every message."""

    message_id: str
    messages: MessageResults
    #: why the campaign pauses all the same: the credit ran out on the way, for one
    blocked: str = ""
    #: until when the gateway says that it holds it, if it says anything
    leaves_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Nobody knows whether the batch was taken; ``messages`` are those that were confirmed."""

    why: str
    message_id: str | None = None
    messages: MessageResults = field(default_factory=MessageResults)
    #: the beginning of the answer, redacted
    excerpt: str = field(default="", compare=False)
    #: until when the gateway says that it holds it, if it says anything
    leaves_at: datetime | None = None

    @property
    def detail(self) -> str:
        """What the record of the attempt says."""
        return f"{self.why}: {self.excerpt}" if self.excerpt else self.why


@dataclass(frozen=True, slots=True)
class Refused:
    """The call was refused, with the gateway's code: nobody was texted.

    It is final for everybody, or only for those whom it names.
    """

    code: int
    why: str
    #: the hour that was asked for may be the reason, and nothing else
    of_schedule: bool = False
    #: a few of its numbers may be the reason: the others are asked for again
    of_some: bool = False
    #: whom the refusal names: the place in the request -> the gateway's code
    named: Mapping[int, int] = field(default_factory=dict)

    @property
    def may_be_of_schedule(self) -> bool:
        """True if the same request without an hour may be taken, or has to be asked in parts."""
        return not self.named and (self.of_schedule or self.of_some)


@dataclass(frozen=True, slots=True)
class Blocked:
    """Refused because of the account, or of what all its requests say, as their sender.

    The batch goes back, and its campaign pauses.
    """

    why: str
    #: the hour that was asked for is the reason
    of_schedule: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """Refused because the gateway holds its window closed: waits for the next opening."""

    why: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing left: the batch goes back and waits ``after`` seconds, or the usual backoff."""

    why: str
    after: float | None = None
    #: the gateway answered; before the next attempt the tag of this one is looked up
    answered: bool = False
    #: if it answered, it asked the whole account to wait
    of_account: bool = True


Outcome = Sent | InDoubt | Refused | Blocked | Closed | NotSent


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the gateway's answer said of taking the batch, or a part of it."""

    message_id: str | None
    #: when the batch counts as sent (UTC)
    sent_at: datetime
    #: in euros, added to what earlier attempts cost
    cost: Decimal
    #: billed segments; None if the answer spoke of a part, so that our own estimate stays
    segments: int | None
    #: of how many messages the cost is
    told: int = 0

    @classmethod
    def of(cls, message_id: str | None, messages: MessageResults, size: int, now: datetime) -> Self:
        """The receipt of an answer about ``messages`` of a batch of ``size``."""
        segments = messages.segments if len(messages.states) == size else None
        return cls(message_id, now, messages.cost, segments, messages.told)


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """What the record of the attempt says in the end."""

    outcome: str
    detail: str
    #: when its tag is looked up, if nothing proves that the batch was not taken
    check_at: datetime | None = None
    #: messages that the gateway took; None if it did not say
    messages: int | None = None
    #: their cost in euros; None if it did not name that of each, so that the expected one stays
    cost: Decimal | None = None
    #: the document of those that the gateway confirmed (``evidence.written``), if only a part
    shown: str | None = None

    @classmethod
    def taken(cls, messages: MessageResults, detail: str, shown: str | None = None) -> Self:
        """The end of an attempt whose call the gateway took, and answered for each message."""
        return cls("sent", detail, messages=messages.taken, cost=messages.whole_cost, shown=shown)


def name_of(outcome: Outcome) -> str:
    """The outcome's word in the record of attempts."""
    match outcome:
        case Sent():
            return "sent"
        case InDoubt():
            return "in_doubt"
        case Refused():
            return "refused"
        case Blocked():
            return "blocked"
        case Closed():
            return "closed"
        case NotSent():
            return "throttled" if outcome.answered else "not_sent"
