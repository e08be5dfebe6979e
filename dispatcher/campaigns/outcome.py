"""What an attempt to send a batch came to, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from dispatcher.campaigns.states import MessageState


@dataclass(frozen=True, slots=True)
class MessageResults:
    """What the gateway said of single messages, by position in the batch."""

    states: Mapping[int, MessageState] = field(default_factory=dict)
    #: the gateway's code of each rejected position
    codes: Mapping[int, int] = field(default_factory=dict)
    segments: int = 0
    cost: Decimal = Decimal(0)

    def placed(self, positions: Sequence[int]) -> MessageResults:
        """The same, for a request whose n-th message is at ``positions[n]`` in the batch."""
        if positions == range(len(positions)):
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


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused for good, with the gateway's code."""

    code: int
    why: str
    #: the hour that was asked for may be the reason, and nothing else
    of_schedule: bool = False


@dataclass(frozen=True, slots=True)
class Blocked:
    """Refused because of the account or the sender: the batch goes back, its campaign pauses."""

    why: str


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


Outcome = Sent | InDoubt | Refused | Blocked | Closed | NotSent


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
