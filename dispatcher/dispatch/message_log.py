"""The log of what became of messages is switched on or off, as the settings of workers say."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from dispatcher.dispatch.context import Context
from dispatcher.errors import StorageError
from dispatcher.storage import message_trigger

log = logging.getLogger(__name__)

#: how long to wait before trying again, as while others write to batches all the time
_RETRY: Final = timedelta(minutes=1)


class MessageLogSwitch:
    """Done once in each process: by the one whose workers start last."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._done = False
        self._next_at: datetime | None = None

    def switch(self) -> None:
        """Switch it if that was not done here; never raises StorageError."""
        now = self._context.clock()
        if self._done or (self._next_at is not None and now < self._next_at):
            return
        on, database = self._context.settings.message_events, self._context.database
        try:
            with database.read() as session:
                self._done = message_trigger.is_on(session) is on
            if self._done:
                return
            with database.write() as session:
                switched = message_trigger.switch(session, on=on)
        except StorageError as error:
            self._next_at = now + _RETRY
            log.warning("changes of messages: the log cannot be switched yet: %s", error)
            return
        self._done = True
        if switched:
            log.info("changes of messages: the log is switched %s", "on" if on else "off")
