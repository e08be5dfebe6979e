"""An application that knows who consents; each test sets what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from dispatcher.campaigns.consent import Consent, Person

GIVEN = Consent(date(2026, 5, 3), source="shop in Lyon", wording="v3")


def everybody(people: Sequence[Person]) -> object:
    """All of them consent."""
    return dict.fromkeys(people, GIVEN)


class Shop:
    """What the application answers, and whom it was asked for."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Everybody consents, and nobody was asked for."""
        self.answer: Callable[[Sequence[Person]], object] = everybody
        self.asked: list[list[str]] = []


SHOP = Shop()


def consents(people: Sequence[Person]) -> object:
    """What ``DISPATCHER_CONSENT`` names."""
    SHOP.asked.append([person.phone for person in people])
    return SHOP.answer(people)


NOT_A_FUNCTION = 3
