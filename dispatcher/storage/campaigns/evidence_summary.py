"""A campaign as its evidence describes it, and its totals."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.evidence_file.layout import HASHED
from dispatcher.campaigns.others import Rule, read
from dispatcher.campaigns.states import MessageState
from dispatcher.storage import actions
from dispatcher.storage.batches import left_out
from dispatcher.storage.campaigns import campaign_tags
from dispatcher.storage.campaigns.evidence_rows import Mask, Row, euros, iso
from dispatcher.storage.tables import ACTION, ATTEMPT, BATCH, CAMPAIGN
from dispatcher.texts import has_stop

_COUNTS: Final = tuple(BATCH.c[state.value] for state in MessageState)


def campaign(session: Session, campaign_id: int, words: Mask) -> Row:
    """The campaign as it was submitted, by whom, and what its plan counted."""
    row = session.execute(select(CAMPAIGN).where(CAMPAIGN.c.id == campaign_id)).one()
    own = has_stop(row.text)
    return {
        "reference": words(row.reference),
        "id": row.id,
        "account": row.account or None,
        "tags": list(campaign_tags.of_campaigns(session, [campaign_id]).get(campaign_id, ())),
        **_others(session, row.others, words),
        **_smoothing(row.per_hour, row.over_seconds),
        "state": row.state,
        "paused_because": row.reason and words(row.reason),
        "text": row.text,
        "text_deleted": not row.text and row.survey is None,
        "sender": row.sender,
        "from_number": row.from_number,
        "survey": row.survey,
        "commercial": row.commercial,
        "stop_mention": {
            "in_text": own,
            "added_by_gateway": row.commercial and row.survey is None and not own,
        },
        "consent": row.consent,
        "not_before": iso(row.not_before),
        "not_after": iso(row.not_after),
        "submitted": _submission(session, campaign_id),
        "submitted_at": iso(row.created_at),
        # nobody approves a campaign yet: whoever does is named here
        "approved": None,
        "ended_at": iso(row.ended_at),
        "fingerprint": row.fingerprint,
        "plan": row.plan_fingerprint,
        "list": {
            "hash": row.list_hash,
            "hash_of": HASHED,
            "rows": row.rows,
            "duplicates": row.duplicates,
            "unusable": row.unusable,
        },
    }


def _others(session: Session, document: str | None, words: Mask) -> Row:
    """The campaigns that it names; nothing for one that names none."""
    found = read(document)
    names = left_out.references(session, {one.campaign for one in found}) if found else {}
    row: dict[str, list[str]] = {}
    for one in found:
        name = words(names[one.campaign])
        if one.rule is Rule.EXCEPT:
            row.setdefault("except_campaign", []).append(name)
        else:
            row["only_campaign"] = [f"{name}:{one.rule}"]
    return row


def _smoothing(per_hour: int | None, over: int | None) -> Row:
    """How it was smoothed, as it was asked for; nothing for one that was not."""
    found = {"per_hour": per_hour, "over_seconds": over}
    return {name: value for name, value in found.items() if value is not None}


def sums(session: Session, campaign_id: int) -> Row:
    """The totals, counted by the database and not from the rows above."""
    columns = (func.count(), BATCH.c.size, BATCH.c.segments, BATCH.c.cost, *_COUNTS)
    batches, *sums = session.execute(
        select(columns[0], *(func.sum(column) for column in columns[1:])).where(
            BATCH.c.campaign_id == campaign_id
        )
    ).one()
    size, segments, cost, *counts = sums
    outcomes = session.execute(
        select(ATTEMPT.c.outcome, func.count())
        .join_from(ATTEMPT, BATCH, BATCH.c.id == ATTEMPT.c.batch_id)
        .where(BATCH.c.campaign_id == campaign_id)
        .group_by(ATTEMPT.c.outcome)
    )
    by_outcome = {outcome or "unknown": count for outcome, count in map(tuple, outcomes)}
    entries = session.execute(
        select(ACTION.c.verb, func.count())
        .where(ACTION.c.campaign_id == campaign_id)
        .group_by(ACTION.c.verb)
    )
    verbs = Counter(dict(map(tuple, entries)))
    states = zip((state.value for state in MessageState), counts, strict=True)
    return {
        "recipients": int(size or 0),
        "batches": batches,
        "states": {name: int(count) for name, count in states if count},
        "segments": int(segments or 0),
        "cost": euros(cost or Decimal(0)),
        "attempts": sum(by_outcome.values()),
        "outcomes": dict(sorted(by_outcome.items())),
        "entries": verbs.total(),
        "incidents": sum(verbs[verb] for verb in actions.INCIDENTS),
        "corrections": verbs[actions.CORRECTION],
    }


def _submission(session: Session, campaign_id: int) -> Row | None:
    """Who submitted it, from where, and why it is not commercial if it is not."""
    entry = session.execute(
        select(ACTION.c.actor, ACTION.c.origin, ACTION.c.reason)
        .where(ACTION.c.campaign_id == campaign_id, ACTION.c.verb == "submit")
        .order_by(ACTION.c.id)
        .limit(1)
    ).one_or_none()
    return None if entry is None else {"by": entry[0], "from": entry[1], "reason": entry[2]}
