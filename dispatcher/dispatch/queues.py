"""The names of the tasks that workers run, and of the queues in which hints wait for them."""

from __future__ import annotations

TICK, SEND, POLL, SETTLE, SYNC, DELIVER, CREDIT, PRUNE, RECALL, SERIES = (
    "dispatcher.tick",
    "dispatcher.send_batch",
    "dispatcher.poll",
    "dispatcher.settle_batch",
    "dispatcher.sync_opt_outs",
    "dispatcher.deliver_events",
    "dispatcher.check_credit",
    "dispatcher.prune",
    "dispatcher.recall",
    "dispatcher.make_occurrences",
)
#: task name -> queue; apart, so that polling never starves sending or ticks
QUEUES = {
    TICK: "dispatcher.tick",
    SEND: "dispatcher.send",
    POLL: "dispatcher.poll",
    SETTLE: "dispatcher.poll",
    SYNC: "dispatcher.poll",
    DELIVER: "dispatcher.poll",
    CREDIT: "dispatcher.poll",
    PRUNE: "dispatcher.poll",
    SERIES: "dispatcher.poll",
    # not behind thousands of polls: a recall must come before the hour of its batch
    RECALL: "dispatcher.tick",
}
