"""Recalls: the gateway is asked to cancel what it holds, one batch in one call.

Its answer decides, and nothing else: what is not understood is asked again, and what nobody
knows in the end is a doubt. Whoever dies in between leaves a row that is asked for again, to
which the gateway answers that it was cancelled before.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from dispatcher.campaigns.hand_over import OPTED_OUT, Cancellation, Ending, ending
from dispatcher.campaigns.set_aside import place_of
from dispatcher.dispatch.context import CHECK_LEASE, Context
from dispatcher.dispatch.evidence import Evidence
from dispatcher.dispatch.unforeseen import contained
from dispatcher.errors import GatewayError
from dispatcher.storage import actions
from dispatcher.storage.batches import recalls
from dispatcher.storage.batches.recalls import RecallRequest

log = logging.getLogger(__name__)

#: one run ends after this long (seconds): other hints get the thread
TURN = 20.0
#: a question that failed is asked once more so long before the hour: the gateway heeds it then
_LAST = timedelta(minutes=6)


class Recalls:
    """Asks for what is wanted back, whose hour is next first."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._evidence = Evidence(context)

    def recall(self) -> int:
        """Ask for all of the account that is wanted back; returns for how many batches it was."""
        context = self._context
        until = context.steady() + TURN
        requests = 0
        while context.steady() < until and not context.stopping.is_set():
            now = context.clock()
            with context.database.write() as session:
                batch = recalls.take(session, now, CHECK_LEASE, context.account)
            if batch is None:
                break
            # its lease has put it off: it is asked again two minutes later
            with contained(f"recall of batch {batch.id}"):
                self._record(batch, *self._ask(batch))
            requests += 1
        return requests

    def _ask(self, batch: RecallRequest) -> tuple[Cancellation | None, str]:
        """The gateway's answer; None, with the reason, when it told nothing."""
        try:
            return self._context.gateway.cancel(batch.message_id), ""
        except GatewayError as error:
            self._context.note_failed(error)
            return None, str(error)
        except Exception as error:
            place = place_of(error)
            log.exception("recall of batch %d: an unforeseen error", batch.id)
            return None, f"an unforeseen error: {place}"

    def _record(self, batch: RecallRequest, answer: Cancellation | None, failed: str) -> None:
        context = self._context
        now = context.clock()
        end = ending(answer, batch.leaves_at, now)
        detail = failed or str(answer)
        level = logging.INFO if end is Ending.BACK else logging.WARNING
        log.log(level, "batch %d %s: %s", batch.id, batch.why, detail)
        history = ""
        with context.database.write() as session:
            match end:
                case Ending.BACK:
                    done = recalls.record_returned(session, batch, now)
                    if batch.why == OPTED_OUT:
                        history = f"{OPTED_OUT}; it gave it back"
                case Ending.LEAVES:
                    at = now if answer is Cancellation.LEFT else max(now, batch.leaves_at)
                    wait = context.after(context.settings.poll_intervals, 0) - now
                    left, in_doubt = recalls.record_leaving(session, batch, at, at + wait, now=now)
                    done = left > 0
                    self._evidence.record_confirmed(session, in_doubt)
                    history = f"{batch.why}; too late: it leaves, or has left, all the same"
                case Ending.AGAIN:
                    later = context.after(context.settings.settle_intervals, batch.checks)
                    if now < batch.leaves_at - _LAST:  # not to be put off until it is too late
                        later = min(later, batch.leaves_at - _LAST)
                    done = recalls.postpone(session, batch, later)
                case Ending.DOUBT:
                    why = f"nobody knows whether the gateway gave it back: {detail}"
                    check_at = context.after(context.settings.settle_intervals, 0)
                    done = recalls.record_doubt(session, batch, why, check_at=check_at, now=now)
                    history = why
            if done and history:
                actions.note(
                    session,
                    batch.campaign_id,
                    verb="take back",
                    actor="dispatcher",
                    now=now,
                    reason=f"batch {batch.number}: {history}",
                    batch_id=batch.id,
                )
