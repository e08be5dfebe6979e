"""What may keep campaigns from leaving beside their own rows, of all accounts in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, literal, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.stop_list_age import StopListAge
from dispatcher.storage import account_waits, balances, meta, pauses, stop_list
from dispatcher.storage.balances import Balance
from dispatcher.storage.obstacles import DOUBTS
from dispatcher.storage.pauses import PausedAll
from dispatcher.storage.tables import META, Attempt, Heartbeat

_ONE = select(literal(1).label("one")).subquery()
_READ = select(
    META.c.name,
    META.c.value,
    select(func.max(Heartbeat.at)).scalar_subquery().label("last_tick"),
    select(func.max(Attempt.armed_at)).scalar_subquery().label("last_claim"),
    DOUBTS.scalar_subquery().label("doubts"),
).select_from(_ONE.outerjoin(META, META.c.name.in_(bindparam("names", expanding=True))))


@dataclass(frozen=True, slots=True)
class Around:
    """The values of some accounts, and those of the installation; instants are UTC."""

    values: Mapping[str, str]
    last_tick: datetime | None
    last_claim: datetime | None
    #: batches in doubt, of all accounts
    doubts: int

    def pause(self, account: str) -> PausedAll | None:
        """The pause that holds for an account."""
        return pauses.found(self.values, account)

    def waits_until(self, account: str, now: datetime) -> datetime | None:
        """Until when an account waits by the gateway's wish; None if it does not."""
        return account_waits.until(self._of(account_waits.NAME, account), now)

    def balance(self, account: str) -> Balance:
        """An account's balance as it was last read."""
        return balances.parsed(self._of(balances.NAME, account))

    def stop_list(self, account: str) -> StopListAge:
        """When an account's STOP list was last read, and first tried."""
        return stop_list.age_of([self._of(name, account) for name in stop_list.AGE])

    def _of(self, name: str, account: str) -> str | None:
        return self.values.get(meta.name_of(name, account))


def read(session: Session, accounts: Iterable[str]) -> Around:
    """The values of these accounts. As many statements for a hundred as for one: one."""
    names = {
        *(pauses.name_of(None), *map(pauses.name_of, accounts := list(accounts))),
        *(
            meta.name_of(name, account)
            for name in (account_waits.NAME, balances.NAME, *stop_list.AGE)
            for account in accounts
        ),
    }
    rows = session.execute(_READ, {"names": sorted(names)}).all()
    values = {row.name: row.value for row in rows if row.name is not None}
    return Around(values, rows[0].last_tick, rows[0].last_claim, rows[0].doubts)
