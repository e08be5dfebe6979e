"""Gathering: a due batch with everything that its request needs, for those who may be texted."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.caps import WEEKLY_CODE
from dispatcher.campaigns.states import MessageState
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.sending.caps import SendCaps
from dispatcher.storage import opt_outs, replacement
from dispatcher.storage.batches import due, results


class Gather:
    """Reads the batch that a hint names."""

    def __init__(self, context: Context, caps: SendCaps) -> None:
        self._context = context
        self._caps = caps

    def gather(self, batch_id: int) -> DueBatch | None:
        """The batch if it may leave now, without those who opted out or reached the weekly cap."""
        with self._context.database.read() as session:
            batch, excluded = self._read(session, batch_id)
        while batch is not None and (excluded or batch.opt_outs is None):
            with self._context.database.write() as session:
                if excluded:
                    results.leave_out(session, batch, excluded, codes=_codes(excluded))
                    replacement.replace_erased(session, batch.id)
                if batch.opt_outs is None:  # a list without a version allows no claim
                    opt_outs.make_version(session)
                batch, excluded = self._read(session, batch_id)
        return batch

    def _read(
        self, session: Session, batch_id: int
    ) -> tuple[DueBatch | None, dict[int, MessageState]]:
        """The batch if it may leave, and the new states of positions that must not be texted."""
        found = due.find_due(session, batch_id, self._context.clock(), self._context.account)
        if found is None:
            return None, {}
        batch, obstacles = found
        if not self._context.may_leave(obstacles, commercial=batch.commercial):
            return None, {}
        over = self._caps.over_weekly(session, batch)
        return batch, {
            **dict.fromkeys(over, MessageState.REJECTED),
            **dict.fromkeys(batch.recipients.opted_out, MessageState.OPTED_OUT),
        }


def _codes(excluded: Mapping[int, MessageState]) -> dict[int, int]:
    """Our code of each position that reached the weekly cap."""
    rejected = [p for p, state in excluded.items() if state is MessageState.REJECTED]
    return dict.fromkeys(rejected, WEEKLY_CODE)
