"""The states of drafts, campaigns, batches and messages, and the one table of moves."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)


class CampaignState(StrEnum):
    """Where a campaign stands; what is sent and settled is read from its batches."""

    #: its batches leave as they become due
    RUNNING = "running"
    #: nothing is claimed until a person resumes it; ``reason`` says why
    PAUSED = "paused"
    #: every batch has ended; it runs again if the gateway turns out to hold one (``run_again``)
    FINISHED = "finished"
    #: a person ended it; what was in flight still comes to its end
    CANCELLED = "cancelled"


class DraftState(StrEnum):
    """Where a draft stands."""

    #: being written; a change of its text, options or list leads back here
    DRAFT = "draft"
    #: its plan is stored with the fingerprint
    PLANNED = "planned"
    #: it waits for the approval of somebody who has written none of it
    HANDED_IN = "handed_in"
    #: it is a campaign, exactly as planned
    SUBMITTED = "submitted"


class SeriesState(StrEnum):
    """Where a series stands."""

    #: its occurrences are made as they come
    RUNNING = "running"
    #: a person paused it: occurrences that begin meanwhile are skipped
    PAUSED = "paused"
    #: a person ended it, or its rule has no occurrence to come
    ENDED = "ended"


class OccurrenceState(StrEnum):
    """What became of an occurrence of a series."""

    #: it is a campaign
    MADE = "made"
    #: it is a draft that is handed in, where approval is required
    HANDED_IN = "handed_in"
    #: there is no campaign, and its reason says why
    SKIPPED = "skipped"


class Missed(StrEnum):
    """What becomes of an occurrence that no worker made in time."""

    #: it is made once a worker runs, unless the next one is to be made already or it has expired
    LATE = "late"
    SKIP = "skip"


class BatchState(StrEnum):
    """Where a batch stands."""

    #: waits for its ``not_before``; the only state from which a request can start
    PENDING = "pending"
    #: claimed by one attempt; if its worker is lost, a tick puts it in doubt
    SENDING = "sending"
    #: the gateway took it and holds it until ``leaves_at``; until then it may be recalled
    HANDED_OVER = "handed_over"
    #: the gateway took it; delivery reports are polled
    SENT = "sent"
    #: it is unknown whether the gateway took it; only a person has it sent again
    IN_DOUBT = "in_doubt"
    #: every message has its end
    DONE = "done"
    #: refused, or given up by a person
    FAILED = "failed"
    #: cancelled with its campaign before it left
    CANCELLED = "cancelled"
    #: its ``not_after`` passed before it could leave
    EXPIRED = "expired"


class MessageState(StrEnum):
    """What became of one SMS to one recipient."""

    #: not sent yet: waiting here, held by the gateway, or in a batch in doubt
    PENDING = "pending"
    #: taken by the gateway, no final report yet
    SENT = "sent"
    #: the network reports that it arrived
    DELIVERED = "delivered"
    #: the network reports that it did not arrive
    UNDELIVERED = "undelivered"
    #: no final report within ``reports_within`` (72 h), or given up by a person
    UNREPORTED = "unreported"
    #: refused by the gateway, with its code
    REJECTED = "rejected"
    #: the number said STOP
    OPTED_OUT = "opted_out"
    #: its consent was withdrawn before it could leave
    WITHDRAWN = "withdrawn"
    #: another campaign, which its own one names, has it left out (``campaigns.others``)
    LEFT_OUT = "left_out"
    #: its ``not_after`` passed before it could leave
    EXPIRED = "expired"
    #: cancelled before it left
    CANCELLED = "cancelled"

    @property
    def letter(self) -> str:
        """The letter of this state in a batch's message states."""
        return _LETTERS[self]

    @classmethod
    def of(cls, letter: str) -> MessageState:
        """The state that a letter of a batch's message states stands for."""
        return _STATES[letter]


_LETTERS = {
    MessageState.PENDING: "p",
    MessageState.SENT: "s",
    MessageState.DELIVERED: "d",
    MessageState.UNDELIVERED: "u",
    MessageState.UNREPORTED: "n",
    MessageState.REJECTED: "r",
    MessageState.OPTED_OUT: "o",
    MessageState.WITHDRAWN: "w",
    MessageState.LEFT_OUT: "l",
    MessageState.EXPIRED: "e",
    MessageState.CANCELLED: "c",
}
_STATES = {letter: state for state, letter in _LETTERS.items()}

