"""The application that workers ask for consents: it knows who has withdrawn, and often fails."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from dispatcher.campaigns.consent import Consent, Person

#: the variable with the path of the file that has a number a line for each who has withdrawn
WITHDRAWN = "CHAOS_WITHDRAWN"
_GIVEN = Consent(date(2026, 1, 5), "the shop", "2")


def consents(people: Sequence[Person]) -> dict[Person, Consent | None]:
    """Who consents; now and then it raises, hangs, or answers for half of the people."""
    withdrawn = set(Path(os.environ[WITHDRAWN]).read_text().split())
    answer = {person: None if person.phone in withdrawn else _GIVEN for person in people}
    luck = random.random()
    if luck < 0.1:
        raise RuntimeError("the shop's database is away")
    if luck < 0.13:
        time.sleep(4)
    if luck < 0.2:
        return dict(list(answer.items())[::2])
    return answer
