"""The workers' app with a naive policy, "retry on any error", which texts people twice.

It proves that the audit notices double texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from types import ModuleType
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from dispatcher.campaigns.outcome import InDoubt, NotSent, Outcome
from dispatcher.campaigns.states import BatchState
from dispatcher.dispatch.sending import request
from dispatcher.gateway import SendReply
from dispatcher.gateway.outcomes import verdict
from dispatcher.storage.batches import moves
from dispatcher.storage.tables import Batch
from workers.celery import app

__all__ = ["app"]


def retry(reply: SendReply, phones: Sequence[str]) -> Outcome:
    """The verdict of the gateway, but with an answer that proves nothing as a failure."""
    outcome = verdict(reply, phones)
    return NotSent(outcome.why, 1) if isinstance(outcome, InDoubt) else outcome


def requeue(session: Session, now: datetime, check_at: datetime) -> list[int]:
    """Send the batches of lost workers again."""
    session.execute(
        update(Batch)
        .where(Batch.state == BatchState.SENDING, Batch.lease_until < now)
        .values(state=BatchState.PENDING, lease_until=None, not_before=now)
    )
    return []


def _replace(module: ModuleType, name: str, by: Callable[..., Any]) -> None:
    setattr(module, name, by)


_replace(request, "verdict", retry)
_replace(moves, "rescue", requeue)
