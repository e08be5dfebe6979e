"""The gateway's STOP list, read into ours."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from dispatcher.dispatch.context import Context
from dispatcher.errors import GatewayError
from dispatcher.storage import opt_outs

log = logging.getLogger(__name__)

#: a list that could not be read is read again after this
_AGAIN = timedelta(minutes=5)


class StopList:
    """Adds to the opt-outs who told the gateway to stop; takes nobody off."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def sync_opt_outs(self, *, at_once: bool = False) -> int:
        """Read the gateway's list, if that is due; returns how many numbers were new.

        A list that cannot be read is tried again soon. ``at_once`` reads it, due or not, and
        raises GatewayError.
        """
        now = self._context.clock()
        if at_once:
            return self._read(now)
        every = timedelta(seconds=self._context.settings.stop_list_every)
        with self._context.database.write() as session:
            if not opt_outs.due(session, now, every):
                return 0
            opt_outs.note_synced(session, now)  # nobody else need read it meanwhile
        try:
            return self._read(now)
        except GatewayError as error:
            log.warning("the STOP list cannot be read: %s", error)
            with self._context.database.write() as session:
                opt_outs.note_synced(session, now - every + min(every, _AGAIN))
            return 0

    def _read(self, now: datetime) -> int:
        stopped = self._context.gateway.stop_list()
        with self._context.database.write() as session:
            opt_outs.note_synced(session, now)
            new = opt_outs.add(session, stopped, source="gateway's STOP list", now=now)
        if new:
            log.info("%d new opt-outs from the gateway's STOP list", new)
        return new
