"""What the gateway holds and is asked for back.

While nobody wants a batch back its ``check_at`` is null. Set, it is when the gateway is asked
next, and ``why`` says for what reason: whoever dies meanwhile leaves a row that says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.hand_over import BACK, CANCELLED, OPTED_OUT, OTHER_HOUR, to_be
from dispatcher.campaigns.states import BatchState, CampaignState, MessageState
from dispatcher.storage import events, meta
from dispatcher.storage import opt_out_marks as left_out
from dispatcher.storage.batches import attempts, moves
from dispatcher.storage.batches import hand_over as handed
from dispatcher.storage.batches.hand_over import IS_HELD
from dispatcher.storage.tables import (
    BATCH,
    OPT_OUT,
    RECIPIENT,
    Batch,
    Campaign,
    in_state,
)
from dispatcher.window import Hold

#: the version of the opt-out list that everything handed over was last held against
_SEEN = "handed_over_opt_outs"
#: those who opted out so long before the last look are looked at once more
_MARGIN = timedelta(hours=1)
_TO_GO = MessageState.PENDING.letter


@dataclass(frozen=True, slots=True)
class Wanted:
    """A batch taken to be asked for back, once."""

    id: int
    campaign_id: int
    number: int
    attempt: int
    tag: str
    message_id: str
    leaves_at: datetime
    why: str
    #: how often the gateway was asked before
    checks: int


def want(session: Session, which: ColumnElement[bool], why: str, now: datetime) -> int:
    """Have the gateway asked for what it holds, or is about to, back; returns how many batches."""
    wanted = session.execute(
        update(Batch)
        .where(
            which,
            or_(IS_HELD, in_state(BatchState.SENDING)),
            Batch.leaves_at.is_not(None),
            Batch.check_at.is_(None),
        )
        .values(check_at=now, why=why)
        .returning(Batch.id)
    )
    return len(wanted.all())


def want_of_campaign(session: Session, campaign_id: int, why: str, now: datetime) -> int:
    """Want back all that the gateway holds of a campaign; returns how many batches."""
    return want(session, Batch.campaign_id == campaign_id, why, now)


def want_cancelled(session: Session, now: datetime) -> int:
    """Want back what came to be held after its campaign was cancelled."""
    cancelled = select(Campaign.id).where(Campaign.state == CampaignState.CANCELLED)
    return want(session, and_(IS_HELD, Batch.campaign_id.in_(cancelled)), CANCELLED, now)


def want_opted_out(session: Session, now: datetime) -> int:
    """Want back what is for somebody who has opted out since it was handed over.

    Looked for among those who are new since the list's last version that was held against it.
    """
    version = session.scalar(select(left_out.version())) or ""
    noted = meta.get(session, _SEEN)
    seen = {"version": "", "at": None} if noted is None else json.loads(noted)
    if seen["version"] == version:
        return 0
    new: list[ColumnElement[bool]] = []
    if seen["at"] is not None:
        # not all clocks agree, and who is added first may be committed last
        new = [OPT_OUT.c.created_at > min(now, datetime.fromisoformat(seen["at"])) - _MARGIN]
    concerned = (
        select(RECIPIENT.c.batch_id)
        .join_from(OPT_OUT, RECIPIENT, OPT_OUT.c.phone == RECIPIENT.c.phone)
        .join(BATCH, BATCH.c.id == RECIPIENT.c.batch_id)
        .where(
            IS_HELD,
            func.substr(BATCH.c.states, RECIPIENT.c.position + 1, 1) == _TO_GO,
            *new,
        )
        .distinct()
    )
    wanted = want(session, Batch.id.in_(session.scalars(concerned).all()), OPTED_OUT, now)
    told = json.dumps({"version": version, "at": now.isoformat()})
    meta.put(session, _SEEN, told)
    return wanted


def outdated(session: Session, rule: str) -> list[tuple[str, datetime]]:
    """Territories and hours of what is held and was judged by another rule than ``rule``."""
    rows = session.execute(
        select(Batch.territory, Batch.leaves_at)
        .where(IS_HELD, Batch.rule.not_in(("", rule)))
        .distinct()
    )
    return [(row.territory, row.leaves_at) for row in rows]


def judge(
    session: Session,
    territory: str,
    leaves_at: datetime,
    rule: str,
    hold: Hold | None,
    now: datetime,
) -> None:
    """Write down how ``rule`` judged an hour, and want back what would leave in a closed window."""
    these = and_(
        IS_HELD,
        Batch.territory == territory,
        Batch.leaves_at == leaves_at,
        Batch.rule.not_in(("", rule)),
    )
    if hold is not None:
        want(session, these, f"{BACK}{hold.why}", now)
    session.execute(update(Batch).where(these).values(rule=rule))


def due(session: Session, now: datetime, account: str) -> bool:
    """Whether an account is to be asked for anything now."""
    asked = (
        select(Batch.id)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(IS_HELD, Batch.check_at <= now, Campaign.account == account)
    )
    return bool(session.scalar(select(exists(asked))))


def take(session: Session, now: datetime, lease: timedelta, account: str) -> Wanted | None:
    """Take an account's batch whose hour is next: nobody else asks before the lease ends.

    Another account may not be asked for it: it would answer that it knows no such message.
    """
    batch = session.scalar(
        select(Batch)
        .join(Campaign, Campaign.id == Batch.campaign_id)
        .where(IS_HELD, Batch.check_at <= now, Campaign.account == account)
        .order_by(Batch.leaves_at, Batch.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Batch)
    )
    if batch is None or batch.leaves_at is None:
        return None
    found = Wanted(
        id=batch.id,
        campaign_id=batch.campaign_id,
        number=batch.number,
        attempt=batch.attempt,
        tag=batch.tag or "",
        message_id=batch.message_id or "",
        leaves_at=batch.leaves_at,
        why=batch.why,
        checks=batch.checks,
    )
    batch.check_at = now + lease
    batch.checks += 1
    return found


def given_back(session: Session, batch: Wanted, now: datetime) -> bool:
    """The gateway will not send it: it ends with its campaign, or is to be handed over anew."""
    state = session.scalar(select(Campaign.state).where(Campaign.id == batch.campaign_id))
    ends = state == CampaignState.CANCELLED
    earlier = Batch.sent > 0  # a part that an earlier attempt sent keeps its reports
    values: dict[str, Any] = {
        "state": BatchState.PENDING,
        "not_before": now,
        "leaves_at": Batch.not_before,
        "why": to_be(batch.leaves_at),
        "check_at": None,
        "checks": 0,
        "message_id": None,
        "sent_at": case((earlier, Batch.sent_at)),
    }
    if batch.why == OTHER_HOUR:  # it would say so again: the hour is waited for here
        values |= {"not_before": Batch.not_before, "leaves_at": None, "why": "scheduled"}
    if ends:
        letter = MessageState.CANCELLED.letter
        values |= {
            "state": case((earlier, BatchState.SENT.value), else_=BatchState.CANCELLED.value),
            "check_at": case((earlier, Batch.sent_at)),
            "why": "",
            "states": func.replace(Batch.states, _TO_GO, letter),
            "cancelled": Batch.cancelled + Batch.pending,
            "pending": 0,
        }
    if not _applied(session, batch, values):
        return False
    attempts.end(session, batch.tag, outcome=attempts.RECALLED, detail=batch.why, now=now)
    return True


def not_given_back(session: Session, batch: Wanted, at: datetime, poll_at: datetime) -> bool:
    """It leaves ``at``, or has left then, whatever is asked."""
    return _applied(session, batch, handed.sent(at, poll_at))


def ask_again(session: Session, batch: Wanted, check_at: datetime) -> bool:
    """Nothing is known yet."""
    return _applied(session, batch, {"check_at": check_at})


def doubt(session: Session, batch: Wanted, why: str, *, check_at: datetime, now: datetime) -> bool:
    """Nobody knows whether it leaves: it is looked up by its tag, and never sent again."""
    raised = _applied(
        session,
        batch,
        {
            "state": BatchState.IN_DOUBT,
            "why": why,
            "sent_at": now,
            "check_at": check_at,
            "checks": 0,
        },
    )
    if raised:
        attempts.end(session, batch.tag, outcome="in_doubt", detail=why, now=now)
        events.add(
            session, "doubt_raised", now=now, campaign_id=batch.campaign_id, batch_id=batch.id
        )
    return raised


def _applied(session: Session, batch: Wanted, values: dict[str, Any]) -> bool:
    return moves.applied(
        session,
        update(Batch)
        .where(IS_HELD, Batch.id == batch.id, Batch.attempt == batch.attempt)
        .values(values),
    )
