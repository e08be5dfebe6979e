"""Credit: the balance is read while a campaign runs, and batches that it cannot pay for wait."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from dispatcher.campaigns.credit import CreditDecision, decide
from dispatcher.dispatch.context import Context, of
from dispatcher.dispatch.unforeseen import contained
from dispatcher.errors import GatewayError, NotAnAnswer
from dispatcher.storage import actions, balances, credit
from dispatcher.storage.campaigns.moves import pause

log = logging.getLogger(__name__)

#: after so many failures in a row, campaigns that wait for the balance run without it
MOST_FAILURES = 3


class Credit:
    """Compares the campaigns that run with the balance of the account."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def check_credit(self) -> bool:
        """Read the balance, if that is due, and rule on what runs; True when more may leave.

        A balance that cannot be read delays nothing for long: after three failures in a row the
        campaigns that wait for it run, and that is put on record. An answer that names no balance
        is no such failure: whatever were sent now would be answered like that, too.
        """
        settings, account = self._context.settings, self._context.account
        if settings.credit_check == "off":
            return False
        with self._context.database.read() as session:
            rest = balances.rest(balances.last(session, account), self._context.clock())
        if rest <= balances.PATIENCE:
            self._context.sleep(rest.total_seconds())
        now = self._context.clock()
        every = timedelta(seconds=settings.credit_every)
        with self._context.database.write() as session:
            if not credit.due(session, account, now, every):
                return False
            before = balances.last(session, account)
            # no other worker needs to ask
            balances.note(session, account, replace(before, tried=now))
            # before the balance is read: a campaign resumed later needs a later balance
            campaign_ids = credit.checked_campaigns(session, account, now)
        try:
            euros = self._balance()
        except GatewayError as error:
            self._context.note_failed(error)
            unclear = isinstance(error, NotAnAnswer)
            failures = max(before.failures, 1) if unclear else before.failures + 1
            log.warning("the balance%s cannot be read: %s", of(account), error)
            with self._context.database.write() as session:
                failed = replace(before, tried=now, failures=failures)
                balances.note(session, account, failed)
                if unclear or failures < MOST_FAILURES:
                    return False
                return self._let_run(session, campaign_ids, "the balance cannot be read", now)
        with self._context.database.write() as session:
            balances.note(session, account, balances.Balance(tried=now, at=now, euros=euros))
            return self._decide(session, campaign_ids, euros, now)

    def _balance(self) -> Decimal:
        """The balance in euros. Raises GatewayError, NotAnAnswer if the answer names none."""
        euros: Decimal | None = None
        failed: list[str] = []
        with contained("the balance", failed.append):
            euros = self._context.gateway.account().balance
        if failed:
            raise GatewayError(f"an unforeseen error: {failed[0]}")
        if euros is None:
            raise NotAnAnswer("the gateway tells no balance")
        return euros

    def _decide(
        self, session: Session, campaign_ids: Sequence[int], euros: Decimal, now: datetime
    ) -> bool:
        settings = self._context.settings
        prices, account = settings.prices, self._context.account
        decisions = decide(
            credit.needs(session, account, campaign_ids, prices, now),
            euros,
            in_flight=credit.in_flight(session, account, now, prices),
            mode="cap" if settings.credit_check == "cap" else "pause",
        )
        # sorted, because two checks at the same moment would deadlock otherwise
        changed = [self._apply(session, one, now) for one in sorted(decisions, key=_by_campaign)]
        return any(changed)

    def _apply(self, session: Session, decision: CreditDecision, now: datetime) -> bool:
        if decision.paused:
            pause(session, decision.campaign_id, decision.paused, now)
            log.warning("campaign %d: %s", decision.campaign_id, decision.paused)
            return False
        funded = credit.fund(session, decision)
        if funded and decision.unchecked:
            self._note(session, decision.campaign_id, decision.unchecked, now)
        return funded and decision.funded_to != 0

    def _let_run(
        self, session: Session, campaign_ids: Sequence[int], why: str, now: datetime
    ) -> bool:
        released = credit.release(session, campaign_ids)
        for campaign_id in released:
            self._note(session, campaign_id, why, now)
        return bool(released)

    def _note(self, session: Session, campaign_id: int, why: str, now: datetime) -> None:
        reason = f"runs without a look at the credit: {why}"
        log.warning("campaign %d %s", campaign_id, reason)
        actions.note(
            session, campaign_id, verb="credit", actor="dispatcher", now=now, reason=reason
        )


def _by_campaign(decision: CreditDecision) -> int:
    return decision.campaign_id
