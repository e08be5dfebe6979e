"""What the outcome of an attempt changes. Storage applies it by one guarded UPDATE."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.events import Kind
from dispatcher.campaigns.evidence import confirmed
from dispatcher.campaigns.halving import HALVED, NAMED, REFUSED
from dispatcher.campaigns.hand_over import HELD, OTHER_HOUR, held, looked_up
from dispatcher.campaigns.message_states import batch_state, marked
from dispatcher.campaigns.outcome import (
    AttemptEnd,
    Blocked,
    Closed,
    InDoubt,
    NotSent,
    Outcome,
    Receipt,
    Refused,
    Sent,
    name_of,
)
from dispatcher.campaigns.states import BatchState, MessageState, batch_sources
from dispatcher.campaigns.waits import Waits, backoff
from dispatcher.window import Hold

#: what an answer that says "nothing left" may end; what a person ended stays ended
_ANSWERED = frozenset({BatchState.SENDING, BatchState.IN_DOUBT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an outcome changes: the batch, its attempt, and whatever follows from both."""

    state: BatchState
    #: the states that the batch may leave; in any other the change does not apply
    leaves: frozenset[BatchState]
    #: it makes the batch, or a part of it, go again: only if no other attempt is in doubt
    unsent: bool = False
    #: the message states after it, one letter a message
    states: str = field(repr=False)
    #: JSON object: position -> the gateway's code, of every rejected message
    codes: str = field(repr=False)
    why: str = ""
    #: the next poll or lookup; None for a batch that is not asked about
    check_at: datetime | None = None
    #: failures in a row, by which the next attempt waits
    checks: int = 0
    #: until when the next attempt waits for a retry (pending), or the hour it is held until
    not_before: datetime | None = None
    #: until when the gateway is to hold the batch; None for one that leaves at once
    leaves_at: datetime | None = None
    receipt: Receipt | None = None
    attempt: AttemptEnd
    #: why everybody whom the call carried was refused; empty if they were not
    refusal: str = ""
    #: why the campaign pauses; empty if it does not
    pause: str = ""
    #: why the gateway is asked to give the batch back; empty if it is not
    recall: str = ""
    #: until when no batch of the account may leave, as the gateway asked to wait
    account_until: datetime | None = None
    event: Kind | None = None

    @property
    def is_alone(self) -> bool:
        """True if it changes no row but those of the batch and its attempt."""
        return not (self.pause or self.event or self.state is BatchState.HANDED_OVER)


def change_of(batch: DueBatch, outcome: Outcome, now: datetime, waits: Waits) -> Change:
    """The change that ``outcome`` of the attempt made on ``batch`` makes at ``now`` (UTC)."""
    match outcome:
        case Sent() | InDoubt() if batch.leaves_at is not None:
            return _handed_over(batch, outcome, batch.leaves_at, now, waits)
        case Sent():
            return _sent(batch, outcome, now, waits)
        case InDoubt():
            return _in_doubt(batch, outcome, now, waits)
        case Refused() if batch.leaves_at is not None and outcome.may_be_of_schedule:
            hold = Hold(batch.leaves_at, f"not handed over: {outcome.why}")
            return _unsent(batch, outcome, hold)  # without an hour it may be taken
        case Refused():
            return _refused(batch, outcome, now)
        case Blocked(why) if batch.leaves_at is not None and outcome.of_schedule:
            return replace(_unsent(batch, outcome, Hold(batch.leaves_at, "")), pause=why)
        case Blocked(why):
            unsent = _unsent(batch, outcome, Hold(now, ""), leaves_at=batch.leaves_at)
            return replace(unsent, pause=why)
        case Closed(why):
            opening = waits.next_opening(batch.territory, batch.leaves_at or now)
            return _unsent(batch, outcome, Hold(opening or now, why))
        case NotSent():
            return _not_sent(batch, outcome, now, waits)


def _sent(batch: DueBatch, outcome: Sent, now: datetime, waits: Waits) -> Change:
    messages = outcome.messages.placed(batch.recipients.positions)
    states = marked(batch.states, messages.states)
    state = batch_state(states)
    more = state is BatchState.PENDING  # it was asked for in parts, and another part follows
    return Change(
        state=state,
        leaves=_ANSWERED if more else batch_sources(BatchState.SENT),
        unsent=more,
        states=states,
        codes=batch.codes_with(messages.codes),
        check_at=waits.first_poll(now) if state is BatchState.SENT else None,
        checks=batch.checks if more else 0,
        not_before=now if more else None,
        leaves_at=batch.leaves_at,
        receipt=Receipt.of(outcome.message_id, messages, len(batch.states), now),
        attempt=AttemptEnd.taken(messages, "", shown=confirmed(len(batch.states), messages.states)),
        pause=outcome.blocked,
    )


