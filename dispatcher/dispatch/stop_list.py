"""The gateway's STOP list, read into ours."""

from __future__ import annotations

import logging
from datetime import timedelta

from dispatcher.dispatch.context import Context
from dispatcher.errors import GatewayError
from dispatcher.storage import opt_outs

log = logging.getLogger(__name__)


class StopList:
    """Adds to the opt-outs who told the gateway to stop; takes nobody off."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def sync_opt_outs(self) -> int:
        """Read the gateway's list, if that is due; returns how many numbers were new."""
        now = self._context.clock()
        every = timedelta(seconds=self._context.settings.stop_list_every)
        with self._context.database.write() as session:
            if not opt_outs.due(session, now, every):
                return 0
            opt_outs.note_synced(session, now)
        try:
            stopped = self._context.gateway.stop_list()
        except GatewayError as error:
            log.warning("the STOP list cannot be read: %s", error)
            return 0
        with self._context.database.write() as session:
            new = opt_outs.add(session, stopped, source="gateway's STOP list", now=now)
        if new:
            log.info("%d new opt-outs from the gateway's STOP list", new)
        return new
