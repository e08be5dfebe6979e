"""The gateway's STOP list and our opt-outs: numbers of one are added to the other."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.dispatch.context import Context, of
from dispatcher.dispatch.unforeseen import contained
from dispatcher.errors import GatewayError
from dispatcher.storage import opt_outs, stop_list

log = logging.getLogger(__name__)

#: a list that could not be read, or not be completed, is synchronised again after this
_AGAIN = timedelta(minutes=5)
#: numbers added to the gateway's list by one run: each is a call
MOST_PUSHED = 200


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a synchronisation did, in numbers of phones.

    ``new`` were added here and ``pushed`` at the gateway; ``left`` are still to be added there
    (0 if the settings do not ask for it). ``lost`` came from the gateway's list and are no
    longer on it: they stay opted out here. ``failed`` says why adding at the gateway ended early.
    """

    new: int = 0
    pushed: int = 0
    left: int = 0
    lost: int = 0
    failed: str = ""


def together(synced: Sequence[SyncResult]) -> SyncResult:
    """The sum of the synchronisations of several accounts."""
    return SyncResult(
        new=sum(one.new for one in synced),
        pushed=sum(one.pushed for one in synced),
        left=sum(one.left for one in synced),
        lost=sum(one.lost for one in synced),
        failed="; ".join(filter(None, (one.failed for one in synced))),
    )


class StopList:
    """Synchronises the two lists; it only adds, and removes no number by itself."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._account = context.account

    def sync_opt_outs(self, *, at_once: bool = False) -> SyncResult:
        """Synchronise the lists, if that is due.

        A list that cannot be read is tried again soon. ``at_once`` reads it, due or not, and
        raises GatewayError.
        """
        now = self._context.clock()
        if at_once:
            return self._sync(now)
        every = timedelta(seconds=self._context.settings.stop_list_every)
        with self._context.database.write() as session:
            if not stop_list.due(session, now, every, self._account):
                return SyncResult()
            # no other worker needs to read it meanwhile
            stop_list.note_tried(session, now, self._account)
        try:
            with contained("the STOP list", lambda _: self._again_soon(now)):
                return self._sync(now)
        except GatewayError as error:
            log.warning("the STOP list%s cannot be read: %s", of(self._account), error)
            self._again_soon(now)
        return SyncResult()

    def delete_at_gateway(self, phone: str) -> bool:
        """Remove a number (E.164) from the gateway's list; False if it is not on it.

        Only at a person's command, when its owner has consented again. Raises GatewayError.
        """
        return self._context.gateway.delete_stop(phone)

    def _sync(self, now: datetime) -> SyncResult:
        try:
            stopped = self._context.gateway.stop_list()
        except GatewayError as error:
            self._context.note_failed(error)
            raise
        with self._context.database.write() as session:
            stop_list.note_read(session, now, self._account)
            source = stop_list.source(self._account)
            new = opt_outs.add(session, stopped, source=source, now=now)
        with self._context.database.read() as session:
            ours, lost = stop_list.missing(session, stopped, self._account)
        if new:
            log.info("%d new opt-outs from the gateway's STOP list", new)
        if lost:
            log.warning("%d opt-outs are not on the gateway's STOP list any more", lost)
        if not self._context.settings.stop_list_push:
            return SyncResult(new=new, lost=lost)
        pushed, failed = self._push(ours[:MOST_PUSHED])
        left = len(ours) - pushed
        if pushed:
            log.info("%d opt-outs added to the gateway's STOP list", pushed)
        if left:
            log.warning("%d opt-outs still to be added there%s", left, failed and f": {failed}")
            self._again_soon(now)
        return SyncResult(new=new, pushed=pushed, left=left, lost=lost, failed=failed)

    def _push(self, phones: Sequence[str]) -> tuple[int, str]:
        """How many of them are on the gateway's list now, and why not all if a call failed."""
        for pushed, phone in enumerate(phones):
            with self._context.database.read() as session:
                # the number may have been erased or removed meanwhile
                listed = opt_outs.is_listed(session, phone)
            if not listed:
                continue
            try:
                self._context.gateway.add_stop(phone)
            except GatewayError as error:
                self._context.note_failed(error)
                return pushed, str(error)
            if self._context.stopping.is_set():
                return pushed + 1, ""
        return len(phones), ""

    def _again_soon(self, now: datetime) -> None:
        every = timedelta(seconds=self._context.settings.stop_list_every)
        with self._context.database.write() as session:
            soon = now - every + min(every, _AGAIN)
            stop_list.note_tried(session, soon, self._account)
