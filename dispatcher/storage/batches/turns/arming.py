"""The half of a turn that arms batches (PostgreSQL)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Float,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    exists,
    extract,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from dispatcher.campaigns.smoothing import TOLERANCE
from dispatcher.campaigns.states import BATCH_MOVES, BatchState, sources
from dispatcher.campaigns.turn import Arming, Terms
from dispatcher.storage import account_waits, opt_outs, postgresql, schema
from dispatcher.storage.batches import queue
from dispatcher.storage.batches.paces import PACE
from dispatcher.storage.batches.turns.parts import INSTANT, NOW, after, any_of, rows_of, whole
from dispatcher.storage.planner import judged
from dispatcher.storage.tables import ATTEMPT, BATCH, CAMPAIGN, META

#: what an attempt has from the turn
_OF_ATTEMPT = ("tag", "messages", "cost", "covers", "leaves_at")


def version() -> CTE:
    """The version of the opt-out list; an opt-out waits for it, or is waited for.

    Not for ever: behind a pooler a single statement has the limits of its role alone, and the
    threads of a process wait for one turn, with the outcomes that they have.
    """
    name = "lock_timeout"
    limit = func.set_config(name, postgresql.LOCK_TIMEOUT, literal(True))
    limited = case((func.current_setting(name) == "0", limit), else_="").is_not(None)
    return (
        select(META.c.value)
        .where(META.c.name == opt_outs.VERSION, limited)
        .with_for_update(read=True)
        .cte("opt_outs_version")
    )


def begun(version: CTE, doubts: Select[int], same: ColumnElement[bool], *, paced: bool) -> CTE:
    """The attempts that begin, in the ``same`` database; without ``paced`` no pace is looked at."""
    # a pause waits for them
    running = (
        select(CAMPAIGN.c.id, CAMPAIGN.c.funded_to)
        .where(
            CAMPAIGN.c.id == any_of("campaign_ids"),
            judged(queue.runs(), queue.OF_ACCOUNT),
            *after(version),
        )
        .with_for_update(skip_locked=True, read=True)
        .cte("running")
    )
    names = ("id", "campaign_id", "number", "state", "attempt", "not_before", "states")
    free = (
        select(*(BATCH.c[name] for name in names))
        .where(BATCH.c.id == any_of("arm_ids"), *after(version))
        .with_for_update(skip_locked=True, key_share=True)
        .cte("free")
    )
    asked = rows_of(
        "asked",
        id=BigInteger(),
        attempt=Integer(),
        states=Text(),
        opt_outs=Text(),
        tag=Text(),
        messages=Integer(),
        cost=BigInteger(),
        covers=Text(),
        leaves_at=INSTANT,
        **({"step": Float()} if paced else {}),
    )
    skew = func.abs(extract("epoch", func.clock_timestamp() - bindparam("clock", type_=INSTANT)))
    chosen = (
        select(asked.c.id, *(asked.c[name] for name in _OF_ATTEMPT))
        .join_from(asked, free, free.c.id == asked.c.id)
        .join(running, running.c.id == free.c.campaign_id)
        .where(
            free.c.state.in_(sources(BATCH_MOVES, BatchState.SENDING)),
            free.c.attempt == asked.c.attempt,
            free.c.not_before <= NOW,
            free.c.states == asked.c.states,
            or_(running.c.funded_to.is_(None), free.c.number <= running.c.funded_to),
            doubts.scalar_subquery() < bindparam("doubt_limit"),
            # a list without a version is equal to no other
            select(version.c.value).scalar_subquery() == asked.c.opt_outs,
            account_waits.is_over(),
            # another version may have migrated the tables a moment ago
            exists().where(schema.version_num == bindparam("its_schema")),
            same,
            skew <= bindparam("most_skew", type_=Float),
        )
    )
    pace = _pace(version) if paced else None
    if pace is not None:  # the row is locked by another turn: the batch is left alone
        chosen = (
            chosen.add_columns(free.c.campaign_id, asked.c.step)
            .outerjoin(pace, pace.c.campaign_id == free.c.campaign_id)
            .where(
                or_(asked.c.step.is_(None), pace.c.next_at <= bindparam("on_time", type_=INSTANT))
            )
        )
    taken = chosen.cte("taken")
    armed = (
        update(BATCH)
        .where(BATCH.c.id == taken.c.id, BATCH.c.id == any_of("arm_ids"))
        .values(
            state=BatchState.SENDING,
            attempt=BATCH.c.attempt + 1,
            tag=taken.c.tag,
            lease_until=bindparam("until", type_=INSTANT),
            why="",
            message_id=None,  # the attempt before may have left one
        )
        .returning(
            BATCH.c.id,
            BATCH.c.attempt,
            *(taken.c[name] for name in _OF_ATTEMPT),
        )
        .cte("armed")
    )
    values: dict[str, Any] = {
        "batch_id": armed.c.id,
        "number": armed.c.attempt,
        "worker": bindparam("its_worker", type_=Text),
        "armed_at": NOW,
        "checks": literal(0),
        **{name: armed.c[name] for name in _OF_ATTEMPT},
    }
    attempts = (
        insert(ATTEMPT)
        .from_select(list(values), select(*values.values()), include_defaults=False)
        .returning(ATTEMPT.c.tag)
    )
    return (attempts.add_cte(_moved_on(taken)) if paced else attempts).cte("begun")


def _pace(version: CTE) -> CTE:
    """When the next batches of smoothed campaigns may be armed, as nobody else can change it."""
    return (
        select(PACE.c.campaign_id, PACE.c.next_at)
        .where(PACE.c.campaign_id == any_of("campaign_ids"), *after(version))
        .with_for_update(skip_locked=True)
        .cte("pace")
    )


def _moved_on(taken: CTE) -> CTE:
    """The paces of the campaigns of which a batch is taken, which takes its share of the hour."""
    share: ColumnElement[timedelta] = literal_column("INTERVAL '1 second'") * taken.c.step
    return (
        update(PACE)
        .where(PACE.c.campaign_id == taken.c.campaign_id, taken.c.step.is_not(None))
        .values(next_at=func.greatest(PACE.c.next_at, NOW) + share)
        .returning(PACE.c.campaign_id)
        .cte("moved_on")
    )


def asked_by(arms: Sequence[Arming], terms: Terms, database: str) -> dict[str, Any]:
    """The parameters of ``begun`` and of its condition on the ``database``."""
    rows = [
        {
            "id": arm.batch.id,
            "attempt": arm.batch.attempt,
            "states": arm.batch.states,
            "opt_outs": arm.batch.opt_outs,
            "tag": arm.tag,
            "messages": len(arm.batch.recipients),
            "cost": whole(arm.cost),
            "covers": arm.batch.covers,
            "leaves_at": arm.batch.leaves_at,
            **({} if arm.step is None else {"step": arm.step}),
        }
        for arm in arms
    ]
    return {
        "asked": orjson.dumps(rows).decode(),
        "arm_ids": [arm.batch.id for arm in arms],
        "campaign_ids": list({arm.batch.campaign_id for arm in arms}),
        "account": terms.account,
        "until": terms.now + terms.lease,
        "on_time": terms.now + TOLERANCE,
        "doubt_limit": terms.doubt_limit,
        "clock": terms.clock,
        "most_skew": terms.most_skew.total_seconds(),
        "its_worker": terms.worker,  # a parameter named as a column would be its value
        "its_schema": schema.revisions()[-1],
        "its_database": database,
        **account_waits.asked(terms.account, terms.now),
    }
