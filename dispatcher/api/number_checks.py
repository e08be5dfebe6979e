"""Number checks: what is known about the numbers of a list, and paid checks of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from dispatcher.api.actor import named
from dispatcher.api.installation import Installation
from dispatcher.api.recipient_list import listed
from dispatcher.api.screening import Screening
from dispatcher.campaigns.places import Places
from dispatcher.campaigns.prices import shown
from dispatcher.campaigns.submission import RecipientInput
from dispatcher.campaigns.wording import counted
from dispatcher.dispatch.number_checks import CheckOrders, OrderResult
from dispatcher.errors import ConfigurationError, IllegalMove, InvalidCampaign, InvalidPhone
from dispatcher.gateway import Gateway
from dispatcher.recipients.number_checks import IN_SERVICE, OUT_OF_SERVICE, UNDECIDED, Lookups
from dispatcher.recipients.reasons import UNKNOWN_TERRITORY
from dispatcher.storage import actions, number_checks, opt_outs
from dispatcher.storage.number_checks import WAITING

#: the state of a number that is never checked
OPTED_OUT = "opted_out"
__all__ = ["NumberChecks", "NumberReport", "OrderResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberReport:
    """What is known about the numbers of a list, at the instant ``at`` (UTC).

    ``rows`` is the length of the list, ``numbers`` how many different numbers it has, and
    ``rejected`` counts the rows without a valid number, by reason. ``known`` counts numbers by
    state: "in_service", "out_of_service" and "undecided" come from checks of the last
    ``checks_days`` days, "waiting" numbers are ordered and have no result yet, and "opted_out"
    numbers are never checked. An order is for the others.
    """

    rows: int
    numbers: int
    rejected: Mapping[str, int]
    known: Mapping[str, int]
    #: the numbers (E.164) about which nothing is known, and those whose result has not come
    unknown: Sequence[str] = field(repr=False)
    waiting: Sequence[str] = field(repr=False)
    #: euros for one check, by the setting ``check_price``
    price: Decimal
    #: the gateway's answers about their form; None if it was not asked
    lookups: Lookups | None
    at: datetime

    def to_order(self, *, again: bool = False) -> Sequence[str]:
        """The numbers (E.164) to order checks for; with ``again`` also those that wait."""
        return (*self.unknown, *self.waiting) if again else self.unknown

    def cost(self, *, again: bool = False) -> Decimal:
        """The price of that order in euros, by the setting ``check_price``."""
        return self.price * len(self.to_order(again=again))

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values, without the numbers themselves; euros are text."""
        return {
            "rows": self.rows,
            "numbers": self.numbers,
            "reasons": dict(self.rejected),
            "known": dict(self.known),
            "unknown": len(self.unknown),
            "cost": str(self.cost()),
            "cost_again": str(self.cost(again=True)),
            "lookups": None if self.lookups is None else self.lookups.as_json(),
        }


class NumberChecks:
    """Asks the gateway about numbers: about their form for free, about their networks for money.

    ``gateway`` and ``orders`` belong to one account, which pays; all accounts share the results.
    Every method raises StorageError when the database cannot be used.
    """

    def __init__(
        self,
        installation: Installation,
        gateway: Callable[[], Gateway],
        orders: Callable[[], CheckOrders],
    ) -> None:
        self._installation = installation
        self._settings = installation.settings
        self._clock = installation.clock
        self._gateway = gateway
        self._orders = orders

    def survey(
        self, recipients: Iterable[RecipientInput], *, look_up: bool = False
    ) -> NumberReport:
        """What is known about a list; with ``look_up`` also ask the gateway about its numbers.

        Nothing is ordered and nothing is paid. If the gateway does not answer, the report says so
        in ``lookups``. Raises UnusableInput for a list that cannot be read, and ConfigurationError
        for ``look_up`` without an API key.
        """
        now = self._clock()
        gateway = self._gateway() if look_up else None
        screening = Screening.of(self._installation, gateway)
        rows = 0
        phones: dict[str, None] = {}
        rejected: Counter[str] = Counter()
        places = Places(None)
        for recipient in screening.checked(listed(recipients), places):
            rows += 1
            if recipient.fault is not None:
                rejected[recipient.fault] += 1
                continue
            try:
                phones.setdefault(places.number(recipient))
            except InvalidPhone as error:
                rejected[error.reason] += 1
            except InvalidCampaign:
                rejected[UNKNOWN_TERRITORY] += 1
        with self._installation.read() as session:
            known = number_checks.known_services(session, phones, now - self._within)
            # opted-out numbers are never texted: pay for no check, and do not pass them on
            known |= dict.fromkeys(opt_outs.opted_out(session, phones), OPTED_OUT)
        counts = Counter(known.values())
        return NumberReport(
            rows=rows,
            numbers=len(phones),
            rejected=dict(rejected.most_common()),
            known={name: counts[name] for name in _KNOWN if counts[name]},
            unknown=tuple(phone for phone in phones if phone not in known),
            waiting=tuple(phone for phone in phones if known.get(phone) == WAITING),
            price=self._settings.check_price,
            lookups=screening.lookups,
            at=now,
        )

    def order(
        self, report: NumberReport, *, max_cost: Decimal, again: bool = False, by: str | None = None
    ) -> OrderResult:
        """Order network checks of the numbers about which nothing is known; this costs money.

        Nothing is ordered if all of them together cost more than ``max_cost`` euros. A number
        that waits for a result, which may never come, is ordered once more only with ``again``.
        The gateway posts the results to the webhooks. ``by`` is who orders, for the record.

        A failure of the gateway is in the result. Raises InvalidCampaign above ``max_cost``,
        ConfigurationError without an address of the webhooks or an API key, and IllegalMove
        inside a transaction of the caller's.
        """
        if self._installation.database.in_transaction:
            raise IllegalMove(
                "an order of number checks costs money: give it outside of a transaction, which"
                " could be rolled back and forget it"
            )
        self._installation.prepare()
        address = self._address()
        cost = report.cost(again=again)
        if cost > max_cost:
            raise InvalidCampaign(
                f"{len(report.to_order(again=again)):,} checks cost {shown(cost)}, more than"
                f" {shown(max_cost)}: nothing was ordered"
            )
        orders, who, wanted = self._orders(), named(by), report.to_order(again=again)
        if wanted:
            self._note(who, f"{counted(len(wanted), 'number')}, for at most {shown(max_cost)}")
        return orders.order_checks(
            wanted,
            max_cost=max_cost,
            results_to=address,
            actor=who,
            known_at=report.at,
            again=again,
        )

    def _note(self, who: str, reason: str) -> None:
        """Put an order on record, before the first of its requests."""
        now = self._clock()
        with self._installation.write() as session:
            actions.note(session, None, verb="order checks", actor=who, now=now, reason=reason)

    def _address(self) -> str:
        url, secret = self._settings.webhook_url, self._settings.webhook_secret
        if url is None or secret is None:
            raise ConfigurationError(
                "the results are posted to the webhooks: set DISPATCHER_WEBHOOK_URL and"
                " DISPATCHER_WEBHOOK_SECRET, and serve them"
            )
        return f"{url}/{secret.get_secret_value()}/check"

    @property
    def _within(self) -> timedelta:
        return timedelta(days=self._settings.checks_days)


_KNOWN = (IN_SERVICE, OUT_OF_SERVICE, UNDECIDED, WAITING, OPTED_OUT)
