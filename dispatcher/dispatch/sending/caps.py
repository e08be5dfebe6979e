"""Caps while sending: a batch over one waits, or its campaign pauses, before it is claimed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.caps import Usage, caps_of, day_after, day_of, full, usage_of
from dispatcher.campaigns.waits import Wait
from dispatcher.dispatch.context import Context
from dispatcher.recipients.phones import destination_of
from dispatcher.storage import caps
from dispatcher.storage.batches import moves
from dispatcher.storage.campaigns.moves import pause
from dispatcher.texts import Call
from dispatcher.window import Hold

log = logging.getLogger(__name__)


class CapReached(Exception):
    """Raised where a batch must not be claimed: it waits (``hold``), or its campaign pauses."""

    def __init__(self, why: str, hold: Hold | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.hold = hold


class SendCaps:
    """The caps that are set. Without any, nothing is read and nothing is locked."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self._context = context
        self._campaign, self._day = caps_of(settings)
        self._weekly = settings.weekly_messages
        self._priced = self._campaign.euros is not None or self._day.euros is not None

    @property
    def lock(self) -> bool:
        """True if a claim has to lock what the caps count."""
        return self._campaign.set or self._day.set or self._weekly is not None

    def usage(self, batch: DueBatch, call: Call) -> Usage:
        """What sending ``batch`` adds to the counts; its cost only if a cap needs it.

        ``call`` has the text of each recipient.
        """
        people = batch.recipients.phones
        if not self._priced:
            return Usage(len(people))
        settings = self._context.settings
        if batch.survey:
            return usage_of(len(people), {}, settings.prices, measured=False)
        billed: Counter[str] = Counter()
        for phone, count in zip(people, call.segments(settings.stop_budget), strict=True):
            billed[destination_of(phone)] += count
        return usage_of(len(people), billed, settings.prices)

    def cost(self, usage: Usage) -> Decimal | None:
        """What the record of an attempt keeps as its cost; None where no cap asks for it."""
        return usage.euros if self._priced else None

    def over_weekly(self, session: Session, batch: DueBatch) -> set[int]:
        """Positions of ``batch`` whose people have had as many messages as a week allows."""
        if batch.test or self._weekly is None or not batch.commercial:
            return set()
        places = dict(zip(batch.recipients.phones, batch.recipients.positions, strict=True))
        at = batch.leaves_at or self._context.clock()
        heavy = caps.at_weekly_cap(session, places, at, self._weekly)
        return {places[phone] for phone in heavy}

    def check(self, batch: DueBatch, usage: Usage) -> None:
        """Raise CapReached for a batch that a cap stops, as far as is seen without a lock."""
        if (self._campaign.set or self._day.set) and not batch.test:
            with self._context.database.read() as session:
                self._check(session, batch, usage, self._context.clock())

    def check_locked(self, session: Session, batch: DueBatch, usage: Usage, now: datetime) -> bool:
        """True if the batch may be claimed; locks what is counted until the transaction ends.

        False if somebody in it has reached the weekly cap since it was gathered: gather it again.
        Raises CapReached, which ``apply`` takes after the transaction.
        """
        if batch.test:
            return True
        self._check(session, batch, usage, now, lock=caps.lock)
        if self._weekly is not None and batch.commercial:
            caps.lock(session, caps.Lock.WEEK)
        return not self.over_weekly(session, batch)

    def apply(self, batch: DueBatch, reached: CapReached) -> None:
        """Let the batch wait, or pause its campaign."""
        now = self._context.clock()
        level = logging.WARNING if reached.hold is None else logging.INFO
        log.log(level, "batch %d: %s", batch.id, reached.why)
        with self._context.database.write() as session:
            if reached.hold is None:
                pause(session, batch.campaign_id, reached.why, now)
            else:
                moves.postpone(session, batch, Wait.CAP, reached.hold, now=now)

    def _check(
        self,
        session: Session,
        batch: DueBatch,
        usage: Usage,
        now: datetime,
        *,
        lock: Callable[[Session, caps.Lock, int | str], None] = lambda *_: None,
    ) -> None:
        campaign, day = self._campaign, self._day
        # submitting has refused a larger campaign: only a cap that is lower by now can be reached
        small = campaign.euros is None and (
            campaign.messages is None
            or caps.size_of(session, batch.campaign_id) <= campaign.messages
        )
        if not small:
            lock(session, caps.Lock.CAMPAIGN, batch.campaign_id)
            all_of_it = caps.left_of(session, batch.campaign_id) + usage
            if cap := campaign.broken_by(all_of_it):
                raise CapReached(f"the cap of {cap} per campaign {_met(usage)}")
        if not day.set:
            return
        if cap := day.broken_by(usage):
            # no day is long enough for it
            raise CapReached(f"the daily cap of {cap} {_met(usage, 'is less than one batch')}")
        account = self._context.counted
        lock(session, caps.Lock.DAY, account or 0)
        if cap := day.broken_by(caps.left_since(session, day_of(now), account) + usage):
            raise CapReached(full(cap), Hold(self._tomorrow(batch, now), full(cap)))

    def _tomorrow(self, batch: DueBatch, now: datetime) -> datetime:
        """When Paris's next day opens for the batch."""
        begins = day_after(now)
        hold = self._context.hold(batch.territory, begins) if batch.commercial else None
        return begins if hold is None else hold.until


def _met(usage: Usage, otherwise: str = "is reached") -> str:
    """Why ``usage`` cannot leave under a cap, to be read after the cap."""
    if usage.unpriced:
        return f"cannot be checked: no price is set for {usage.unpriced}"
    return otherwise
