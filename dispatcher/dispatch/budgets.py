"""Budgets: campaigns that are due begin if what is left of the month pays for all of each."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from dispatcher.campaigns.budgets import decide
from dispatcher.dispatch.context import Context
from dispatcher.storage import actions, budgets, events

log = logging.getLogger(__name__)


def let_begin(context: Context, now: datetime) -> None:
    """Decide on all campaigns with tags that are due, in the order in which they leave.

    Those of all accounts; those that wait already once a minute. One transaction at a time does so,
    so that no two campaigns get the same euros.
    """
    prices = context.settings.prices
    with context.database.read() as session:
        if not budgets.is_time(session, now):
            return
    with context.database.write() as session:
        budgets.lock(session)
        if not budgets.is_time(session, now):  # another tick was faster
            return
        rows = budgets.waiting(session, now)
        if not rows:  # somebody has them locked
            return
        needs = budgets.needs(session, [row.id for row in rows], prices)
        tags = {tag for need in needs for tag in need.tags}
        decided = decide(needs, budgets.of_month(session, now, prices, tags))
        budgets.let_begin(session, [one for one, why in decided.items() if not why], now)
        for row in rows:
            if decided[row.id] and decided[row.id] != row.budget_wait:
                budgets.hold_back(session, row.id, decided[row.id])
                if not row.budget_wait:
                    _tell(session, row.id, decided[row.id], now)
        budgets.looked(session, now)


def _tell(session: Session, campaign_id: int, why: str, now: datetime) -> None:
    """Say once that a campaign waits, however often it is looked at."""
    log.warning("campaign %d waits: %s", campaign_id, why)
    events.add(session, "budget_reached", now=now, campaign_id=campaign_id)
    actions.note(
        session, campaign_id, verb="budget reached", actor="dispatcher", now=now, reason=why
    )
