"""Screening: numbers are checked 500 at a time before a list is cut in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Final, Self

from dispatcher.api.installation import Installation
from dispatcher.campaigns.batch import LARGEST_BATCH
from dispatcher.campaigns.places import Places
from dispatcher.errors import GatewayError, InvalidCampaign, InvalidPhone
from dispatcher.gateway import Gateway
from dispatcher.recipients import Recipient
from dispatcher.recipients.number_checks import (
    INVALID_THERE,
    OUT_OF_SERVICE,
    Lookups,
    RowNumbers,
    Tally,
    answered,
    difference,
)
from dispatcher.recipients.phones import destination_of
from dispatcher.storage import number_checks, opt_outs

#: seconds from one look-up to the next: the gateway takes 360 a minute
_PACE: Final = 0.2


class Screening:
    """Checks the recipients of a list, 500 at a time, before the planner reads them.

    The ``gateway`` is asked about the form of each number, except those that ``opted_out`` names.
    ``out_of_service`` names the numbers (E.164) that a number check found out of service; with
    ``rejects`` they are excluded, and otherwise counted for a warning. None skips a check.
    """

    def __init__(
        self,
        gateway: Gateway | None,
        *,
        opted_out: Callable[[Sequence[str]], set[str]] | None = None,
        out_of_service: Callable[[Sequence[str]], set[str]] | None = None,
        rejects: bool = True,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        #: numbers (E.164) among the 500 rows being yielded that are excluded, with the reason
        self.excluded: dict[str, str] = {}
        self._gateway = gateway
        self._opted_out = opted_out
        self._out_of_service = out_of_service
        self._rejects = rejects
        self._out_of_service_rows, self._warned = RowNumbers(), set[str]()
        self._wait = wait
        self._next = 0.0
        self._tally = Tally()

    @classmethod
    def of(cls, installation: Installation, gateway: Gateway | None) -> Self:
        """The screening that the settings ask for."""
        settings = installation.settings
        since = installation.clock() - timedelta(days=settings.checks_days)

        def opted_out(phones: Sequence[str]) -> set[str]:
            with installation.read() as session:
                return opt_outs.opted_out(session, phones)

        def out_of_service(phones: Sequence[str]) -> set[str]:
            with installation.read() as session:
                return number_checks.out_of_service(session, phones, since)

        asks = settings.checks_mode != "off"
        if asks:
            with installation.read() as session:
                asks = number_checks.any_out_of_service(session, since)
        return cls(
            gateway,
            opted_out=opted_out,
            out_of_service=out_of_service if asks else None,
            rejects=settings.checks_mode == "reject",
        )

    def checked(self, recipients: Iterable[Recipient], places: Places) -> Iterator[Recipient]:
        """The same recipients, each after it was checked; ``places`` tells their numbers."""
        if not self.asks:
            yield from recipients
            return
        rest = iter(recipients)
        while some := list(islice(rest, LARGEST_BATCH)):
            self._check(some, places)
            yield from some

    @property
    def asks(self) -> bool:
        """Whether the gateway or the database is asked while rows are read."""
        return self._gateway is not None or self._out_of_service is not None

    @property
    def lookups(self) -> Lookups | None:
        """What the gateway said; None if it is not asked. Complete once all rows are read."""
        return None if self._gateway is None else self._tally.total()

    @property
    def warnings(self) -> list[str]:
        """A sentence about numbers out of service that stay in, once all rows are read."""
        rows = self._out_of_service_rows
        if not rows.count:
            return []
        many = f"{rows.count:,} of these numbers"
        where = f" ({rows})" if str(rows) else ""
        return [f"{many} were out of service when checked{where}: each costs an SMS for nobody"]

    def _check(self, some: Sequence[Recipient], places: Places) -> None:
        lines: dict[str, int | None] = {}
        for recipient in some:
            try:
                lines.setdefault(places.number(recipient), recipient.row)
            except (InvalidPhone, InvalidCampaign):
                continue  # the planner rejects it and says why
        self.excluded.clear()
        if not lines:
            return
        if self._gateway is not None:
            # privacy: the gateway need not learn that an opted-out number is on this list
            opted_out = self._opted_out(list(lines)) if self._opted_out else set()
            if others := {phone: row for phone, row in lines.items() if phone not in opted_out}:
                self._look_up(self._gateway, others)
        if self._out_of_service is None:
            return
        out_of_service = self._out_of_service(list(lines))
        for phone, row in lines.items():
            if phone not in out_of_service:
                continue
            if self._rejects:
                self.excluded[phone] = OUT_OF_SERVICE
            elif phone not in self._warned:
                self._warned.add(phone)
                self._out_of_service_rows.add(row)

    def _look_up(self, gateway: Gateway, lines: dict[str, int | None]) -> None:
        tally = self._tally
        if not tally.failed:
            self._pace()
            try:
                checks = gateway.lookup(list(lines))
            except GatewayError as error:
                # do not ask for the rest: every call would wait as long
                tally.failed = str(error)
        if tally.failed:
            tally.unasked += len(lines)
            return
        tally.asked += len(lines)
        found = answered(list(lines), checks)
        # if no number at all is valid, the gateway has not understood the request
        understood = any(check.valid for check in found.values())
        for phone, row in lines.items():
            check = found.get(phone)
            if check is not None and check.valid:
                tally.known(check)
            says = difference(phone, check)
            if not says:
                continue
            # a French number is valid by the numbering plan, whatever the gateway says
            foreign = destination_of(phone) == "foreign"
            rejected = understood and foreign and check is not None and check.refused
            if rejected:
                self.excluded[phone] = INVALID_THERE
            tally.add(says, row, rejected=rejected)

    def _pace(self) -> None:
        now = time.monotonic()
        if now < self._next:
            self._wait(self._next - now)
        self._next = max(now, self._next) + _PACE
