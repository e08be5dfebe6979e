"""The check of the log of what messages come to: whether it is on, and whether anybody reads it."""

from __future__ import annotations

from datetime import timedelta

from dispatcher.api import Dispatcher
from dispatcher.campaigns.wording import counted
from dispatcher.monitoring.finding import Warned
from dispatcher.storage import message_position, message_trigger

#: a change that nobody has had after this time is told
_PATIENCE = timedelta(days=1)


def messages(dispatcher: Dispatcher) -> str:
    """Check that changes of messages are recorded as the settings say, and that they are read."""
    wanted = dispatcher.settings.message_events
    with dispatcher.database.read() as session:
        recorded = message_trigger.is_on(session)
        unread = message_position.unread(session)
    since = unread.since
    if recorded and since is not None and since < dispatcher.clock() - _PATIENCE:
        raise Warned(
            f"{counted(unread.count, 'change')} of messages unread since"
            f" {since:%Y-%m-%d %H:%M} UTC: nobody reads them, or has them posted",
            "read them with dispatcher messages since, from number to number, or unset"
            " DISPATCHER_MESSAGE_EVENTS",
        )
    if wanted and not recorded:
        raise Warned(
            "DISPATCHER_MESSAGE_EVENTS is on, and no change of a message is recorded yet",
            "start a worker: dispatcher run, or dispatcher celery worker",
        )
    if not recorded:
        return "changes are not recorded (DISPATCHER_MESSAGE_EVENTS)"
    if not wanted:
        raise Warned(
            "changes are recorded, and DISPATCHER_MESSAGE_EVENTS is not on here",
            "set it alike for every process; workers switch it when they start",
        )
    return f"changes are recorded; unread: {unread.count}"
