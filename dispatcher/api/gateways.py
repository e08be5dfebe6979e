"""The gateway as each account has it, and the steps that call it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from dispatcher.api.inbox import addresses
from dispatcher.api.installation import Installation
from dispatcher.dispatch.call_counts import CallCounts
from dispatcher.errors import ConfigurationError
from dispatcher.gateway import Gateway
from dispatcher.settings.accounts import DEFAULT

if TYPE_CHECKING:
    from dispatcher.dispatch.steps import Context, Steps


class Gateways:
    """One client for each account, made at first use; ``known`` ones stand in for SMS Partner."""

    def __init__(self, installation: Installation, known: Mapping[str, Gateway]) -> None:
        self._installation = installation
        self._settings = installation.settings
        self._made = dict(known)
        #: counts of this process's calls: of all accounts together, and of each
        self.call_counts = CallCounts()
        self.call_counts_of = {DEFAULT: self.call_counts}
        if self._settings.accounts:
            names = (DEFAULT, *self._settings.accounts)
            self.call_counts_of = {name: CallCounts(also=self.call_counts) for name in names}

    def of(self, account: str) -> Gateway:
        """The client of an account. Raises ConfigurationError if it has no API key."""
        if (made := self._made.get(account)) is not None:
            return made
        settings = self._settings.of_account(account)
        if settings.api_key is None:
            variable = "_".join(filter(None, ["DISPATCHER_API_KEY", account.upper()]))
            raise ConfigurationError(f"{variable} is not set: the key of SMS Partner")
        # imported late: it loads the HTTP library, which submitting does not need
        from dispatcher.gateway.smspartner.client import SmsPartner

        self._made[account] = SmsPartner(
            settings.api_url,
            settings.api_key.get_secret_value(),
            call_timeout=settings.call_timeout,
            connect_timeout=settings.connect_timeout,
            options=addresses(settings),
        )
        return self._made[account]

    @cached_property
    def steps(self) -> Steps:
        """The steps of all accounts. Raises ConfigurationError if one has no API key."""
        # imported late, as the client above
        from dispatcher.dispatch.steps import Steps

        stopping = threading.Event()
        names = (DEFAULT, *self._settings.accounts)
        return Steps(*(self._context(name, stopping) for name in names))

    def _context(self, account: str, stopping: threading.Event) -> Context:
        from dispatcher.dispatch.rate_limit import RateLimit
        from dispatcher.dispatch.steps import Context

        settings, shared = self._settings.of_account(account), self._installation
        return Context(
            settings=settings,
            database=shared.database,
            gateway=self.of(account),
            windows=shared.windows,
            clock=shared.clock,
            rate_limit=RateLimit(settings.rate, shared.broker, account),
            call_counts=self.call_counts_of[account],
            stopping=stopping,
            account=account,
        )
