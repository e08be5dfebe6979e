"""Joins the parts of long replies, which arrive in any order and any number of times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dispatcher.gateway.smspartner.inbound.replies import PersonReply
from dispatcher.recipients.refusals import Refusal, refusal_of

#: the person, our number, the network's reference, the number of parts
_Key = tuple[str, str | None, str, int]


@dataclass(frozen=True, slots=True)
class Joined:
    """Whole replies, and the parts of incomplete ones."""

    whole: tuple[PersonReply, ...]
    waiting: tuple[PersonReply, ...]


def join(replies: Iterable[PersonReply]) -> Joined:
    """Join parts; order and repetition do not change the result.

    A reference is a byte of the network's and comes again some day: give only parts that came
    within hours of each other. Two calls that claim to be the same part with different texts
    are a new reply under an old reference, or a forgery: nothing of theirs is joined.
    """
    whole: dict[tuple[str, str | None, str | None, str], PersonReply] = {}
    groups: dict[_Key, dict[int, list[PersonReply]]] = {}
    for reply in replies:
        if reply.part is None:
            same_call = (reply.phone, reply.to, reply.message_id, reply.text)
            whole[same_call] = min(reply, whole.get(same_call, reply), key=_order)
            continue
        key = (reply.phone, reply.to, reply.part.reference, reply.part.total)
        same = groups.setdefault(key, {}).setdefault(reply.part.number, [])
        if reply not in same:
            same.append(reply)
    joined, waiting = [], []
    for (_, _, _, total), parts in groups.items():
        agreed = all(len({part.text for part in same}) == 1 for same in parts.values())
        if len(parts) == total and agreed:
            joined.append(_joined([_first(parts[number]) for number in range(1, total + 1)]))
        else:
            waiting += [part for same in parts.values() for part in same]
    return Joined(tuple(_sorted([*whole.values(), *joined])), tuple(_sorted(waiting)))


def _joined(parts: list[PersonReply]) -> PersonReply:
    text = "".join(part.text for part in parts)
    instants = [part.at for part in parts if part.at is not None]
    stop = refusal_of(text) is Refusal.CLEAR or any(part.stop for part in parts)
    probable = refusal_of(text) is Refusal.PROBABLE or any(part.probable for part in parts)
    return replace(
        parts[0],
        text=text,
        stop=stop,
        probable=probable and not stop,
        at=min(instants, default=None),
        part=None,
    )


def _first(same: list[PersonReply]) -> PersonReply:
    return min(same, key=_order)


def _sorted(replies: list[PersonReply]) -> list[PersonReply]:
    return sorted(replies, key=_order)


def _order(reply: PersonReply) -> tuple[str, ...]:
    part = reply.part
    return (
        reply.at.isoformat() if reply.at else "",
        reply.phone,
        reply.to or "",
        part.reference if part else "",
        f"{part.number:03d} of {part.total:03d}" if part else "",
        reply.message_id or "",
        reply.text,
        str(reply.stop),
    )
