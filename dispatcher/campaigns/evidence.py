"""Evidence: what all the attempts of a batch together prove. Pure.

A position that the gateway shows under any attempt's tag, or that any of its answers confirmed,
was texted, whatever state its message is in. That nothing shows proves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from dispatcher.campaigns import halving
from dispatcher.campaigns.message_states import batch_state, marked, positions
from dispatcher.campaigns.states import BatchState, MessageState

#: outcomes that say "nothing left" without a proof of it: the gateway asked to wait, or a
#: person had the batch sent again
UNPROVEN: Final = ("throttled", "resent")
#: what the gateway took, held and gave back: nobody was texted by it
RECALLED: Final = "recalled"
#: outcomes of attempts that certainly texted nobody
UNSENT: Final = frozenset(
    {"not_sent", "blocked", "closed", RECALLED, halving.REFUSED, halving.HALVED, halving.NAMED}
)
#: the gateway shows tags no older than this
MEMORY: Final = timedelta(hours=48)
#: an attempt whose end nobody recorded has ended this long after its doubt was raised
RESEND_AFTER: Final = timedelta(minutes=5)
#: while a batch is in one of these states, an attempt or the gateway works on it
_UNDER_WAY = (BatchState.SENDING, BatchState.HANDED_OVER)
#: and in these, whoever is pending is still to go
TO_GO = (BatchState.PENDING, *_UNDER_WAY)
#: letters of messages that were texted
_LETTERS = {
    state.letter for state in (MessageState.SENT, MessageState.DELIVERED, MessageState.UNDELIVERED)
}
#: the letters of an attempt's document: shown, shown and on record as texted twice, not shown
_SHOWN, _ON_RECORD, _NOT_SHOWN = "x2-"


@dataclass(frozen=True, slots=True)
class AttemptEvidence:
    """What is known of an attempt from before, and what the gateway shows of it now."""

    #: counted from 1
    number: int
    tag: str
    #: what it came to; None while nobody knows
    outcome: str | None
    armed_at: datetime
    #: the hour until which the gateway was asked to hold it; None if it was to leave at once
    leaves_at: datetime | None = None
    #: when its tag is looked up next, if it is, and how often it was before
    check_at: datetime | None = None
    checks: int = 0
    #: how many messages it carried
    carried: int = 0
    #: whom it carried, if only a part of the batch; None for anybody
    covers: frozenset[int] | None = None
    #: positions that it is known to have texted, and those of them on record as texted twice
    shown: frozenset[int] = frozenset()
    on_record: frozenset[int] = frozenset()
    #: position -> state, as the gateway shows them now
    now: Mapping[int, MessageState] = field(default_factory=dict)

    @property
    def texted(self) -> frozenset[int]:
        """The positions that it is known to have texted by now."""
        return self.shown | self.now.keys()

    @property
    def may_show(self) -> bool:
        """True if its tag may show something that is not known yet."""
        return self.outcome not in UNSENT and len(self.texted) < self.carried

    def is_asked(self, now: datetime) -> bool:
        """True if its tag may show that, and the gateway remembers it at ``now``."""
        return self.may_show and now <= self.forgotten_at

    @property
    def forgotten_at(self) -> datetime:
        """Until when the gateway shows its tag; of what it was to hold, counted from the hour."""
        return (self.leaves_at or self.armed_at) + MEMORY


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence makes of a batch."""

    state: BatchState
    #: the message states after it, one letter a message
    states: str = field(repr=False)
    #: positions whose messages were not known to have been texted, and now are
    proven: frozenset[int]
    #: positions of ``proven`` whose message had ended otherwise: state before -> how many
    corrected: Mapping[MessageState, int]
    #: positions texted by two attempts or more, which is not on record yet
    twice: frozenset[int]
    #: attempts that texted more than was known: number -> all that it texted
    grown: Mapping[int, frozenset[int]]
    #: attempt that ``twice`` is told of: the first that is newly known to have texted them
    number: int = 0
    #: how many messages are known to have left once more than they should
    copies: int = 0

    @property
    def rest(self) -> list[int]:
        """Positions that are still to go, or in doubt."""
        return positions(self.states, MessageState.PENDING)


def in_question(states: str, attempts: Iterable[AttemptEvidence]) -> frozenset[int]:
    """The positions of a batch in doubt that may have been texted, and are not known to be.

    A batch that is asked for in parts is in doubt about the part that went: whom no attempt of
    unknown outcome carried was certainly not texted.
    """
    pending = frozenset(positions(states, MessageState.PENDING))
    unknown = [
        one.covers
        for one in attempts
        if one.outcome not in UNSENT and (one.outcome not in UNPROVEN or one.now.keys() - one.shown)
    ]
    parts = [covers for covers in unknown if covers is not None]
    if not parts or len(parts) < len(unknown):
        return pending
    return pending & frozenset[int]().union(*parts)


