"""The project's dispatcher: takes QuerySets, and waits for a commit before it tells workers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Self, Unpack

from django.db import transaction
from django.utils.asyncio import async_unsafe

from dispatcher.api import Dispatcher
from dispatcher.api.actor import named
from dispatcher.api.admission import check_beforehand
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.submission import Options, Submitted
from dispatcher.contrib.django import conf, migrate, transactions, under_test
from dispatcher.contrib.django.database import DjangoDatabase
from dispatcher.contrib.django.drafts import DjangoDrafts
from dispatcher.contrib.django.in_thread import in_thread
from dispatcher.contrib.django.querysets import People, asks_database, streamed
from dispatcher.contrib.people import Asked
from dispatcher.contrib.testing import no_gateways
from dispatcher.dispatch.hints import Hints
from dispatcher.errors import DispatcherError, StorageError
from dispatcher.gateway import Gateway
from dispatcher.masking import masked
from dispatcher.recipients import Rejection
from dispatcher.settings import Settings
from dispatcher.settings.broker_address import BrokerAddress
from dispatcher.settings.clock import Clock
from dispatcher.storage import schema

log = logging.getLogger(__name__)


class DjangoDispatcher(Dispatcher):
    """A Dispatcher whose tables are in one of the project's databases, unless it has its own.

    ``alias`` names that database, as in ``DATABASES``; None stands for one of its own. With
    ``apart`` it stands in for one of its own, in tests: transactions are judged as without tests.
    """

    def __init__(
        self,
        settings: Settings,
        alias: str | None,
        *,
        clock: Clock | None = None,
        gateway: Gateway | None = None,
        apart: bool = False,
    ) -> None:
        self.alias = alias
        self._joins = None if apart else alias
        database = None if alias is None else DjangoDatabase(alias)
        #: whether this is one for tests, from which nothing leaves
        self.in_test = under_test.running()
        # a sandbox on this machine may be called
        silent = self.in_test and gateway is None and not under_test.is_sandbox(settings.api_url)
        gateways = no_gateways(settings) if silent else {}
        super().__init__(
            settings, clock=clock, gateway=gateway, gateways=gateways, database=database
        )

    @classmethod
    def of_project(cls) -> Self:
        """A dispatcher with the setting DISPATCHER. Raises ConfigurationError."""
        try:
            own = conf.alias()
            return cls(conf.settings(), conf.tables(), apart=own is None)
        except DispatcherError as error:
            raise type(error)(conf.in_project_terms(error)) from None

    @async_unsafe("in async code: await dispatcher.asubmit(…)")
    def submit(
        self,
        reference: str,
        text: str,
        recipients: People,
        *,
        reject: Callable[[Rejection], None] | None = None,
        phone: str | None = None,
        fields: Mapping[str, str] | None = None,
        territory_field: str | None = None,
        key: str | None = None,
        last_contact: str | None = None,
        **options: Unpack[Options],
    ) -> Submitted:
        """Store a campaign and return its id; see ``Dispatcher.submit``.

        Inside ``transaction.atomic`` it is a part of that transaction: both or neither, and
        workers hear of it after the commit. ``recipients`` may be a QuerySet, which is streamed:
        ``phone`` is the name of its field of numbers ("profile__mobile"; the one that is called
        so when there is only one), ``fields`` maps names in the text to fields of the model
        ({"prenom": "first_name"}; the same names by default), ``territory_field`` names the
        field that overrides the territory, ``key`` the one that you know the person by ("pk"),
        which is given back with results, ``last_contact`` that of the last contact's date.

        Raises IllegalMove if a transaction of another database is open, too, which could be rolled
        back without the campaign: ``submit_on_commit`` waits for it.
        """
        transactions.check_alone(self._joins)
        names = phone, fields, territory_field, key, options.get("consent"), last_contact
        people = streamed(recipients, Asked(text, *names))
        # a query on this connection has no place beside what is stored by it
        options["at_hand"] = options.get("at_hand", False) and not asks_database(recipients)
        if isinstance(self.database, DjangoDatabase):
            self.database.take_turn()
        return super().submit(reference, text, people, reject=reject, **options)

    @async_unsafe("submit_on_commit is for sync code: transactions are, too")
    def submit_on_commit(
        self,
        reference: str,
        text: str,
        recipients: People,
        *,
        using: str | None = None,
        on_error: Callable[[DispatcherError], object] | None = None,
        reject: Callable[[Rejection], None] | None = None,
        phone: str | None = None,
        fields: Mapping[str, str] | None = None,
        territory_field: str | None = None,
        key: str | None = None,
        last_contact: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Submit once the open transaction is committed, whichever database it is on, else never.

        Without one, submit now. ``using`` is needed only if transactions of several databases are
        open: it names the one to wait for. The transaction is not kept open while a long list is
        read. An error that can be found beforehand is raised now: a text, a sender, a date, a
        field that does not exist. A later one is logged, and passed to ``on_error`` or raised to
        the code that committed: nothing is stored then. Raises IllegalMove if several transactions
        are open and ``using`` names none of them, or if the project commits by hand.
        """
        # the request may be over when the transaction is committed
        options["by"] = named(options.get("by"))
        check_beforehand(self._installation, self._submission(reference, text, options))
        names = phone, fields, territory_field, key, options.get("consent"), last_contact
        people = streamed(recipients, Asked(text, *names))
        # a query on this connection has no place beside what is stored by it
        options["at_hand"] = options.get("at_hand", False) and not asks_database(recipients)

        def submit() -> None:
            try:
                super(DjangoDispatcher, self).submit(
                    reference, text, people, reject=reject, **options
                )
            except DispatcherError as error:
                log.error("campaign %r was not submitted: %s", masked(reference), error)  # noqa: TRY400
                if on_error is None:
                    raise
                on_error(error)

        transactions.on_commit(submit, using)

    @property
    def drafts(self) -> DjangoDrafts:
        """Campaigns that people write, plan and approve before they are submitted."""
        shared = self._installation, self._gateways, self._account
        return DjangoDrafts(*shared, lambda: self._hints.tick())

    def plan(
        self,
        text: str,
        recipients: People,
        *,
        reject: Callable[[Rejection], None] | None = None,
        each: Callable[[PlannedBatch, set[str]], None] | None = None,
        phone: str | None = None,
        fields: Mapping[str, str] | None = None,
        territory_field: str | None = None,
        key: str | None = None,
        last_contact: str | None = None,
        **options: Unpack[Options],
    ) -> Plan:
        """What ``submit`` with the same arguments would do: nothing is written."""
        names = phone, fields, territory_field, key, options.get("consent"), last_contact
        people = streamed(recipients, Asked(text, *names))
        return super().plan(text, people, reject=reject, each=each, **options)

    # the same for async views; a transaction is a matter of sync code, and so is submit_on_commit
    asubmit = in_thread(submit)
    aplan = in_thread(plan)
    aprogress = in_thread(Dispatcher.progress)
    acampaigns = in_thread(Dispatcher.campaigns)
    apage = in_thread(Dispatcher.page)
    acampaign = in_thread(Dispatcher.campaign)
    abatches = in_thread(Dispatcher.batches)
    abatch = in_thread(Dispatcher.batch)
    amessages = in_thread(Dispatcher.messages)
    amessage_changes = in_thread(Dispatcher.message_changes)
    aactions = in_thread(Dispatcher.actions)
    apause = in_thread(Dispatcher.pause)
    aresume = in_thread(Dispatcher.resume)
    acancel = in_thread(Dispatcher.cancel)
    adoubts = in_thread(Dispatcher.doubts)
    aresend = in_thread(Dispatcher.resend)
    agive_up = in_thread(Dispatcher.give_up)
    aspend = in_thread(Dispatcher.spend)
    areplies = in_thread(Dispatcher.replies)
    aopt_out = in_thread(Dispatcher.opt_out)

    def _make_hints(self, address: BrokerAddress | None) -> Hints:
        return _Committed(address, self.alias)

    def _make_tables(self) -> None:
        """Raise StorageError unless ``migrate.command`` has made the tables.

        In a database of its own they are made here, as without Django.
        """
        if self.alias is None:
            super()._make_tables()
            return
        try:
            schema.check(self.database)
        except StorageError as error:
            command = migrate.command(self.alias)
            raise StorageError(str(error).replace("dispatcher migrate", command)) from None

    def _lacks_tables(self) -> bool:
        return self.alias is None and super()._lacks_tables()

    def look_at_tables(self) -> str:
        """The version of the schema that ``manage.py migrate`` has made. Raises StorageError."""
        if self.alias is None:
            return super().look_at_tables()
        self._make_tables()
        return schema.version(self.database) or ""


class _Committed(Hints):
    """Sends hints to workers after the commit: before it they would see nothing."""

    def __init__(self, address: BrokerAddress | None, alias: str | None) -> None:
        super().__init__(address)
        self._alias = alias

    def tick(self) -> bool:
        """Send a hint for due work after the commit."""
        if self._alias is None or self._address is None:
            return super().tick()
        try:
            transaction.on_commit(super().tick, using=self._alias)
        except transaction.TransactionManagementError:
            return False  # the project commits by hand, so a tick has to find the work
        return True
