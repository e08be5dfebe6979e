"""The outcome of an attempt, decided from the gateway's reply.

Only a fully valid success proves that the gateway took a batch. Only a failure before the first
byte, or a documented refusal, proves that it did not. Everything else leaves the batch in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from dispatcher.campaigns.outcome import (
    Blocked,
    InDoubt,
    MessageResults,
    NotSent,
    Outcome,
    Refused,
    Sent,
)
from dispatcher.campaigns.states import MessageState
from dispatcher.gateway.answers import (
    Accepted,
    BatchTaken,
    Declined,
    Lost,
    SameAnswers,
    SendReply,
    SingleReply,
    Throttled,
    Unsent,
)
from dispatcher.gateway.codes import BLOCKED, TOO_MANY_REQUESTS
from dispatcher.gateway.refusals import refused

#: seconds; a longer Retry-After is cut to this
LONGEST_WAIT = 3600.0
#: an SMS has ten parts at most; figures far beyond are mistakes, and no column holds their sum
MOST_SEGMENTS = 1000
LARGEST_COST = Decimal(10_000)


def verdict(reply: SendReply, phones: Sequence[str]) -> Outcome:
    """The outcome of a bulk send to ``phones`` (E.164, by position) with this reply."""
    match reply:
        case Unsent(reason):
            return NotSent(reason)
        case Throttled(retry_after):
            return _throttled(retry_after)
        case Declined(code):
            return _throttled(None) if code == TOO_MANY_REQUESTS else refused(reply, phones)
        case BatchTaken():
            return _taken(reply, phones)
        case Lost(reason, excerpt):
            return InDoubt(reason, excerpt=excerpt)


def single_verdict(reply: SingleReply, phones: Sequence[str], segments: int) -> Outcome:
    """The outcome of a send of one text to ``phones`` (E.164, by position) with this reply.

    A success covers the request as a whole. It counts for every number only if it names no refusal
    and bills ``segments``, our own count, for each; else the batch is in doubt. A refusal because
    of some number that it does not name: the next request asks for each number by itself.
    """
    if isinstance(reply, Accepted):
        return _accepted(reply, phones, segments)
    outcome = verdict(reply, phones)
    if isinstance(outcome, Refused) and outcome.of_some and not outcome.named:
        why = f"{outcome.why}: each number is sent to by itself"
        return NotSent(why, answered=True, of_account=False)
    return outcome


def personal_verdict(reply: SingleReply, phone: str) -> Outcome:
    """The outcome of a call for one person (E.164) with this reply.

    A success counts for this person with any number of segments but none. Number and text were
    checked before, so code 9 is about the long number or the survey, and pauses the campaign.
    """
    match reply:
        case Accepted():
            return _accepted(reply, [phone], max(reply.segments, 1))
        case Declined(9, errors) if not any(error.field for error in errors):
            return Blocked("the request is invalid: does the account have this number or survey?")
        case _:
            return verdict(reply, [phone])


def _accepted(reply: Accepted, phones: Sequence[str], segments: int) -> Outcome:
    if not reply.partial and reply.segments == segments * len(phones):
        states = dict.fromkeys(range(len(phones)), MessageState.SENT)
        segments = reply.segments if reply.segments <= MOST_SEGMENTS * len(phones) else 0
        cost = _charged([reply.cost])
        lines = MessageResults(states, {}, segments, cost, len(phones) if cost else 0)
        return Sent(reply.message_id, lines, leaves_at=reply.leaves_at)
    place = {phone: position for position, phone in enumerate(phones)}
    codes = {
        place[line.phone]: line.code or 0
        for line in reply.refused
        if line.phone in place and line.accepted is False
    }
    cost = _charged([reply.cost])
    rejected = dict.fromkeys(codes, MessageState.REJECTED)
    told = len(phones) - len(codes) if cost else 0
    lines = MessageResults(rejected, codes, cost=cost, told=told)
    if reply.partial:
        why = "the answer names refusals beside its success"
        return InDoubt(why, reply.message_id, lines, leaves_at=reply.leaves_at)
    why = f"the answer bills {reply.segments} segments for {len(phones)} numbers of {segments} each"
    return InDoubt(why, reply.message_id, lines, leaves_at=reply.leaves_at)


def _throttled(retry_after: float | None) -> NotSent:
    if retry_after is None or not 0 <= retry_after <= LONGEST_WAIT:
        retry_after = None if retry_after is None else min(max(retry_after, 0), LONGEST_WAIT)
    return NotSent("the gateway asks to wait", retry_after, answered=True)


def _taken(reply: BatchTaken, phones: Sequence[str]) -> Outcome:
    if (lines := _all_taken(reply, phones)) is not None:
        return Sent(reply.message_id, lines, leaves_at=reply.leaves_at)
    place = dict(zip(phones, range(len(phones)), strict=True))
    answers = {place.get(line.phone or "", -1): line for line in reply.lines}
    if -1 in answers:
        return InDoubt("the answer speaks of numbers that are not in the batch")
    if len(answers) < len(reply.lines):
        return InDoubt("the answer speaks twice of one number")
    known = {position: line for position, line in answers.items() if line.accepted is not None}
    lines = MessageResults(
        states={
            position: MessageState.SENT if line.accepted else MessageState.REJECTED
            for position, line in known.items()
        },
        codes={
            position: line.code or 0 for position, line in known.items() if line.accepted is False
        },
        segments=_billed(line.segments for line in known.values()),
        cost=_charged(line.cost for line in known.values()),
        told=_told(line.cost for line in known.values() if line.accepted),
    )
    if len(known) < len(phones):
        why = f"the answer leaves out {len(phones) - len(known)} of {len(phones)} numbers"
        return InDoubt(why, reply.message_id, lines, leaves_at=reply.leaves_at)
    blocked = next((BLOCKED[code] for code in lines.codes.values() if code in BLOCKED), "")
    return Sent(reply.message_id, lines, blocked, reply.leaves_at)


def _all_taken(reply: BatchTaken, phones: Sequence[str]) -> MessageResults | None:
    """The results if every line was accepted in the order of the request, as nearly always."""
    if not reply.lines or len(set(phones)) < len(phones):
        return None
    states = dict.fromkeys(range(len(phones)), MessageState.SENT)
    if isinstance(reply.lines, SameAnswers):
        answer = reply.lines.answer
        if list(reply.lines.phones) != list(phones) or answer.accepted is not True:
            return None
        cost = _charged([answer.cost]) * len(phones)
        billed = _billed([answer.segments]) * len(phones)
        return MessageResults(states, {}, billed, cost, len(phones) if cost else 0)
    numbers, accepted, _, segments, costs = zip(*reply.lines, strict=True)
    if numbers != tuple(phones) or accepted.count(True) < len(phones):
        return None
    return MessageResults(states, {}, _billed(segments), _charged(costs), _told(costs))


def _billed(segments: Iterable[int]) -> int:
    """The sum of what lines are billed; a line of more than ``MOST_SEGMENTS`` names no figure."""
    return sum(count for count in segments if 0 <= count <= MOST_SEGMENTS)


def _charged(costs: Iterable[Decimal]) -> Decimal:
    """The sum of what is charged, in euros; ``LARGEST_COST`` and more is no figure."""
    return sum((cost for cost in costs if 0 <= cost < LARGEST_COST), Decimal(0))


def _told(costs: Iterable[Decimal]) -> int:
    """Of how many messages the cost is named; nothing is no cost."""
    return sum(0 < cost < LARGEST_COST for cost in costs)
