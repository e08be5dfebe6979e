"""Number checks as callers and operators use them: what is known of a list, and what to order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from dispatcher.api.actor import actor
from dispatcher.api.installation import Installation
from dispatcher.api.intake import listed
from dispatcher.api.screening import Screening
from dispatcher.campaigns.prices import shown
from dispatcher.campaigns.submission import Given
from dispatcher.dispatch.number_checks import CheckOrders, OrderResult
from dispatcher.errors import ConfigurationError, IllegalMove, InvalidCampaign, InvalidPhone
from dispatcher.gateway import Gateway
from dispatcher.recipients.number_checks import IN_SERVICE, OUT_OF_SERVICE, UNDECIDED, Lookups
from dispatcher.recipients.phones import normalise
from dispatcher.storage import number_checks as checks
from dispatcher.storage import opt_outs
from dispatcher.storage.number_checks import WAITING

#: of a number that is not asked about
OPTED_OUT = "opted_out"
__all__ = ["NumberChecks", "OrderResult", "Survey"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is known of a list.

    ``numbers`` counts its numbers, each once; ``rejected`` the other rows, by reason. ``known``
    counts the numbers that checks have told of lately, or are expected to: "in_service",
    "out_of_service", "undecided", "waiting"; and "opted_out". An order is for the rest.
    """

    rows: int
    numbers: int
    rejected: Mapping[str, int]
    known: Mapping[str, int]
    #: the numbers (E.164) of which nothing is known, and those whose result has not come
    unknown: Sequence[str] = field(repr=False)
    waiting: Sequence[str] = field(repr=False)
    #: euros of one check, as they are reckoned
    price: Decimal
    #: what the gateway says of their form; None when it was not asked
    lookups: Lookups | None
    at: datetime

    def to_order(self, *, again: bool = False) -> Sequence[str]:
        """The numbers that an order is for; with ``again`` those that wait, too."""
        return (*self.unknown, *self.waiting) if again else self.unknown

    def cost(self, *, again: bool = False) -> Decimal:
        """Euros of that order, as they are reckoned."""
        return self.price * len(self.to_order(again=again))

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, without the numbers."""
        return {
            "rows": self.rows,
            "numbers": self.numbers,
            "rejected": dict(self.rejected),
            "known": dict(self.known),
            "unknown": len(self.unknown),
            "cost": str(self.cost()),
            "cost_again": str(self.cost(again=True)),
            "lookups": None if self.lookups is None else self.lookups.as_json(),
        }


class NumberChecks:
    """Asks the gateway about numbers: their form for free, their networks for a price.

    ``gateway`` and ``orders`` are those of one account, which pays. What is known is everybody's.
    """

    def __init__(
        self,
        installation: Installation,
        gateway: Callable[[], Gateway],
        orders: Callable[[], CheckOrders],
    ) -> None:
        self._installation = installation
        self._settings = installation.settings
        self._database = installation.database
        self._clock = installation.clock
        self._gateway = gateway
        self._orders = orders

    def survey(self, recipients: Iterable[Given], *, look_up: bool = False) -> Survey:
        """What is known of a list; with ``look_up`` the gateway is asked about their form, too.

        Nothing is ordered. Raises UnusableInput for a list that cannot be read, and
        ConfigurationError when the gateway is to be asked without a key.
        """
        now = self._clock()
        gateway = self._gateway() if look_up else None
        screening = Screening.of(self._installation, gateway)
        rows = 0
        phones: dict[str, None] = {}
        rejected: Counter[str] = Counter()
        for recipient in screening.checked(listed(recipients)):
            rows += 1
            try:
                phones.setdefault(normalise(recipient.phone))
            except InvalidPhone as error:
                rejected[error.reason] += 1
        with self._database.read() as session:
            known = checks.standings(session, phones, now - self._within)
            # no money for those whom no campaign texts, and nobody is told of them
            known |= dict.fromkeys(opt_outs.known(session, phones), OPTED_OUT)
        counts = Counter(known.values())
        return Survey(
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
        self, survey: Survey, *, max_cost: Decimal, again: bool = False, by: str | None = None
    ) -> OrderResult:
        """Have the networks asked about the numbers of which nothing is known; it costs money.

        Nothing is ordered when all of them together cost more than ``max_cost`` euros. Of those
        that wait for a result nobody knows whether it will come: they are ordered once more only
        with ``again``. The results come to the webhooks. ``by`` is who orders, for the record.

        Raises InvalidCampaign for the cap, ConfigurationError without an address of webhooks or a
        key, and IllegalMove inside a transaction of the caller's. What the gateway says is in the
        result.
        """
        if self._database.in_transaction:
            raise IllegalMove(
                "an order of number checks costs money: give it outside of a transaction, which"
                " could be rolled back and forget it"
            )
        address = self._address()
        cost = survey.cost(again=again)
        if cost > max_cost:
            raise InvalidCampaign(
                f"{len(survey.to_order(again=again)):,} checks cost {shown(cost)}, more than"
                f" {shown(max_cost)}: nothing was ordered"
            )
        return self._orders().order_checks(
            survey.to_order(again=again),
            max_cost=max_cost,
            results_to=address,
            actor=by or actor(),
            known_at=survey.at,
            again=again,
        )

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
