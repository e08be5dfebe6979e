"""Orders of paid number checks: within a cap, stored before they are sent, sent once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from dispatcher.campaigns.batch import LARGEST_BATCH
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.tags import new_tag
from dispatcher.errors import GatewayError, GatewayRefused, GatewayUnreached, UnusableInput
from dispatcher.recipients.number_checks import REFUSALS
from dispatcher.storage import number_checks

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OrderResult:
    """What was ordered, in numbers of phones.

    The gateway took ``ordered`` of them for ``cost`` euros. The answer about ``lost`` of them was
    lost: the gateway may have taken and charged them. ``left`` were not ordered; ``why`` says why.
    """

    ordered: int = 0
    cost: Decimal = Decimal(0)
    lost: int = 0
    left: int = 0
    why: str = ""


class CheckOrders:
    """Sends orders, one after the other, of up to 500 numbers each."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def order_checks(
        self,
        phones: Sequence[str],
        *,
        max_cost: Decimal,
        results_to: str,
        actor: str,
        known_at: datetime,
        again: bool = False,
    ) -> OrderResult:
        """Order checks of numbers (E.164) for at most ``max_cost`` euros.

        Ends with the first order that the gateway does not take. ``known_at`` is when the numbers
        were chosen: those that somebody has ordered since are left out.
        """
        settings = self._context.settings
        price = settings.check_price
        ordered = lost = 0
        cost = spent = Decimal(0)
        for start in range(0, len(phones), LARGEST_BATCH):
            some = phones[start : start + LARGEST_BATCH]
            left = len(phones) - start
            if spent + price * len(some) > max_cost:
                return OrderResult(ordered, cost, lost, left, "more would cost more than the cap")
            now = self._context.clock()
            with self._context.database.write() as session:
                claim = number_checks.begin(
                    session,
                    some,
                    tag=(tag := new_tag()),
                    price=price,
                    actor=actor,
                    now=now,
                    known_at=known_at,
                    since=now - timedelta(days=settings.checks_days),
                    again=again,
                )
            if claim is None:
                continue
            count, gateway = len(claim.phones), self._context.gateway
            try:
                taken = gateway.order_checks(claim.phones, results_to=results_to, tag=tag)
            except UnusableInput as error:  # the address is impossible: no byte left
                with self._context.database.write() as session:
                    number_checks.note_refused(session, claim, str(error))
                raise
            except GatewayError as error:
                if _nothing_ordered(error):
                    with self._context.database.write() as session:
                        number_checks.note_refused(session, claim, str(error))
                    return OrderResult(ordered, cost, lost, left, str(error))
                log.warning("order %d of number checks is lost: %s", claim.order_id, error)
                with self._context.database.write() as session:
                    number_checks.note_lost(session, claim, str(error))
                return OrderResult(ordered, cost, count, left - len(some), str(error))
            with self._context.database.write() as session:
                number_checks.note_taken(session, claim, taken)
            log.info("%d number checks ordered", count)
            ordered, cost = ordered + count, cost + taken.cost
            # the answer may give the price of one check only: the larger figure counts
            spent += max(taken.cost, price * count)
            price = max(price, taken.cost / count)
        return OrderResult(ordered, cost, lost, 0, "")


def _nothing_ordered(error: GatewayError) -> bool:
    """True if that is certain: an undocumented code may follow after a part was taken."""
    if isinstance(error, GatewayRefused):
        return error.code in REFUSALS
    return isinstance(error, GatewayUnreached)
