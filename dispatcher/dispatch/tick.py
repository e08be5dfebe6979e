"""The tick: does what only time causes, and finds what is due."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain, count, zip_longest

from sqlalchemy.orm import Session

from dispatcher.campaigns.caps import Usage, caps_of, day_of
from dispatcher.campaigns.states import BatchState
from dispatcher.dispatch.budgets import let_begin
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.events import delivery
from dispatcher.dispatch.polls import hints_for
from dispatcher.dispatch.reevaluation import Reevaluation
from dispatcher.dispatch.retention import is_due
from dispatcher.dispatch.screening import screen
from dispatcher.dispatch.unforeseen import contained
from dispatcher.storage import (
    balances,
    caps,
    credit,
    heartbeats,
    identity,
    seals,
    stop_list,
    upkeep,
)
from dispatcher.storage.batches import attempts, polls, queue, recalls
from dispatcher.storage.batches import moves as batch_moves
from dispatcher.storage.campaigns import moves as campaign_moves

log = logging.getLogger(__name__)

#: of how many running campaigns a tick looks whether they have ended
_MOST_FINISHED = 1000


@dataclass(frozen=True, slots=True)
class AccountDue:
    """The calls to the gateway that are due for one account."""

    #: how many threads may poll for reports
    polls: int = 0
    #: whether its STOP list is to be read
    stop_list: bool = False
    #: whether its balance is to be read
    credit: bool = False
    #: whether batches that the gateway holds are to be recalled
    recall: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """What a tick found to do: ids of batches, and the calls that are due for each account."""

    send: Sequence[int]
    settle: Sequence[int]
    #: whether events are to be delivered
    events: bool = False
    #: whether old history is to be deleted
    prune: bool = False
    #: whether an occurrence of a series is to be looked at
    series: bool = False
    #: account -> what is due at the gateway
    by_account: Mapping[str, AccountDue] = field(default_factory=dict)

    @property
    def polls(self) -> int:
        """How many polls are due in all."""
        return sum(account_due.polls for account_due in self.by_account.values())

    @property
    def stop_list(self) -> bool:
        """Whether any account's STOP list is to be read."""
        return any(account_due.stop_list for account_due in self.by_account.values())

    @property
    def credit(self) -> bool:
        """Whether any account's balance is to be read."""
        return any(account_due.credit for account_due in self.by_account.values())

    @property
    def recall(self) -> bool:
        """Whether any account has batches to recall from the gateway."""
        return any(account_due.recall for account_due in self.by_account.values())


