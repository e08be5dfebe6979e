"""Replies: stored once, joined when they come in parts, and heard when they refuse."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from dispatcher.campaigns.last_contacts import today_of
from dispatcher.gateway.smspartner import inbound
from dispatcher.storage import (
    contacts,
    erasures,
    events,
    locks,
    opt_out_history,
    opt_outs,
    probable_refusals,
    replies,
    stop_storms,
)
from dispatcher.storage.replies import PostedReply

log = logging.getLogger(__name__)

#: parts of one reply come within this time: their reference is one byte, which is reused
PARTS_WITHIN = timedelta(hours=24)


def store(session: Session, posted: inbound.PersonReply, now: datetime, *, storm: int) -> bool:
    """Store a reply, once, and opt out who refuses; False if it was stored before.

    ``storm`` is the number of STOPs for numbers never texted that raises an alarm.
    """
    call = _call_of(posted)
    locks.replies(session)
    call = replace(call, phone=erasures.known_as(session, call.phone))
    if call.number is not None:
        replies.one_at_a_time(session, call)
    new = replies.add(session, call, now=now)
    if new is not None:
        contacts.heard(session, [call.phone], today_of(min(call.at or now, now)))
    _refuse(session, call, now, storm=storm, repeated=new is None)
    if new is None:
        return False
    if call.number is None:
        _tell(session, new, call, now)
    else:
        _join(session, call, now, storm=storm)
    return True


def _refuse(
    session: Session, call: PostedReply, now: datetime, *, storm: int, repeated: bool = False
) -> None:
    """Put who refuses on the opt-out list, probable refusals until a person decides.

    After a removal from the list a later STOP counts again. One that is dated earlier came
    late, or once more: what came once more changes nothing, and what came late a person
    decides.
    """
    if not (call.stop or call.probable):
        return
    removed_at = opt_out_history.last_removed(session, call.phone)
    late = call.at is not None and removed_at is not None and call.at < removed_at
    if late and repeated:
        return
    if call.stop and not late:
        answered = replies.answered(session, call)
        opt_out(session, call.phone, now, storm=storm, campaign_id=answered)
    else:
        opt_outs.add(session, [call.phone], source=probable_refusals.SOURCE, now=now, probable=True)


def opt_out(
    session: Session,
    phone: str,
    now: datetime,
    *,
    storm: int,
    campaign_id: int | None = None,
) -> None:
    """Opt out a number that said STOP, and raise an alarm if it is one of too many."""
    new = opt_outs.add(session, [phone], source=opt_outs.ANSWERED, now=now, campaign_id=campaign_id)
    if new and stop_storms.note(session, now, storm):
        log.critical("%d STOPs for numbers never texted: is a webhook call forged?", storm)


def _join(session: Session, part: PostedReply, now: datetime, *, storm: int) -> None:
    """Store the whole reply once all its parts have come, in any order."""
    waiting = replies.parts(session, part, since=now - PARTS_WITHIN)
    for whole in inbound.join([_person_reply(part.call) for part in waiting]).whole:
        call = _call_of(whole)
        whole_id = replies.add(session, call, now=now)
        if whole_id is None:
            continue
        replies.absorb(session, [part.id for part in waiting], whole_id)
        _tell(session, whole_id, call, now)
        # the word STOP may have been split between two parts
        _refuse(session, call, now, storm=storm)


def _tell(session: Session, reply_id: int, call: PostedReply, now: datetime) -> None:
    events.add(
        session,
        "reply_received",
        now=now,
        campaign_id=replies.campaign_of(session, reply_id),
        reply_id=reply_id,
        counts={"stop": int(call.stop), **({"probable_refusal": 1} if call.probable else {})},
    )


def _call_of(reply: inbound.PersonReply) -> PostedReply:
    part = reply.part
    return PostedReply(
        phone=reply.phone,
        text=reply.text,
        stop=reply.stop,
        probable=reply.probable,
        sent_to=reply.to,
        message_id=reply.message_id,
        at=reply.at,
        reference=part.reference if part else None,
        number=part.number if part else None,
        total=part.total if part else None,
    )


def _person_reply(call: PostedReply) -> inbound.PersonReply:
    return inbound.PersonReply(
        phone=call.phone,
        text=call.text,
        stop=call.stop,
        probable=call.probable,
        message_id=call.message_id,
        to=call.sent_to,
        at=call.at,
        part=inbound.Part(call.reference or "", call.number or 0, call.total or 0),
    )
