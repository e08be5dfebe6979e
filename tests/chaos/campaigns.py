"""Who is texted: campaigns of every size, the same people in several of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from dispatcher import Recipient
from tests.acceptance.installation import people

#: in every text and every field, so that a log that repeats one gives itself away
MARK = "Zinnia"
#: closed while Paris is open on the first day, open on the second
OVERSEAS = "martinique"
#: the numbers that belong to nobody, without the one that the gateway's lies speak of
_CROWD = people(9_999)
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
        for place, phone in enumerate(self.phones):
            name = f"{_NAMES[place % len(_NAMES)]} {MARK}"
            yield Recipient(phone, {"prenom": name} if self.personal else None)


def plans(recipients: int, luck: random.Random) -> list[Plan]:
    """Campaigns for ``recipients`` people in all: two large, some middling, many small."""
    overseas = max(2, min(300, recipients // 50))
    sizes = _sizes(recipients - overseas, luck)
    found = [
        Plan(
            f"soldes-{number}",
            tuple(luck.sample(_CROWD, size)),
            personal=number % 3 == 2,
        )
        for number, size in enumerate(sizes, start=1)
    ]
    phones = tuple(luck.sample(found[0].phones, min(overseas, len(found[0].phones))))
    found.insert(1, Plan("outre-mer", phones, territory=OVERSEAS))
    return found


def _sizes(recipients: int, luck: random.Random) -> list[int]:
    large = min(len(_CROWD), max(2, int(recipients * 0.3)))
    sizes = [large] * max(2, int(recipients * 0.6) // large)
    left = recipients - sum(sizes)
    middling = max(2, recipients // 33)
    while left > recipients // 6:
        sizes.append(min(middling, left))
        left -= sizes[-1]
    while left > 3:
        # a campaign of one cannot be told from an answer cut in half
        sizes.append(min(luck.randint(2, 60), left))
        left -= sizes[-1]
    sizes[-1] += left
    return sizes
