"""Evidence, written: what a batch's attempts prove changes its row, its attempts and the record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from dispatcher.campaigns.evidence import (
    TO_GO,
    UNPROVEN,
    AttemptEvidence,
    Verdict,
    judge,
    next_lookup,
    written,
)
from dispatcher.campaigns.hand_over import looked_up
from dispatcher.campaigns.states import BatchState, MessageState
from dispatcher.storage import actions
from dispatcher.storage.batches import moves, reports
from dispatcher.storage.batches.lookups import BatchSnapshot, snapshot
from dispatcher.storage.tables import Attempt, Batch

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the gateway shows of a batch, and when it is asked again."""

    #: tag -> position -> state
    by_tag: Mapping[str, Mapping[int, MessageState]] = field(repr=False)
    #: the next lookup, by how many were made
    lookup_at: Callable[[int], datetime]
    #: the first poll of what is proven to have been sent
    poll_at: datetime
    #: why what does not show stays in doubt; None if the doubt's own lookup was not due
    why: str | None = None
    #: True if its lookup was due, so that the next one is
    was_due: bool = False


def record(session: Session, batch_id: int, shown: Shown, now: datetime) -> Verdict:
    """Judge a batch by all that its attempts have shown, and write what follows.

    Its row is locked first: the verdict is on the batch as it stands, whatever anybody did while
    the gateway was asked. Raises NotFound.
    """
    batch = snapshot(session, batch_id, lock=True)
    found = [replace(one, now=shown.by_tag.get(one.tag, {})) for one in batch.attempts]
    verdict = judge(batch.state, batch.states, found)
    _write_batch(session, batch, verdict, shown, now)
    for attempt in found:
        _write_attempt(session, batch, attempt, verdict, shown, now)
    if verdict.state is BatchState.IN_DOUBT is not batch.state:
        moves.announce_doubt(session, batch_id, now)
    note_corrections(session, batch_id, batch.campaign_id, verdict.corrected, now)
    if verdict.twice:
        _note_twice(session, batch, verdict, now)
    return verdict


def note_corrections(
    session: Session,
    batch_id: int,
    campaign_id: int,
    corrected: Mapping[MessageState, int],
    now: datetime,
    *,
    held: bool = False,
) -> None:
    """Put on record that messages that had ended otherwise were taken: old state -> how many.

    They were texted, or the gateway ``held`` them and texts them at their hour.
    """
    if not corrected:
        return
    people = sum(corrected.values())
    were = ", ".join(f"{count} {state}" for state, count in sorted(corrected.items()))
    given_up = MessageState.UNREPORTED in corrected
    actions.note(
        session,
        campaign_id,
        verb=actions.CONTRADICTED if given_up else actions.CORRECTION,
        actor="dispatcher",
        now=now,
        reason=f"batch {batch_id} was handed over after all, and leaves at its hour: until now its"
        f" messages counted as {were}"
        if held
        else f"batch {batch_id} was sent after all: until now its messages counted as {were}",
        batch_id=batch_id,
    )
    log.error("batch %d was taken after all: %d recipients", batch_id, people)


def _note_twice(session: Session, batch: BatchSnapshot, verdict: Verdict, now: datetime) -> None:
    people = len(verdict.twice)
    actions.note(
        session,
        batch.campaign_id,
        verb=actions.INCIDENT,
        actor="dispatcher",
        now=now,
        reason=f"attempt {verdict.number} of batch {batch.id} was sent, and so was another:"
        f" {people} people",
        batch_id=batch.id,
    )
    log.critical("batch %d was sent twice: %d recipients", batch.id, people)


def _write_batch(
    session: Session, batch: BatchSnapshot, verdict: Verdict, shown: Shown, now: datetime
) -> None:
    values = _columns(batch, verdict, shown, now)
    if verdict.copies and verdict.grown:
        values["copies"] = verdict.copies
    if values or verdict.states != batch.states:
        statement = (
            update(Batch)
            .where(
                Batch.id == batch.id,
                Batch.state == batch.state,
                Batch.attempt == batch.attempt,
                Batch.states == batch.states,
            )
            .values({**moves.counted(verdict.states), "state": verdict.state, **values})
        )
        if moves.applied(session, statement):
            reports.add(session, [(batch.id, batch.states, verdict.states)], now)


