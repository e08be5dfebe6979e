"""Gathering: a due batch with all that its request is made of, for those who may be texted."""

from __future__ import annotations

from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.caps import WEEKLY_CODE
from dispatcher.campaigns.states import MessageState
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.sending.caps import SendCaps
from dispatcher.storage.batches import due, results


class Gathering:
    """Looks up what a hint tells of."""

    def __init__(self, context: Context, caps: SendCaps) -> None:
        self._context = context
        self._caps = caps

    def gather(self, batch_id: int) -> DueBatch | None:
        """The batch if it is due, without those who have opted out or had enough meanwhile."""
        with self._context.database.read() as session:
            batch, left_out = self._look(session, batch_id)
        while batch is not None and left_out:
            with self._context.database.write() as session:
                rejected = [p for p, state in left_out.items() if state is MessageState.REJECTED]
                codes = dict.fromkeys(rejected, WEEKLY_CODE)
                results.leave_out(session, batch, left_out, codes=codes)
                batch, left_out = self._look(session, batch_id)
        return batch

    def _look(
        self, session: Session, batch_id: int
    ) -> tuple[DueBatch | None, dict[int, MessageState]]:
        """The batch if it is due, and whom of it to leave out."""
        batch = due.find_due(session, batch_id, self._context.clock(), self._context.account)
        over = self._caps.over_weekly(session, batch)
        gone = set() if batch is None else batch.recipients.opted_out
        return batch, {
            **dict.fromkeys(over, MessageState.REJECTED),
            **dict.fromkeys(gone, MessageState.OPTED_OUT),
        }
