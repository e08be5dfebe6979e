"""The steps of a worker. No other room opens transactions and makes calls.

Each step gathers, decides by a pure function, and applies the decision by a guarded UPDATE.
Every account at the gateway has steps of its own, with threads and connections of their
own: one that is slow, throttled or in doubt holds up no other.
"""

from __future__ import annotations

import logging
import socket
from contextlib import suppress

from dispatcher.dispatch import safeguards
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.credit import Credit
from dispatcher.dispatch.doubts import Doubts
from dispatcher.dispatch.events.delivery import Deliveries
from dispatcher.dispatch.message_log import MessageLogSwitch
from dispatcher.dispatch.number_checks import CheckOrders
from dispatcher.dispatch.polls import Polls
from dispatcher.dispatch.recalls import Recalls
from dispatcher.dispatch.retention import Retention
from dispatcher.dispatch.sending.send_loop import SendLoop
from dispatcher.dispatch.stop_list import StopList, SyncResult, together
from dispatcher.dispatch.thread_limit import limit_threads
from dispatcher.dispatch.tick import AccountDue, Due, Ticks
from dispatcher.dispatch.unforeseen import contained
from dispatcher.errors import GatewayError, IllegalMove, NotFound, StorageError
from dispatcher.storage import worker_refusals
from dispatcher.storage.batches import due

__all__ = ["QUESTIONS", "AccountDue", "Context", "Due", "Steps"]

log = logging.getLogger(__name__)

_LARGEST_ID = 2**63

#: threads of a process that may ask for reports at once, and those that may look doubts up
_POLLS, _LOOKUPS = 2, 4
#: threads of a process that may ask the gateway for what it holds back
_RECALLS = 2
#: threads that a worker needs beside its send loops, for each account: for these, the STOP list,
#: events, the balance, pruning, series and a tick
QUESTIONS = _POLLS + _LOOKUPS + _RECALLS + 6


class _AccountSteps:
    """The steps of one account at the gateway."""

    def __init__(self, context: Context) -> None:
        self.sending = SendLoop(context)
        self.poll = limit_threads(_POLLS, Polls(context).poll, busy=0)
        self.doubts = Doubts(context)
        self.settle_batch = limit_threads(_LOOKUPS, self.doubts.settle_batch, busy=False)
        self.stops = StopList(context)
        self.check_credit = limit_threads(1, Credit(context).check_credit, busy=False)
        self.recall = limit_threads(_RECALLS, Recalls(context).recall, busy=0)
        self.check_orders = CheckOrders(context)


