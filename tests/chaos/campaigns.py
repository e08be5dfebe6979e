"""The campaigns that are submitted: of every size and kind, with people who are in several."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from dispatcher import Recipient
from dispatcher.campaigns.consent import ASK
from tests.acceptance.installation import OPEN, people
from tests.chaos import budgets

#: a word in every text and field, by which a log that repeats one is found
MARK = "Zinnia"
#: closed while Paris is open on the first day, open on the second
OVERSEAS = "martinique"
#: a second account at the gateway
OTHER_ACCOUNT = "other"
LONG_NUMBER = "+33639988888"
#: the campaign that leaves evenly
SMOOTHED = "etalee"
#: until when the gateway holds what is handed over to it
HOUR = OPEN + timedelta(hours=3)
#: numbers reserved for fiction, without the one that the gateway's false answers name
_PEOPLE = people(9_999)
_NAMES = ("Camille", "Loïc", "Zoé", "Ahmed", "Maëlle", "Jo")


@dataclass(frozen=True)
class Plan:
    """One campaign to submit."""

    reference: str
    phones: tuple[str, ...] = field(repr=False)
    personal: bool = False
    #: of ``Dispatcher.submit``
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        greeting = "{{ prenom }}, " if self.personal else ""
        return f"{greeting}les soldes {MARK} ouvrent demain à 9h"

    def recipients(self) -> Iterator[Recipient]:
        for position, phone in enumerate(self.phones):
            name = f"{_NAMES[position % len(_NAMES)]} {MARK}"
            yield Recipient(phone, {"prenom": name} if self.personal else None)


def plans(recipients: int, luck: random.Random) -> list[Plan]:
    """Campaigns for ``recipients`` people in all: two large, some of medium size, many small."""
    few = max(2, min(300, recipients // 50))
    special: dict[str, tuple[int, dict[str, Any]]] = {
        **dict.fromkeys(budgets.CAMPAIGNS, (4 * few, dict(budgets.OPTIONS))),
        "outre-mer": (few, {"territory": OVERSEAS, "consent": ASK}),
        "numero-long": (min(few, 20), {"from_number": LONG_NUMBER}),
        "autre-compte": (4 * few, {"account": OTHER_ACCOUNT}),
        # batches of 500, one in 50 s
        SMOOTHED: (5 * few, {"per_hour": 36_000}),
        "confiee": (4 * few, {"not_before": HOUR, "hand_over": True}),
        "confiee-autre": (
            few,
            {"not_before": HOUR, "hand_over": True, "account": OTHER_ACCOUNT},
        ),
    }
    sizes = _sizes(recipients - 4 * few - sum(size for size, _ in special.values()), luck)
    found = [
        Plan(
            f"soldes-{number}",
            tuple(luck.sample(_PEOPLE, size)),
            personal=number % 3 == 2,
            options={"consent": ASK} if number % 2 else {},
        )
        for number, size in enumerate(sizes, start=1)
    ]
    large = found[0].phones
    others = sorted({*_PEOPLE}.difference(large)) or large
    for reference, (size, options) in special.items():
        phones = tuple(luck.sample(large, min(size, len(large))))
        found.insert(1, Plan(reference, phones, options=options))
    # submitted right after the large one, half of whose people it is not to text
    half = [
        *luck.sample(large, min(2 * few, len(large))),
        *luck.sample(others, min(2 * few, len(others))),
    ]
    luck.shuffle(half)
    found.insert(
        1,
        Plan(
            "sauf-soldes-1",
            tuple(dict.fromkeys(half)),
            options={"except_campaign": found[0].reference},
        ),
    )
    return found


def _sizes(recipients: int, luck: random.Random) -> list[int]:
    large = min(len(_PEOPLE), max(2, int(recipients * 0.3)))
    sizes = [large] * max(2, int(recipients * 0.6) // large)
    left = recipients - sum(sizes)
    medium = max(2, recipients // 33)
    while left > recipients // 6:
        sizes.append(min(medium, left))
        left -= sizes[-1]
    while left > 3:
        # a cut answer may look like that of a campaign of one: two at least
        sizes.append(min(luck.randint(2, 60), left))
        left -= sizes[-1]
    sizes[-1] += left
    return sizes
