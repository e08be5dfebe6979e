"""People who use their rights, and the retention of old campaigns, beside everything else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import delete, update

from dispatcher.storage.tables import Campaign, Meta
from tests.chaos.cluster import Cluster
from tests.chaos.users import User


class Rights(User):
    """Erases people, withdraws consents, and lets ended campaigns become older than retention."""

    def __init__(self, cluster: Cluster, rng: Random, phones: Sequence[str]) -> None:
        super().__init__("rights", cluster, rng)
        self._phones = phones
        self._due: dict[Callable[[], None], tuple[float, float]] = {
            self._erase: (0.0, 2.0),
            self._withdraw: (0.0, 0.5),
            self._age: (time.monotonic() + 5, 6.0),
        }
        #: phone -> an instant by which the erasure, or the withdrawal, was stored
        self.erased: dict[str, datetime] = {}
        self.withdrawn: dict[str, datetime] = {}

    def turn(self) -> None:
        for call, (at, every) in self._due.items():
            if time.monotonic() >= at:
                self._due[call] = (time.monotonic() + self.rng.uniform(0, every), every)
                self.attempt(call)

    def _erase(self) -> None:
        phone = self.rng.choice(self._phones)
        self.cluster.dispatcher.persons.erase(phone, reason=f"a letter of {phone}")
        self.erased.setdefault(phone, self.cluster.dispatcher.clock())
        self.done["erased"] += 1

    def _withdraw(self) -> None:
        phone = self.rng.choice(self._phones)
        with self.cluster.withdrawn.open("a") as file:
            file.write(f"{phone}\n")
        self.withdrawn.setdefault(phone, self.cluster.dispatcher.clock())
        self.done["consent withdrawn"] += 1

    def _age(self) -> None:
        """Have campaigns that ended have ended long ago, and retention be due."""
        long_ago = self.cluster.dispatcher.clock() - timedelta(days=400)
        ended = Campaign.ended_at.is_not(None) & Campaign.numbers_from.is_not(None)
        with self.cluster.dispatcher.database.write() as session:
            session.execute(update(Campaign).where(ended).values(ended_at=long_ago))
            session.execute(delete(Meta).where(Meta.name == "pruned_at"))