def judge(state: BatchState, states: str, attempts: Sequence[AttemptEvidence]) -> Verdict:
    """What ``attempts``, all those of a batch, prove about it. Total: any state is judged.

    An attempt may be sending to those who are still to go: what has shown of them is remembered,
    and judged once the batch is in doubt or has ended. All others are corrected at once.
    """
    grown = {one.number: one.texted for one in attempts if one.texted > one.shown}
    times = Counter(position for one in attempts for position in one.texted)
    on_record = frozenset[int]().union(*(one.on_record for one in attempts))
    twice = frozenset(position for position, count in times.items() if count > 1) - on_record
    known = frozenset[int]().union(*(one.shown for one in attempts))
    # what was known to be texted and is unreported had its time for a report
    late = {spot for spot in known if states[spot] == MessageState.UNREPORTED.letter}
    to_go = set(positions(states, MessageState.PENDING)) if state in TO_GO else set[int]()
    texted = dict.fromkeys(times.keys() - late - to_go, MessageState.SENT)
    reports = {spot: report for spot, report in _reported(attempts).items() if spot in texted}
    after = marked(marked(states, texted), reports)
    proven = frozenset(
        spot for spot in texted if states[spot] not in _LETTERS and after[spot] in _LETTERS
    )
    if state in _UNDER_WAY or not times.keys().isdisjoint(to_go):
        # the rest of what waits may have been taken, too: it is in doubt, and settled next
        becomes = state if state in _UNDER_WAY else BatchState.IN_DOUBT
        return Verdict(becomes, after, proven, corrections(states, after), frozenset(), grown)
    concerned = [one for one in attempts if twice & one.texted]
    numbers = [one.number for one in concerned]
    newest = [number for number in numbers if number in grown] or numbers
    return Verdict(
        _moved(after, attempts) if proven or state is BatchState.IN_DOUBT else state,
        after,
        proven,
        corrections(states, after),
        twice,
        grown | {one.number: one.texted for one in concerned},
        min(newest, default=0),
        sum(times.values()) - len(times),
    )


def corrections(before: str, after: str) -> Mapping[MessageState, int]:
    """How many messages that had ended otherwise were taken after all: by that end."""
    standing = {*_LETTERS, MessageState.PENDING.letter}
    found = Counter(
        MessageState.of(was)
        for was, becomes in zip(before, after, strict=True)
        if becomes in standing and was not in standing
    )
    return dict(found)


def next_lookup(
    attempt: AttemptEvidence,
    state: BatchState,
    now: datetime,
    later: datetime,
) -> datetime | None:
    """When the tag of ``attempt`` is looked up, after the batch was judged and is in ``state``.

    None if it need not be: it texted nobody, has shown everything, or is older than the gateway
    remembers. ``later`` is the usual instant.
    """
    if attempt.outcome in UNSENT:
        return None
    if state not in _UNDER_WAY and not attempt.is_asked(now):
        return None
    if attempt.check_at is None and attempt.outcome == "sent" and not attempt.now:
        return None  # the gateway confirmed it
    if attempt.check_at is not None and attempt.check_at > now:
        return attempt.check_at
    return None if later > attempt.forgotten_at else later


def may_go_again(
    attempts: Iterable[AttemptEvidence], since: datetime | None, now: datetime
) -> bool:
    """True if a person may have a batch, in doubt ``since``, sent again at ``now``.

    An attempt whose end nobody recorded may still be sending.
    """
    open_ones = any(one.outcome is None for one in attempts)
    return not open_ones or since is None or now >= since + RESEND_AFTER


def written(size: int, shown: Collection[int], on_record: Collection[int] = ()) -> str:
    """The document of what an attempt texted: one letter for each position of the batch."""
    return "".join(
        (_ON_RECORD if position in on_record else _SHOWN) if position in shown else _NOT_SHOWN
        for position in range(size)
    )


def confirmed(size: int, states: Mapping[int, MessageState]) -> str | None:
    """The document of what an answer confirms; None if it confirms the whole batch, or nobody."""
    if not 0 < list(states.values()).count(MessageState.SENT) < size:
        return None
    return written(size, {spot for spot, state in states.items() if state is MessageState.SENT})


def read(document: str) -> tuple[frozenset[int], frozenset[int]]:
    """What a document says: the positions texted, and those on record as texted twice."""
    shown = frozenset(spot for spot, letter in enumerate(document) if letter != _NOT_SHOWN)
    return shown, frozenset(spot for spot in shown if document[spot] == _ON_RECORD)


def _reported(attempts: Iterable[AttemptEvidence]) -> dict[int, MessageState]:
    """The best report of each position: a delivery under any tag is a delivery."""
    best: dict[int, MessageState] = {}
    for attempt in attempts:
        for position, state in attempt.now.items():
            if state is not MessageState.SENT and best.get(position) is not MessageState.DELIVERED:
                best[position] = state
    return best


def _moved(after: str, attempts: Iterable[AttemptEvidence]) -> BatchState:
    """The state of a batch of which something was proven: the rest may have been taken, too."""
    return BatchState.IN_DOUBT if in_question(after, attempts) else batch_state(after)
