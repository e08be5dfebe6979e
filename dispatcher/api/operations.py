"""What workers and operators ask: the tick, money, and whether a worker can start."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.campaigns.stop_list_age import StopListAge
from dispatcher.dispatch import broker
from dispatcher.dispatch.hints import Hints
from dispatcher.errors import StorageError
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import balances, credit, durability, monitoring, schema, stop_list
from dispatcher.storage.balances import Balance
from dispatcher.storage.campaigns import campaigns, totals

if TYPE_CHECKING:
    from dispatcher.dispatch.steps import AccountDue, Due


class Operations:
    """Answers for one ``account``, or for all of them (None)."""

    def __init__(
        self,
        installation: Installation,
        gateways: Gateways,
        hints: Hints,
        account: str | None,
    ) -> None:
        self._installation = installation
        self._gateways = gateways
        self._hints = hints
        self._account = account

    def tick(self) -> Due:
        """See ``Dispatcher.tick``."""
        due, hints = self._gateways.steps.tick(), self._hints
        # all() ends at the first failure: every further hint would wait for the same dead Redis
        _ = (
            all(map(hints.send_batch, due.send))
            and all(map(hints.settle_batch, due.settle))
            and all(
                self._ask(account, account_due) for account, account_due in due.by_account.items()
            )
            and (not due.events or hints.deliver_events())
            and (not due.prune or hints.prune())
        )
        return due

    def _ask(self, account: str, account_due: AccountDue) -> bool:
        """Publish hints for what is due of one account; whether Redis took them."""
        hints = self._hints
        return (
            all(hints.poll(account) for _ in range(account_due.polls))
            and (not account_due.stop_list or hints.sync_opt_outs(account))
            and (not account_due.credit or hints.check_credit(account))
            and (not account_due.recall or hints.recall(account))
        )

    def check_credit(self, account: str) -> bool:
        """See ``Dispatcher.check_credit``."""
        more = self._gateways.steps.check_credit(account)
        if more:
            self._hints.tick()
        return more

    def credit(self) -> Balance:
        """See ``Dispatcher.credit``."""
        with self._installation.read() as session:
            return balances.last(session, self._account or DEFAULT)

    def to_go(self) -> tuple[Decimal, list[str]]:
        """See ``Dispatcher.to_go``."""
        prices = self._installation.settings.prices
        with self._installation.read() as session:
            return credit.to_go(session, self._account or DEFAULT, prices)

    def spent(self, lately: timedelta) -> tuple[Decimal, Decimal]:
        """See ``Dispatcher.spent``."""
        since = self._installation.clock() - lately
        with self._installation.read() as session:
            return totals.spent(session, since, self._account)

    def orphans(self) -> dict[str, int]:
        """See ``Dispatcher.orphans``."""
        known = (DEFAULT, *self._installation.settings.accounts)
        with self._installation.read() as session:
            return campaigns.orphans(session, known)

    def last_tick(self) -> datetime | None:
        """See ``Dispatcher.last_tick``."""
        with self._installation.read() as session:
            return monitoring.last_tick(session)

    def stop_list_age(self) -> StopListAge:
        """See ``Dispatcher.stop_list_age``."""
        with self._installation.read() as session:
            return stop_list.age(session, self._account or DEFAULT)

    def schema(self) -> str:
        """See ``Dispatcher.schema``."""
        self._installation.prepare()
        return schema.version(self._installation.database) or ""

    def check(self) -> None:
        """See ``Dispatcher.check``."""
        with self._installation.read() as session:
            if objections := durability.objections(session):
                raise StorageError("; ".join(objections))
        _ = self._gateways.steps
        if self._installation.broker_url is not None:
            broker.check(self._installation.broker_url)
