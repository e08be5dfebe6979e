"""Budgets of campaign tags: people set them, and campaigns that they do not pay for wait."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from sqlalchemy.orm import Session

from dispatcher.api.actor import named, on_record
from dispatcher.api.installation import Installation
from dispatcher.api.intake import Intake
from dispatcher.campaigns.budgets import Budget, BudgetNeed, euros_of_budget, wait_of
from dispatcher.campaigns.campaign_tags import tag_of
from dispatcher.campaigns.caps import SURVEYS
from dispatcher.campaigns.prices import euros_of, shown, unpriced
from dispatcher.errors import NotFound
from dispatcher.storage import actions, budgets


class Budgets:
    """The budgets of tags. They count the campaigns of all accounts."""

    def __init__(
        self, installation: Installation, account: str | None, changed: Callable[[], object]
    ) -> None:
        self._installation, self._account, self._changed = installation, account, changed

    def all(self) -> tuple[Budget, ...]:
        """Every budget with what is charged, reserved and left of this month, by tag."""
        with self._installation.stream() as session:
            return tuple(self._of_month(session).values())

    def set(
        self, tag: str, euros: Decimal | float | str, *, reason: str = "", by: str | None = None
    ) -> Budget:
        """Let campaigns with this tag cost at most ``euros`` in each month of Paris.

        Campaigns that wait go on if it now pays for them; those that have begun are not stopped.
        Raises InvalidCampaign for an unusable tag, and for a budget below one batch or without
        ``DISPATCHER_PRICES``.
        """
        tag, who, why = tag_of(tag), named(by), on_record("a reason", reason)
        amount = euros_of_budget(euros, self._installation.settings.prices)
        with self._installation.write() as session:
            budgets.lock(session)
            before = budgets.put(session, tag, amount)
            was = "" if before is None else f", before {shown(before)}"
            self._note(session, "set budget", f"{tag}: {shown(amount)} a month{was}", why, who)
            found = self._of_month(session, tag)[tag]
        self._changed()
        return found

    def remove(self, tag: str, *, reason: str = "", by: str | None = None) -> Budget:
        """Let campaigns with this tag cost anything; returns what their budget was.

        Raises InvalidCampaign, and NotFound if they have none.
        """
        tag, who, why = tag_of(tag), named(by), on_record("a reason", reason)
        with self._installation.write() as session:
            budgets.lock(session)
            found = self._of_month(session, tag).get(tag)
            if found is None:
                raise NotFound(f"no budget of tag {tag!r}: dispatcher budgets lists them")
            budgets.remove(session, tag)
            self._note(session, "remove budget", tag, why, who)
        self._changed()
        return found

    def waiting(self, limit: int = 100) -> list[int]:
        """The ids of the campaigns that wait for a budget, the latest first."""
        with self._installation.read() as session:
            return budgets.held(session, self._account, limit)

    def _of_month(self, session: Session, *tags: str) -> dict[str, Budget]:
        now, prices = self._installation.clock(), self._installation.settings.prices
        return budgets.of_month(session, now, prices, tags or None)

    def _note(self, session: Session, verb: str, what: str, why: str, who: str) -> None:
        words, now = "; ".join(filter(None, (what, why))), self._installation.clock()
        actions.note(session, None, verb=verb, actor=who, now=now, reason=words)


def warnings_of(session: Session, intake: Intake) -> list[str]:
    """A sentence if the budgets of its tags would not let a campaign begin, by what is left now.

    Of the month in which it may leave first. Once the list is read.
    """
    tags = [*intake.submission.tags]
    if not tags:
        return []
    planner, schedule, prices = intake.planner, intake.schedule, intake.settings.prices
    start = schedule.start
    if not intake.submission.hand_over:
        start = min((schedule.hold(one).until for one in planner.territories), default=start)
    missing = unpriced(planner.billed, prices) if planner.texts.known else [SURVEYS]
    need = BudgetNeed(0, euros_of(planner.billed, prices) or Decimal(0), missing, tags)
    found = budgets.of_month(session, start, prices, tags)
    left = {tag: budget.left for tag, budget in found.items()}
    why = wait_of(need, [*found.values()], left)
    return [f"the campaign would wait: {why}"] if why else []
