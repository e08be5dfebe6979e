"""What an attempt came to: the one verdict on the gateway's reply.

A verdict sorts by what is known, not by what was raised. Only a fully valid success proves that
a batch was taken; only a failure before the first byte or a documented refusal proves that it
was not. Everything else is in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from dispatcher.campaigns.outcome import (
    Blocked,
    Closed,
    InDoubt,
    MessageResults,
    NotSent,
    Outcome,
    Refused,
    Sent,
)
from dispatcher.campaigns.states import MessageState
from dispatcher.gateway.protocol import (
    Accepted,
    Declined,
    Lost,
    Reply,
    SingleReply,
    Taken,
    Throttled,
    Unsent,
)

#: codes of the account, its credit or its sender: every batch of the campaign would meet them
_BLOCKED = {
    1: "the API key is missing",
    10: "the API key is wrong",
    11: "no credit",
    20: "the account is disabled",
    30: "the account is blocked",
    40: "the account may not use the API",
    44: "the sender is invalid",
    96: "this machine's address is not allowed",
    992: "the sender is not authorised",
}
_CLOSED = {
    22: "the gateway refuses this hour for marketing",
    23: "the gateway refuses this date for marketing",
}
_REFUSED = {
    2: "the request has no numbers",
    9: "the request is invalid",
    13: "no price for these numbers",
    14: "the numbers are on the STOP list",
    15: "the numbers are listed twice",
    42: "the text exceeds 160 characters",
    43: "the request has no text",
    45: "the date is missing",
    46: "the hour is missing",
    47: "the minute is invalid",
    48: "the minute is not a multiple of 5",
    49: "the date is invalid",
    50: "more than 500 numbers",
    51: "low cost is not available",
    52: "a text has more than 10 segments",
    55: "no number can be texted",
    90: "the request is malformed",
}
#: codes that may be due to the hour that was asked for, and to nothing else
OF_SCHEDULE = frozenset({9, 45, 46, 47, 48, 49, 90})
#: codes of some number among many
_OF_NUMBERS = {13, 14, 15, 55}
_TOO_MANY_REQUESTS = 429
#: a Retry-After beyond this is not believed
LONGEST_WAIT = 3600.0


def verdict(reply: Reply, phones: Sequence[str]) -> Outcome:
    """What ``reply`` to a batch for ``phones`` (E.164, by position) proves."""
    match reply:
        case Unsent(reason):
            return NotSent(reason)
        case Throttled(retry_after):
            return _throttled(retry_after)
        case Declined():
            return _declined(reply)
        case Taken():
            return _taken(reply, phones)
        case Lost(reason, excerpt):
            return InDoubt(reason, excerpt=excerpt)


def single_verdict(reply: SingleReply, phones: Sequence[str], parts: int) -> Outcome:
    """What ``reply`` to one text for ``phones`` (E.164, by position) proves.

    Its success speaks of the whole. It vouches for every number only if it names no refusal and
    bills ``parts``, our own count, for each; else the batch is in doubt. A refusal because of
    some number does not say of which: nothing left, and each is to be asked for by itself.
    """
    match reply:
        case Accepted():
            return _accepted(reply, phones, parts)
        case Declined(code) if code in _OF_NUMBERS and len(phones) > 1:
            return NotSent(f"{_REFUSED[code]}: each is asked for by itself", answered=True)
        case _:
            return verdict(reply, phones)


def personal_verdict(reply: SingleReply, phone: str) -> Outcome:
    """What ``reply`` to a call for one person (E.164) alone proves.

    Its success speaks of nobody else: it vouches for them, whatever parts it bills, unless it
    bills none. An invalid request is not theirs, whose number and text were checked, but that of
    the long number or the survey, so that everybody's would be refused.
    """
    match reply:
        case Accepted():
            return _accepted(reply, [phone], max(reply.segments, 1))
        case Declined(9):
            return Blocked("the request is invalid: does the account have this number or survey?")
        case _:
            return verdict(reply, [phone])


def _accepted(reply: Accepted, phones: Sequence[str], parts: int) -> Outcome:
    if not reply.partial and reply.segments == parts * len(phones):
        states = dict.fromkeys(range(len(phones)), MessageState.SENT)
        lines = MessageResults(states, {}, reply.segments, reply.cost)
        return Sent(reply.message_id, lines, leaves_at=reply.leaves_at)
    place = {phone: position for position, phone in enumerate(phones)}
    codes = {
        place[line.phone]: line.code or 0
        for line in reply.refused
        if line.phone in place and line.accepted is False
    }
    lines = MessageResults(dict.fromkeys(codes, MessageState.REJECTED), codes, cost=reply.cost)
    if reply.partial:
        return InDoubt("the answer names refusals beside its success", reply.message_id, lines)
    why = f"the answer bills {reply.segments} parts for {len(phones)} numbers of {parts} each"
    return InDoubt(why, reply.message_id, lines)


def _throttled(retry_after: float | None) -> NotSent:
    if retry_after is None or not 0 <= retry_after <= LONGEST_WAIT:
        retry_after = None if retry_after is None else min(max(retry_after, 0), LONGEST_WAIT)
    return NotSent("the gateway asks to wait", retry_after, answered=True)


def _declined(reply: Declined) -> Outcome:
    if (why := _BLOCKED.get(reply.code)) is not None:
        return Blocked(why)
    if (why := _CLOSED.get(reply.code)) is not None:
        return Closed(why)
    if (why := _REFUSED.get(reply.code)) is not None:
        return Refused(reply.code, why)
    if reply.code == _TOO_MANY_REQUESTS:
        return _throttled(None)
    return InDoubt(f"the gateway answered code {reply.code}")


def _taken(reply: Taken, phones: Sequence[str]) -> Outcome:
    if (lines := _all_taken(reply, phones)) is not None:
        return Sent(reply.message_id, lines, leaves_at=reply.leaves_at)
    place = dict(zip(phones, range(len(phones)), strict=True))
    answers = {place.get(line.phone or "", -1): line for line in reply.lines}
    if -1 in answers:
        return InDoubt("the answer speaks of numbers that are not in the batch")
    if len(answers) < len(reply.lines):
        return InDoubt("the answer speaks twice of one number")
    known = {spot: line for spot, line in answers.items() if line.accepted is not None}
    lines = MessageResults(
        states={
            spot: MessageState.SENT if line.accepted else MessageState.REJECTED
            for spot, line in known.items()
        },
        codes={spot: line.code or 0 for spot, line in known.items() if line.accepted is False},
        segments=sum(line.segments for line in known.values()),
        cost=sum((line.cost for line in known.values()), Decimal(0)),
    )
    if len(known) < len(phones):
        why = f"the answer leaves out {len(phones) - len(known)} of {len(phones)} numbers"
        return InDoubt(why, reply.message_id, lines)
    blocked = next((_BLOCKED[code] for code in lines.codes.values() if code in _BLOCKED), "")
    return Sent(reply.message_id, lines, blocked, reply.leaves_at)


def _all_taken(reply: Taken, phones: Sequence[str]) -> MessageResults | None:
    """What a reply says that takes each line as it was asked for, as nearly all do; else None."""
    if not reply.lines or len(set(phones)) < len(phones):
        return None
    numbers, accepted, _, segments, costs = zip(*reply.lines, strict=True)
    if numbers != tuple(phones) or accepted.count(True) < len(phones):
        return None
    states = dict.fromkeys(range(len(phones)), MessageState.SENT)
    return MessageResults(states, {}, sum(segments), sum(costs, Decimal(0)))