class Steps:
    """The steps of one process; safe for any number of threads.

    None of them does anything while ``safeguards.check`` has an objection. With a wrong clock,
    whatever it wrote would be dated wrong, and so be over too soon, or wait for days.
    """

    def __init__(self, *contexts: Context) -> None:
        """``contexts`` are those of the accounts, that of the default account first."""
        self._context = contexts[0]
        self._steps = {one.account: _AccountSteps(one) for one in contexts}
        #: let what is under way end, and begin nothing more
        self.stop = self._context.stopping.set
        self._deliver_events = limit_threads(1, Deliveries(self._context).deliver, busy=0)
        self._prune = limit_threads(1, Retention(self._context).prune, busy=0)
        self._ticks = Ticks(contexts)
        self._switch_message_log = MessageLogSwitch(self._context).switch

    def tick(self, beat: str | None = None) -> Due:
        """See ``Ticks.tick``; the first also switches the log of messages on or off.

        If a hint asked for it, a balance that is due is read here and now: whoever has just begun a
        campaign should not wait for another hint, and for another tick after it. Where there are
        several accounts, the slow answer of one would hold up the others.
        """
        if self.refuses():
            return Due((), ())
        self._switch_message_log()
        if beat == "" and len(self._steps) == 1 and self._ticks.has_unread_balance():
            with contained("tick"):
                self._steps[self._context.account].check_credit()
        return self._ticks.tick(beat)

    def prune(self) -> int:
        """See ``Retention.prune``."""
        return 0 if self.refuses() else self._prune()

    def deliver_events(self) -> int:
        """See ``Deliveries.deliver``."""
        return 0 if self.refuses() else self._deliver_events()

    def send_batch(self, batch_id: object) -> int:
        """See ``SendLoop.send_batch``."""
        if all(steps.sending.is_full() for steps in self._steps.values()):
            return 0  # most hints end here while a large campaign is sent: nothing is read for them
        steps = self._of_batch(batch_id)
        return 0 if steps is None else steps.sending.send_batch(batch_id)

    def settle_batch(self, batch_id: object) -> bool:
        """See ``Doubts.settle_batch``. False for a hint that is no id."""
        if not isinstance(batch_id, int) or not 0 < batch_id < _LARGEST_ID:
            return False
        steps = self._of_batch(batch_id)
        return steps is not None and steps.settle_batch(batch_id)

    def poll(self, account: str = "") -> int:
        """See ``Polls.poll``."""
        steps = self._of(account)
        return 0 if steps is None else steps.poll()

    def check_credit(self, account: str = "") -> bool:
        """See ``Credit.check_credit``."""
        steps = self._of(account)
        return steps is not None and steps.check_credit()

    def recall(self, account: str = "") -> int:
        """See ``Recalls.recall``."""
        steps = self._of(account)
        return 0 if steps is None else steps.recall()

    def check_orders(self, account: str = "") -> CheckOrders:
        """The orders of number checks through an account. Raises KeyError if it is unknown here."""
        return self._steps[account].check_orders

    def sync_opt_outs(self, account: str = "", *, at_once: bool = False) -> SyncResult:
        """See ``StopList.sync_opt_outs``; ``at_once`` synchronises every account.

        A list that cannot be read does not stop the others: GatewayError is raised at the end.
        """
        if at_once:
            self._check_clock()
            return self._sync_all()
        steps = self._of(account)
        return SyncResult() if steps is None else steps.stops.sync_opt_outs()

    def _sync_all(self) -> SyncResult:
        synced, failed = [], []
        for account, steps in self._steps.items():
            try:
                synced.append(steps.stops.sync_opt_outs(at_once=True))
            except GatewayError as error:
                if len(self._steps) == 1:
                    raise
                failed.append(f"{account or 'the default account'}: {error}")
        if failed:
            raise GatewayError("; ".join(failed))
        return together(synced)

    def delete_stop(self, phone: str) -> bool:
        """Remove a number from every account's STOP list; see ``StopList.delete_at_gateway``."""
        return sum(one.stops.delete_at_gateway(phone) for one in self._steps.values()) > 0

    def resend(self, batch_id: int, *, actor: str, reason: str) -> None:
        """See ``Doubts.resend``; IllegalMove for a batch of an account that is unknown here."""
        self._check_clock()
        account = self._account_of(batch_id)
        if account not in self._steps:
            # another account cannot show it, and so cannot prove anything
            raise IllegalMove(f"batch {batch_id} went through account {account!r}, unknown here")
        self._steps[account].doubts.resend(batch_id, actor=actor, reason=reason)

    def give_up(self, batch_id: int, *, actor: str, reason: str) -> None:
        """See ``Doubts.give_up``; without a lookup if the account is unknown here."""
        self._check_clock()
        account = self._account_of(batch_id)
        steps = self._steps.get(account, self._steps[self._context.account])
        known = account in self._steps
        steps.doubts.give_up(batch_id, actor=actor, reason=reason, account_known=known)

    def refuses(self) -> bool:
        """True, with a line in the log, if ``safeguards.check`` has an objection."""
        try:
            safeguards.check(self._context)
        except StorageError as error:
            log.warning("%s", error)
            self._note_refusal(str(error))
            return True
        return False

    def _note_refusal(self, why: str) -> None:
        """Store why this worker does nothing, so that pages can show it."""
        with suppress(StorageError), self._context.database.write() as session:
            worker_refusals.note(session, socket.gethostname(), why)

    def _check_clock(self) -> None:
        safeguards.check_clock(self._context)

    def _account_of(self, batch_id: int) -> str:
        with self._context.database.read() as session:
            account = due.account_of(session, batch_id)
        if account is None:
            raise NotFound(f"no batch {batch_id}")
        return account

    def _of(self, account: object) -> _AccountSteps | None:
        if self.refuses():
            return None
        steps = self._steps.get(account) if isinstance(account, str) else None
        if steps is None:
            log.warning("a hint for an account that is unknown here")
        return steps

    def _of_batch(self, batch_id: object) -> _AccountSteps | None:
        """The steps of a batch's account, if that is known here and nothing objects."""
        if self.refuses():
            return None
        if len(self._steps) == 1 or not isinstance(batch_id, int) or abs(batch_id) >= _LARGEST_ID:
            return self._steps[self._context.account]  # which refuse a batch that is not theirs
        with self._context.database.read() as session:
            account = due.account_of(session, batch_id)
        return None if account is None else self._steps.get(account)
