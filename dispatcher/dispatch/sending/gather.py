"""Gathering: a due batch with everything that its request needs, for those who may be texted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.caps import WEEKLY_CODE
from dispatcher.campaigns.others import Judgement, judge
from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.unreachable import UNREACHABLE_CODE, Rule
from dispatcher.campaigns.waits import Wait
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.sending.caps import SendCaps
from dispatcher.storage import opt_outs, others, replacement, unreachable
from dispatcher.storage.batches import due, left_out, moves, results
from dispatcher.window import Hold

_NOBODY = Judgement({}, {})


@dataclass(frozen=True, slots=True)
class _Read:
    """A batch that may leave, and who of it must not be texted."""

    batch: DueBatch | None
    #: the new states of positions that must not be texted
    excluded: Mapping[int, MessageState] = field(default_factory=dict)
    #: position -> our own code, of those that are rejected
    codes: Mapping[int, int] = field(default_factory=dict)
    #: position -> the campaign because of which it is left out
    causes: Mapping[int, int] = field(default_factory=dict)
    #: of whom nobody knows yet whether another campaign leaves them out
    others: Judgement = _NOBODY


class Gather:
    """Reads the batch that a hint names."""

    def __init__(self, context: Context, caps: SendCaps) -> None:
        self._context = context
        self._caps = caps
        self._rule = Rule.of(context.settings)

    def gather(self, batch_id: int) -> DueBatch | None:
        """The batch if it may leave now, without those who must not be texted.

        They opted out, reached the weekly cap, are unreachable, or are left out because of another
        campaign.
        """
        with self._context.database.read() as session:
            found = self._read(session, batch_id)
        while (batch := found.batch) and (found.excluded or batch.opt_outs is None):
            with self._context.database.write() as session:
                if found.excluded:
                    self._leave_out(session, batch, found)
                if batch.opt_outs is None:  # a list without a version allows no claim
                    opt_outs.make_version(session)
                found = self._read(session, batch_id)
        if batch is not None and found.others.unknown:
            self._wait(batch, found.others)
            return None
        return batch

    def _read(self, session: Session, batch_id: int) -> _Read:
        """The batch if it may leave, and who of it must not be texted."""
        due_batch = due.find_due(session, batch_id, self._context.clock(), self._context.account)
        if due_batch is None:
            return _Read(None)
        batch, obstacles = due_batch
        if not self._context.may_leave(obstacles, commercial=batch.commercial):
            return _Read(None)
        opted_out = dict.fromkeys(batch.recipients.opted_out, MessageState.OPTED_OUT)
        judgement = self._judge(session, batch)
        if judgement.unknown:  # who is left out may be another one by then
            return _Read(batch, opted_out, others=judgement)
        rows = zip(batch.recipients.positions, batch.recipients.phones, strict=True)
        causes = {
            position: judgement.left_out[phone]
            for position, phone in rows
            if phone in judgement.left_out and position not in opted_out
        }
        codes = {
            **dict.fromkeys(self._caps.over_weekly(session, batch), WEEKLY_CODE),
            **dict.fromkeys(self._unreachable(session, batch), UNREACHABLE_CODE),
        }
        codes = {p: code for p, code in codes.items() if p not in causes and p not in opted_out}
        excluded = {
            **dict.fromkeys(codes, MessageState.REJECTED),
            **dict.fromkeys(causes, MessageState.LEFT_OUT),
            **opted_out,
        }
        return _Read(batch, excluded, codes, causes)

    def _unreachable(self, session: Session, batch: DueBatch) -> set[int]:
        """Positions of ``batch`` whose last messages were not delivered."""
        if self._rule is None or batch.test or not batch.commercial:
            return set()
        places = dict(zip(batch.recipients.phones, batch.recipients.positions, strict=True))
        gone = unreachable.among(session, places, self._rule, self._context.clock())
        return {places[phone] for phone in gone}

    def _judge(self, session: Session, batch: DueBatch) -> Judgement:
        """Who is left out because of another campaign; nothing is asked where none is named."""
        if not batch.others:
            return _NOBODY
        gone = set(batch.recipients.opted_out)
        rows = zip(batch.recipients.positions, batch.recipients.phones, strict=True)
        phones = [phone for position, phone in rows if position not in gone]
        return judge(phones, batch.others, others.find(session, phones, batch.others))

    def _leave_out(self, session: Session, batch: DueBatch, found: _Read) -> None:
        done = results.leave_out(session, batch, found.excluded, codes=found.codes)
        if done and found.causes:
            left_out.note(session, batch.id, len(batch.states), found.causes)
        replacement.replace_erased(session, batch.id)

    def _wait(self, batch: DueBatch, judgement: Judgement) -> None:
        now = self._context.clock()
        hold = Hold(judgement.again(now), judgement.why)
        with self._context.database.write() as session:
            moves.postpone(session, batch, Wait.OTHERS, hold, now=now)
