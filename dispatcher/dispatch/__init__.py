"""The steps: send, poll, settle, tick. The only place where a transaction and a request meet.

Each step gathers, decides by a pure function, and applies the decision by a guarded UPDATE.
"""

from __future__ import annotations

from dispatcher.dispatch.context import Context
from dispatcher.dispatch.doubts import Doubts
from dispatcher.dispatch.lane import Lane
from dispatcher.dispatch.polls import Polls
from dispatcher.dispatch.stop_list import StopList
from dispatcher.dispatch.ticks import Due, Ticks

__all__ = ["Context", "Dispatch", "Due"]


class Dispatch:
    """The steps of one process; safe for any number of threads."""

    def __init__(self, context: Context) -> None:
        self.send_batch = Lane(context).send_batch
        self.poll = Polls(context).poll
        doubts = Doubts(context)
        self.settle_batch = doubts.settle_batch
        self.resend = doubts.resend
        self.give_up = doubts.give_up
        self.sync_opt_outs = StopList(context).sync_opt_outs
        self.tick = Ticks(context).tick