#: from -> to; every other move is illegal
CAMPAIGN_MOVES: Mapping[CampaignState, AbstractSet[CampaignState]] = {
    CampaignState.RUNNING: {CampaignState.PAUSED, CampaignState.FINISHED, CampaignState.CANCELLED},
    CampaignState.PAUSED: {CampaignState.RUNNING, CampaignState.CANCELLED},
    CampaignState.FINISHED: set(),
    CampaignState.CANCELLED: set(),
}

DRAFT_MOVES: Mapping[DraftState, AbstractSet[DraftState]] = {
    DraftState.DRAFT: {DraftState.DRAFT, DraftState.PLANNED},
    DraftState.PLANNED: {
        DraftState.DRAFT,
        DraftState.PLANNED,
        DraftState.HANDED_IN,
        #: only where no approval is asked for
        DraftState.SUBMITTED,
    },
    #: to draft: it was changed, refused or taken back, or its approval is void
    DraftState.HANDED_IN: {DraftState.DRAFT, DraftState.SUBMITTED},
    DraftState.SUBMITTED: set(),
}

BATCH_MOVES: Mapping[BatchState, AbstractSet[BatchState]] = {
    BatchState.PENDING: {
        BatchState.SENDING,
        BatchState.CANCELLED,
        BatchState.EXPIRED,
        #: everybody opted out, withdrew their consent, or is left out for another campaign
        BatchState.DONE,
        #: an earlier attempt, thought unsent, turns up at the gateway
        BatchState.IN_DOUBT,
        #: nobody is left to text, and a part sent earlier still waits for its reports
        BatchState.SENT,
    },
    BatchState.SENDING: {
        BatchState.PENDING,
        BatchState.HANDED_OVER,
        BatchState.SENT,
        #: its answer rejected every message, one by one
        BatchState.DONE,
        BatchState.FAILED,
        BatchState.IN_DOUBT,
    },
    BatchState.HANDED_OVER: {
        #: its hour has come, or it could not be recalled any more
        BatchState.SENT,
        #: the gateway gave it back
        BatchState.PENDING,
        BatchState.CANCELLED,
        #: the gateway does not know it, or the answer to its recall was lost
        BatchState.IN_DOUBT,
    },
    # to pending: whom a refused call carried, once a person resumes; to handed over: a late receipt
    BatchState.SENT: {BatchState.DONE, BatchState.PENDING, BatchState.HANDED_OVER},
    BatchState.IN_DOUBT: {
        BatchState.HANDED_OVER,
        BatchState.SENT,
        BatchState.DONE,
        BatchState.PENDING,
        BatchState.FAILED,
    },
    # to sent or done by a late proof: what was thought unsent, and then ended, had been taken
    BatchState.DONE: {BatchState.SENT, BatchState.PENDING},
    BatchState.FAILED: {
        BatchState.PENDING,
        BatchState.SENT,
        BatchState.DONE,
        BatchState.HANDED_OVER,
    },
    BatchState.CANCELLED: {BatchState.SENT, BatchState.DONE},
    BatchState.EXPIRED: {BatchState.SENT, BatchState.DONE},
}

#: a report may follow a report (a late "delivered" beats a failure), never undo a delivery; a late
#: proof that a message was taken follows any end that says it was not
MESSAGE_MOVES: Mapping[MessageState, AbstractSet[MessageState]] = {
    MessageState.PENDING: {
        MessageState.SENT,
        MessageState.REJECTED,
        MessageState.OPTED_OUT,
        MessageState.WITHDRAWN,
        MessageState.LEFT_OUT,
        MessageState.EXPIRED,
        MessageState.CANCELLED,
        MessageState.UNREPORTED,
    },
    MessageState.SENT: {MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.UNREPORTED},
    MessageState.UNDELIVERED: {MessageState.DELIVERED},
    MessageState.UNREPORTED: {MessageState.SENT, MessageState.DELIVERED, MessageState.UNDELIVERED},
    MessageState.DELIVERED: set(),
    MessageState.REJECTED: {MessageState.PENDING, MessageState.SENT},
    MessageState.OPTED_OUT: {MessageState.SENT},
    MessageState.WITHDRAWN: {MessageState.SENT},
    MessageState.LEFT_OUT: {MessageState.SENT},
    MessageState.EXPIRED: {MessageState.SENT},
    MessageState.CANCELLED: {MessageState.SENT},
}


def sources(moves: Mapping[State, AbstractSet[State]], target: State) -> list[State]:
    """The states that a move to ``target`` may leave."""
    return [state for state, targets in moves.items() if target in targets]


def batch_sources(target: BatchState) -> frozenset[BatchState]:
    """The states from which a batch may move to ``target``."""
    return frozenset(sources(BATCH_MOVES, target))
