"""What workers and operators hold: the tick, money, checks before a start, and the wiring."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.api.lifecycle import Lifecycle
from dispatcher.api.operations import Operations
from dispatcher.api.preview import Previews
from dispatcher.api.records import Records
from dispatcher.api.submit import Submissions
from dispatcher.campaigns.stop_list_age import StopListAge
from dispatcher.dispatch.hints import Hints
from dispatcher.gateway import Account, Gateway
from dispatcher.settings import Settings
from dispatcher.settings.accounts import DEFAULT
from dispatcher.settings.clock import Clock, shifted
from dispatcher.storage import schema
from dispatcher.storage.balances import Balance
from dispatcher.storage.database import Database

if TYPE_CHECKING:
    from dispatcher.dispatch.steps import Due, Steps


class Operator:
    """Builds the services of one installation, once, and answers workers and operators.

    ``Dispatcher`` adds what callers do.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        gateway: Gateway | None = None,
        gateways: Mapping[str, Gateway] | None = None,
        database: Database | None = None,
    ) -> None:
        """Without ``gateway`` and ``gateways`` (by account name), SMS Partner is called.

        Raises ConfigurationError for a database URL that cannot be used.
        """
        self.settings = settings
        self.clock = clock or shifted(settings.clock_offset)
        self.database = database or Database(settings.database_url.get_secret_value())
        installation = Installation(settings, self.clock, self.database, self._make_tables)
        self._installation, self.windows = installation, installation.windows
        known = dict(gateways or {}) | ({DEFAULT: gateway} if gateway else {})
        self._gateways = Gateways(installation, known)
        #: counts of this process's calls to the gateway: of all accounts, and of each
        self.call_counts, self.call_counts_of = (
            self._gateways.call_counts,
            self._gateways.call_counts_of,
        )
        self._hints = self._make_hints(installation.broker_url)
        self._submissions = Submissions(installation, self._gateways, self._hints)
        self._previews = Previews(installation, self._gateways)
        self._show(None)

    def _show(self, account: str | None) -> None:
        """Show only what belongs to ``account``; None shows all accounts."""
        shared = (self._installation, self._gateways, self._hints)
        self._account = account
        self._records = Records(self._installation, account)
        self._lifecycle = Lifecycle(*shared, self._records, account)
        self._operations = Operations(*shared, account)

    def _make_hints(self, broker_url: str | None) -> Hints:
        return Hints(broker_url)

    def _make_tables(self) -> None:
        schema.prepare(self.database)

    def for_account(self, account: str) -> Self:
        """The same dispatcher as one account sees it; the empty name is the default account.

        Campaigns, batches, doubts, replies and money of other accounts do not show: their methods
        raise NotFound. Submissions and orders go through the account. All accounts share one
        opt-out list, because a person opts out of the advertiser. Raises InvalidCampaign for an
        unknown name.
        """
        self.settings.of_account(account)
        view = copy.copy(self)
        view.__dict__.pop("number_checks", None)  # they go through the account of the view
        view._show(account)
        return view

    def tick(self) -> Due:
        """Do what time requires, such as expiring batches, and publish hints for what is due.

        Raises ConfigurationError if an account has no API key.
        """
        return self._operations.tick()

    def check_credit(self, account: str = DEFAULT) -> bool:
        """Read an account's balance if that is due; True if more may leave because of it."""
        return self._operations.check_credit(account)

    def credit(self) -> Balance:
        """The account's balance as a worker last read it; ``for_account`` chooses the account."""
        return self._operations.credit()

    def to_go(self) -> tuple[Decimal, list[str]]:
        """Euros for all that is planned and not sent, and the destinations without a price."""
        return self._operations.to_go()

    def spent(self, lately: timedelta) -> tuple[Decimal, Decimal]:
        """Euros charged in the last ``lately``, and euros planned for the same messages."""
        return self._operations.spent(lately)

    @property
    def steps(self) -> Steps:
        """The steps that workers take. Raises ConfigurationError if an account has no API key."""
        return self._gateways.steps

    def account(self) -> Account:
        """The account behind the API key, as the gateway shows it now.

        Raises GatewayError, or ConfigurationError without a key.
        """
        return self.gateway.account()

    def orphans(self) -> dict[str, int]:
        """How many unfinished campaigns go through accounts that the settings do not name.

        The keys are the names of these accounts.
        """
        return self._operations.orphans()

    def last_tick(self) -> datetime | None:
        """When a tick last ran (UTC); None if never."""
        return self._operations.last_tick()

    def stop_list_age(self) -> StopListAge:
        """When the account's STOP list was last read."""
        return self._operations.stop_list_age()

    def schema(self) -> str:
        """The version of the database's schema. Raises StorageError unless it is ours."""
        return self._operations.schema()

    def database_clock(self) -> datetime | None:
        """The database's own clock (UTC); None on SQLite, which has none."""
        return self.database.clock()

    def check(self) -> None:
        """Raise ConfigurationError, StorageError or BrokerError unless a worker can start."""
        self._operations.check()

    @property
    def gateway(self) -> Gateway:
        """The client of this account. Raises ConfigurationError without an API key."""
        return self._gateways.of(self._account or DEFAULT)

    @property
    def gateways(self) -> Mapping[str, Gateway]:
        """The clients of the named accounts. Raises ConfigurationError without an API key."""
        return {name: self._gateways.of(name) for name in self.settings.accounts}

    def prepare(self) -> None:
        """Make the tables of an empty database. Raises StorageError for an unknown schema."""
        self._installation.prepare()

    def migrate(self) -> None:
        """Bring the database to the schema of this version. Raises StorageError."""
        self._installation.migrate()