class Ticks:
    """Any number of them may run at once, on any number of hosts."""

    def __init__(self, contexts: Sequence[Context]) -> None:
        """``contexts`` are those of the accounts, that of the default account first."""
        self._contexts = contexts
        self._context = contexts[0]
        self._reevaluation = Reevaluation(self._context)
        #: processes take turns at random, also if each ticks but once
        self._turn = count(random.randrange(1_000_000))  # noqa: S311 - no secret

    def tick(self, beat: str | None = None) -> Due:
        """Handle lost workers, late batches and ended campaigns; return what is due."""
        now, turn = self._context.clock(), next(self._turn)
        settings, database = self._context.settings, self._context.database
        with database.read() as session:
            todo = upkeep.read(session, now, self._context.windows.policy)
            unchecked = settings.credit_check == "off" and credit.any_limited(session)
        # one for each statement that locks many rows: it waits for no row then (``storage.locks``)
        if todo.over:
            with contained("tick"), database.write() as session:
                campaign_moves.expire_batches(session, now)
        with contained("tick"):
            self._finish(now, todo.running, turn)
        if unchecked:
            with database.write() as session:
                credit.release_all(session)
        lost: list[int] = []
        if todo.lost:
            with database.write() as session:
                check_at = self._context.after(settings.settle_intervals, 0)
                lost = batch_moves.rescue(session, now, check_at)
        if todo.returned:
            with database.write() as session:
                campaign_moves.cancel_returned(session)
        if todo.held:
            with contained("tick"):
                self._reevaluation.look_after_held(now)
        if todo.stale:
            with contained("tick"):
                self._reevaluation.reevaluate(now)
        if todo.ahead:
            with contained("tick"):
                self._reevaluation.put_paces_right(now)
        for context in self._contexts if todo.capped else ():
            with contained("tick"), database.write() as session:
                _release(session, context, now)
        with database.write() as session:
            heartbeats.record_tick(session, beat, now)
            progress = identity.keep(session)
        if progress is not None:
            database.admitted.write(progress)
        if todo.unbudgeted:
            with contained("tick"):
                let_begin(self._context, now)
        for batch_id in lost:
            log.warning("batch %d: its worker was lost; in doubt", batch_id)
        if todo.unscreened:
            with contained("tick"):
                screen(database, now)
        with contained("tick"), database.write() as session:
            seals.add(session, turn=turn)
        with database.read() as session:
            return Due(
                send=_in_turn([_to_send(session, one, now) for one in self._contexts]),
                settle=_in_turn([_to_settle(session, one, now) for one in self._contexts]),
                events=delivery.is_due(session, settings, now),
                by_account={one.account: _account_due(session, one, now) for one in self._contexts},
                prune=is_due(session, settings, now),
                series=todo.series,
            )

    def has_unread_balance(self) -> bool:
        """Whether the balance of the default account is to be read."""
        with self._context.database.read() as session:
            return _is_unread(session, self._context, self._context.clock())

    def _finish(self, now: datetime, running: int, turn: int) -> None:
        """Finish campaigns whose batches have all ended; of very many, some in each tick."""
        groups = -(-running // _MOST_FINISHED) or 1
        skip, database = turn % groups * _MOST_FINISHED, self._context.database
        with database.read() as session:
            ended = campaign_moves.ended(session, skip, _MOST_FINISHED)
        if ended:
            with database.write() as session:
                campaign_moves.finish(session, ended, now)


def _release(session: Session, context: Context, now: datetime) -> None:
    """Release batches that wait for tomorrow because of a cap that has room again."""
    settings, account = context.settings, context.counted
    day = caps_of(settings)[1]
    left = caps.left_since(session, day_of(now), account) if day.set else Usage(0)
    messages, segments = day.room(left, max(settings.prices.values(), default=Decimal(0)))
    released = caps.release(
        session, now, day.reasons, messages=messages, segments=segments, account=account
    )
    if released:
        log.info("%d batches need not wait for another day any more", released)


def _to_send(session: Session, context: Context, now: datetime) -> list[int]:
    obstacles = context.obstacles(session)
    if not context.may_leave(obstacles, commercial=False):
        return []
    commercial = context.may_leave(obstacles, commercial=True)
    most = 4 * context.settings.connections
    return queue.due(session, now, most, context.account, commercial=commercial)


def _to_settle(session: Session, context: Context, now: datetime) -> list[int]:
    return [
        *polls.due_ids(session, BatchState.IN_DOUBT, now, 50, context.account),
        *attempts.due(session, now, account=context.account),
    ]


def _is_unread(session: Session, context: Context, now: datetime) -> bool:
    """Whether the balance of the account is to be read."""
    settings, account = context.settings, context.account
    every = timedelta(seconds=settings.credit_every)
    return settings.credit_check != "off" and credit.due(
        session, account, now, every, balances.PATIENCE
    )


def _account_due(session: Session, context: Context, now: datetime) -> AccountDue:
    settings, account = context.settings, context.account
    every = timedelta(seconds=settings.stop_list_every)
    return AccountDue(
        polls=hints_for(polls.count_due(session, BatchState.SENT, now, account)),
        stop_list=stop_list.due(session, now, every, account),
        credit=_is_unread(session, context, now),
        recall=recalls.due(session, now, account),
    )


def _in_turn(lists: Sequence[list[int]]) -> list[int]:
    """The first of each, then the second of each; nothing twice."""
    dealt = chain.from_iterable(zip_longest(*lists))
    return list(dict.fromkeys(one for one in dealt if one is not None))