def _columns(batch: BatchSnapshot, verdict: Verdict, shown: Shown, now: datetime) -> dict[str, Any]:
    """The columns of the batch that change with its state, or with its lookup."""
    was, becomes = batch.state, verdict.state
    if becomes is BatchState.IN_DOUBT:
        if was is not BatchState.IN_DOUBT:
            why = "an attempt thought unsent shows at the gateway"
            return {"why": why, "sent_at": now, "check_at": now, "checks": 0}
        if shown.why is None:
            return {}
        check_at = looked_up(shown.lookup_at(batch.checks + 1), batch.leaves_at, now)
        return {"why": shown.why, "check_at": check_at, "checks": batch.checks + 1}
    if becomes is BatchState.PENDING is not was:
        return moves.again(now)
    if becomes is was and not verdict.proven:
        return {}
    if becomes is was in TO_GO:
        return {"sent_at": now}  # its other columns are about those who are still to go
    poll_at, sent_at = shown.poll_at, batch.sent_at or now
    if batch.leaves_at is not None and batch.leaves_at > now:
        # without an id it cannot be recalled: it leaves, and is polled from then on
        poll_at += batch.leaves_at - now
        sent_at = batch.leaves_at
    elif was is not BatchState.IN_DOUBT:
        sent_at = now  # from here on its reports are waited for
    elif batch.leaves_at is not None:
        sent_at = max(sent_at, batch.leaves_at)  # the doubt may have begun days before its hour
    late = was not in (BatchState.IN_DOUBT, BatchState.PENDING)
    return {
        "why": "a late proof: it had been taken" if late else "",
        "sent_at": sent_at,
        "check_at": (sent_at if late else poll_at) if becomes is BatchState.SENT else None,
        "checks": 0,
    }


def _write_attempt(
    session: Session,
    batch: BatchSnapshot,
    attempt: AttemptEvidence,
    verdict: Verdict,
    shown: Shown,
    now: datetime,
) -> None:
    values: dict[str, Any] = {}
    if (texted := verdict.grown.get(attempt.number)) is not None:
        on_record = attempt.on_record | (verdict.twice & texted)
        values["shown"] = written(len(batch.states), texted, on_record)
    if attempt.number in verdict.grown or verdict.state is not batch.state:
        outcome, detail = _end(batch, attempt, verdict)
        if outcome is not None:
            values |= {"outcome": outcome, "detail": detail, "ended_at": now}
    settled = batch.state is BatchState.IN_DOUBT is not verdict.state
    opens = settled and attempt.outcome in (None, "in_doubt", *UNPROVEN)
    if opens or (shown.was_due and attempt.check_at is not None):
        values["check_at"] = next_lookup(
            attempt, verdict.state, now, shown.lookup_at(attempt.checks + 1)
        )
        values["checks"] = attempt.checks + 1
    if values:
        session.execute(
            update(Attempt)
            .where(Attempt.batch_id == batch.id, Attempt.number == attempt.number)
            .values(values)
        )


def _end(
    batch: BatchSnapshot, attempt: AttemptEvidence, verdict: Verdict
) -> tuple[str | None, str]:
    """What an attempt has come to, with a detail; None leaves it as it is."""
    if attempt.outcome == "sent":
        return None, ""
    given_up = attempt.outcome == "given_up"  # it carried nobody who is still to go
    if not given_up and verdict.state is batch.state and batch.state in TO_GO:
        return None, ""
    if not given_up and verdict.state is BatchState.IN_DOUBT:
        shows = bool(attempt.texted) and attempt.outcome in UNPROVEN
        return ("in_doubt", "shows at the gateway") if shows else (None, "")
    if not attempt.texted:
        return (None, "") if attempt.outcome else ("in_doubt", "another attempt was sent")
    if verdict.twice & attempt.texted:
        return "sent", "proven by its tag, too late"
    late = given_up or batch.state not in (BatchState.IN_DOUBT, BatchState.PENDING)
    return "sent", "proven by its tag" + (", after the end" if late else "")