def _handed_over(
    batch: DueBatch, outcome: Sent | InDoubt, hour: datetime, now: datetime, waits: Waits
) -> Change:
    """The gateway holds the batch until ``hour``, or until the hour that its answer names.

    It may also hold those whom the answer leaves out: they are in doubt once the hour has come.
    """
    leaves_at = outcome.leaves_at or hour
    recall = OTHER_HOUR if leaves_at != hour else ""
    messages = outcome.messages.placed(batch.recipients.positions)
    shown = confirmed(len(batch.states), messages.states)
    if isinstance(outcome, InDoubt):
        pause, why = recall, f"{HELD}: {outcome.why}"
        end = AttemptEnd("in_doubt", outcome.detail, shown=shown)
        if outcome.message_id is None or leaves_at <= now:
            return _in_doubt(batch, outcome, now, waits)
    else:
        pause, why = recall or outcome.blocked, HELD
        end = AttemptEnd.taken(messages, f"until {leaves_at.isoformat()}", shown)
        if not messages.taken or leaves_at <= now:  # nobody is left to wait, or it has left
            return replace(_sent(batch, outcome, now, waits), pause=pause, recall=recall)
    return Change(
        state=BatchState.HANDED_OVER,
        leaves=batch_sources(BatchState.HANDED_OVER),
        states=held(batch.states, set(batch.recipients.positions), messages.states),
        codes=batch.codes_with(messages.codes),
        why=why,
        not_before=hour,  # again, should the gateway give it back
        leaves_at=leaves_at,
        receipt=Receipt.of(outcome.message_id, messages, len(batch.states), now),
        attempt=end,
        pause=pause,
        recall=recall,
    )


def _in_doubt(batch: DueBatch, outcome: InDoubt, now: datetime, waits: Waits) -> Change:
    messages = outcome.messages.placed(batch.recipients.positions)
    return Change(
        state=BatchState.IN_DOUBT,
        # a lost answer is no argument against a person who has had the batch sent again
        leaves=frozenset({BatchState.SENDING}),
        states=marked(batch.states, messages.states),
        codes=batch.codes_with(messages.codes),
        why=outcome.why,
        check_at=looked_up(waits.first_lookup(now), batch.leaves_at, now),
        leaves_at=batch.leaves_at,
        receipt=Receipt.of(outcome.message_id, messages, len(batch.states), now),
        attempt=AttemptEnd(
            "in_doubt", outcome.detail, shown=confirmed(len(batch.states), messages.states)
        ),
        event="doubt_raised",
    )


def _refused(batch: DueBatch, outcome: Refused, now: datetime) -> Change:
    """Whom the refusal names, or all whom the call carried, are refused for good.

    Others are asked for again, and so is everybody if the refusal may be due to somebody whom it
    does not name. A part that an earlier attempt sent keeps its reports.
    """
    carried = batch.recipients.positions
    named, word = outcome.named, NAMED if outcome.named else HALVED
    if not outcome.of_some or len(named) == len(carried):
        named = {place: named.get(place, outcome.code) for place in range(len(carried))}
        # who was refused alone before a resume, too, is the reason, and says nothing of others
        known = len(carried) == 1 and batch.refused.get(carried[0]) == outcome.why
        word = NAMED if known else REFUSED
    pending = MessageState.PENDING.letter
    codes = {carried[n]: code for n, code in named.items() if batch.states[carried[n]] == pending}
    states = marked(batch.states, dict.fromkeys(codes, MessageState.REJECTED))
    state = batch_state(states)
    again = state is BatchState.PENDING
    return Change(
        state=BatchState.FAILED if state is BatchState.DONE else state,
        leaves=_ANSWERED,
        unsent=True,
        states=states,
        codes=batch.codes_with(codes),
        why="" if again else outcome.why,
        check_at=now if state is BatchState.SENT else None,
        # after a failure each number is asked for by itself
        checks=max(batch.checks, 1) if again else 0,
        not_before=now if again else None,
        leaves_at=batch.leaves_at,
        attempt=AttemptEnd(word, outcome.why),
        refusal=outcome.why if word == REFUSED else "",
    )


def _not_sent(batch: DueBatch, outcome: NotSent, now: datetime, waits: Waits) -> Change:
    """Nothing left, as far as is known: it is tried again after a while."""
    usual = backoff(batch.checks)
    seconds = usual if outcome.after is None else outcome.after
    if outcome.answered:  # time for its tag to show, if the gateway took it after all
        seconds = max(seconds, usual, waits.settle_intervals[0])
    hold = Hold(now + timedelta(seconds=seconds), outcome.why if seconds else "")
    unsent = _unsent(batch, outcome, hold, leaves_at=batch.leaves_at)
    unsent = replace(unsent, checks=batch.checks + 1)
    if not outcome.answered:
        return unsent
    # an answer that does not say how long holds the account for as long as the batch
    until = now + timedelta(seconds=outcome.after) if outcome.after else hold.until
    account_until = until if outcome.of_account else None
    return replace(
        unsent, account_until=account_until, attempt=replace(unsent.attempt, check_at=now)
    )


def _unsent(
    batch: DueBatch,
    outcome: Refused | Blocked | Closed | NotSent,
    hold: Hold,
    *,
    leaves_at: datetime | None = None,
) -> Change:
    """The batch goes back and waits; without ``leaves_at`` it is not handed over any more."""
    return Change(
        state=BatchState.PENDING,
        leaves=_ANSWERED,
        unsent=True,
        states=batch.states,
        codes=batch.codes,
        why=hold.why,
        not_before=hold.until,
        leaves_at=leaves_at,
        attempt=AttemptEnd(name_of(outcome), outcome.why),
    )
