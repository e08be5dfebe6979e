"""The campaigns that are submitted: of every size, with the same people in several of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from dispatcher import Recipient
from tests.acceptance.installation import people

#: a word in every text and field, by which a log that repeats one is found
MARK = "Zinnia"
#: closed while Paris is open on the first day, open on the second
OVERSEAS = "martinique"
#: numbers reserved for fiction, without the one that the gateway's false answers name
_PEOPLE = people(9_999)
_NAMES = ("Camille", "Loïc", "Zoé", "Ahmed", "Maëlle", "Jo")


@dataclass(frozen=True)
class Plan:
    """One campaign to submit."""

    reference: str
    phones: tuple[str, ...] = field(repr=False)
    personal: bool = False
    territory: str | None = None

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
    overseas = max(2, min(300, recipients // 50))
    sizes = _sizes(recipients - overseas, luck)
    found = [
        Plan(
            f"soldes-{number}",
            tuple(luck.sample(_PEOPLE, size)),
            personal=number % 3 == 2,
        )
        for number, size in enumerate(sizes, start=1)
    ]
    phones = tuple(luck.sample(found[0].phones, min(overseas, len(found[0].phones))))
    found.insert(1, Plan("outre-mer", phones, territory=OVERSEAS))
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
