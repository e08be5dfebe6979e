"""The steps: send, poll, settle, tick. The only place where a transaction and a request meet.

Each step gathers, decides by a pure function, and applies the decision by a guarded UPDATE.
"""

from __future__ import annotations

from dispatcher.dispatch.context import Context
from dispatcher.dispatch.credit import Credit
from dispatcher.dispatch.deliveries import Deliveries
from dispatcher.dispatch.doubts import Doubts
from dispatcher.dispatch.lane import Lane
from dispatcher.dispatch.polls import Polls
from dispatcher.dispatch.stop_list import StopList
from dispatcher.dispatch.ticks import Due, Ticks
from dispatcher.dispatch.turnstile import turnstile

__all__ = ["QUESTIONS", "Context", "Dispatch", "Due"]

#: threads of a process that may ask for reports at once, and those that may look doubts up
_POLLS, _LOOKUPS = 2, 4
#: threads that a worker needs beside its lanes: for these, the STOP list, events, the balance
#: and a tick
QUESTIONS = _POLLS + _LOOKUPS + 4


class Dispatch:
    """The steps of one process; safe for any number of threads."""

    def __init__(self, context: Context) -> None:
        self.send_batch = Lane(context).send_batch
        #: let what is under way come to its end, and begin nothing more
        self.stop = context.stopping.set
        self.poll = turnstile(_POLLS, Polls(context).poll, busy=0)
        doubts = Doubts(context)
        self.settle_batch = turnstile(_LOOKUPS, doubts.settle_batch, busy=False)
        self.resend = doubts.resend
        self.give_up = doubts.give_up
        stops = StopList(context)
        self.sync_opt_outs = stops.sync_opt_outs
        self.delete_stop = stops.delete_at_gateway
        self.deliver_events = turnstile(1, Deliveries(context).deliver, busy=0)
        self.check_credit = turnstile(1, Credit(context).check_credit, busy=False)
        self.tick = Ticks(context).tick
