"""The screen: what others say of the numbers of a list, before it is cut in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Self

from dispatcher.campaigns.batch import LARGEST_BATCH
from dispatcher.errors import GatewayError, InvalidPhone
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
from dispatcher.recipients.phones import destination_of, normalise
from dispatcher.settings import Settings
from dispatcher.storage import number_checks as checks
from dispatcher.storage import opt_outs
from dispatcher.storage.database import Database

#: seconds from one look-up to the next: the gateway takes 360 a minute
_PACE: Final = 0.2


class Screen:
    """Looks at recipients 500 at a time, ahead of who plans them.

    ``gateway`` is asked about the form of each number but of those that have ``opted_out``, and
    ``out_of_service`` which numbers (E.164) a check has found so. With ``rejects`` those are left
    out. None asks nobody.
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
        #: why numbers (E.164) are left out, of the rows that were yielded last and those that
        #: come next
        self.refused: dict[str, str] = {}
        self._gateway = gateway
        self._opted_out = opted_out
        self._out_of_service = out_of_service
        self._rejects = rejects
        self._gone, self._warned = RowNumbers(), set[str]()
        self._wait = wait
        self._next = 0.0
        self._tally = Tally()

    @classmethod
    def of(
        cls, settings: Settings, database: Database, now: datetime, gateway: Gateway | None
    ) -> Self:
        """The one that the settings ask for; the database has its tables."""
        since = now - timedelta(days=settings.checks_days)

        def opted_out(phones: Sequence[str]) -> set[str]:
            with database.read() as session:
                return opt_outs.known(session, phones)

        def out_of_service(phones: Sequence[str]) -> set[str]:
            with database.read() as session:
                return checks.out_of_service(session, phones, since)

        asks = settings.checks_mode != "off"
        if asks:
            with database.read() as session:
                asks = checks.any_out_of_service(session, since)
        return cls(
            gateway,
            opted_out=opted_out,
            out_of_service=out_of_service if asks else None,
            rejects=settings.checks_mode == "reject",
        )

    def rows(self, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
        """The same recipients, each after it was looked at."""
        if not self.asks:
            yield from recipients
            return
        rest = iter(recipients)
        while some := list(islice(rest, LARGEST_BATCH)):
            self._look(some)
            yield from some

    @property
    def asks(self) -> bool:
        """Whether the gateway or the database is asked while rows are read."""
        return self._gateway is not None or self._out_of_service is not None

    @property
    def lookups(self) -> Lookups | None:
        """What the gateway says; None when it is not asked. Complete once all rows are read."""
        return None if self._gateway is None else self._tally.total()

    @property
    def warnings(self) -> list[str]:
        """A sentence about those that are out of service and kept, once all rows are read."""
        if not self._gone.count:
            return []
        many = f"{self._gone.count:,} of these numbers"
        where = f" ({self._gone})" if str(self._gone) else ""
        return [f"{many} were out of service when checked{where}: each costs an SMS for nobody"]

    def _look(self, some: Sequence[Recipient]) -> None:
        lines: dict[str, int | None] = {}
        for recipient in some:
            try:
                lines.setdefault(normalise(recipient.phone), recipient.row)
            except InvalidPhone:
                continue  # whoever plans it says why
        self.refused.clear()
        if not lines:
            return
        if self._gateway is not None:
            # who said STOP is not texted: that he is on this list is nobody else's business
            gone = self._opted_out(list(lines)) if self._opted_out else set()
            if asked := {phone: row for phone, row in lines.items() if phone not in gone}:
                self._look_up(self._gateway, asked)
        if self._out_of_service is None:
            return
        gone = self._out_of_service(list(lines))
        for phone, row in lines.items():
            if phone not in gone:
                continue
            if self._rejects:
                self.refused[phone] = OUT_OF_SERVICE
            elif phone not in self._warned:
                self._warned.add(phone)
                self._gone.add(row)

    def _look_up(self, gateway: Gateway, lines: dict[str, int | None]) -> None:
        tally = self._tally
        if not tally.failed:
            self._pace()
            try:
                said = gateway.lookup(list(lines))
            except GatewayError as error:
                # the others would each wait for it again
                tally.failed = str(error)
        if tally.failed:
            tally.unasked += len(lines)
            return
        tally.asked += len(lines)
        found = answered(list(lines), said)
        # an answer that knows no number at all is a gateway that has not understood
        understood = any(check.valid for check in found.values())
        for phone, row in lines.items():
            check = found.get(phone)
            if check is not None and check.valid:
                tally.known(check)
            says = difference(phone, check)
            if not says:
                continue
            # for French numbers the numbering plan has the last word, and it has said yes
            foreign = destination_of(phone) == "foreign"
            rejected = understood and foreign and check is not None and check.refused
            if rejected:
                self.refused[phone] = INVALID_THERE
            tally.add(says, row, rejected=rejected)

    def _pace(self) -> None:
        now = time.monotonic()
        if now < self._next:
            self._wait(self._next - now)
        self._next = max(now, self._next) + _PACE
