"""The screen: what others say of the numbers of a list, before it is cut in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from dispatcher.checks import INVALID_THERE, Lookups, Tally, answered, difference
from dispatcher.errors import GatewayError, InvalidPhone
from dispatcher.phones import destination_of, normalise
from dispatcher.planner import LARGEST_BATCH
from dispatcher.provider import Gateway
from dispatcher.recipients import Recipient

#: seconds from one look-up to the next: the gateway takes 360 a minute
_PACE: Final = 0.2


class Screen:
    """Looks at recipients 500 at a time, ahead of who plans them.

    ``gateway`` is asked about the form of each number; with None nobody is.
    """

    def __init__(
        self, gateway: Gateway | None, *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        #: why numbers (E.164) are left out, of the rows that were yielded last and those that
        #: come next
        self.refused: dict[str, str] = {}
        self._gateway = gateway
        self._wait = wait
        self._next = 0.0
        self._tally = Tally()

    def rows(self, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
        """The same recipients, each after it was looked at."""
        if self._gateway is None:
            yield from recipients
            return
        rest = iter(recipients)
        while some := list(islice(rest, LARGEST_BATCH)):
            self._look(some)
            yield from some

    @property
    def lookups(self) -> Lookups | None:
        """What the gateway says; None when it is not asked. Complete once all rows are read."""
        return None if self._gateway is None else self._tally.total()

    def _look(self, some: Sequence[Recipient]) -> None:
        lines: dict[str, int | None] = {}
        for recipient in some:
            try:
                lines.setdefault(normalise(recipient.phone), recipient.row)
            except InvalidPhone:
                continue  # whoever plans it says why
        self.refused.clear()
        if lines:
            self._look_up(lines)

    def _look_up(self, lines: dict[str, int | None]) -> None:
        assert self._gateway is not None  # noqa: S101 - rows() does not come here without one
        tally = self._tally
        if not tally.failed:
            self._pace()
            try:
                checks = self._gateway.lookup(list(lines))
            except GatewayError as error:
                # the others would each wait for it again
                tally.failed = str(error)
        if tally.failed:
            tally.unasked += len(lines)
            return
        tally.asked += len(lines)
        found = answered(list(lines), checks)
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
