"""What keeps an account's batches from leaving beside their own rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, literal, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import BatchState
from dispatcher.campaigns.stop_list_age import StopListAge
from dispatcher.storage import account_waits, meta, stop_list
from dispatcher.storage.tables import BATCH, CAMPAIGN, META, in_state

DOUBTS = select(func.count()).select_from(BATCH).where(in_state(BatchState.IN_DOUBT))
_DOUBTFUL, _ITS = BATCH.alias("doubtful"), CAMPAIGN.alias("campaign_of_doubtful")
#: of one account (parameter ``account``); with a single account ``DOUBTS`` is faster
DOUBTS_OF = (
    select(func.count())
    .select_from(_DOUBTFUL.join(_ITS, _ITS.c.id == _DOUBTFUL.c.campaign_id))
    .where(
        _DOUBTFUL.c.state == literal(BatchState.IN_DOUBT.value, literal_execute=True),
        _ITS.c.account == bindparam("account"),
    )
)
#: the stored values, by the names of their columns and parameters
_STORED = dict(
    zip(("its_wait", "list_read", "list_tried"), (account_waits.NAME, *stop_list.AGE), strict=True)
)
#: columns of a statement that reads something else, too; ``of_row`` takes its row
COLUMNS = [
    select(META.c.value).where(META.c.name == bindparam(name)).scalar_subquery().label(name)
    for name in _STORED
]
# built once: building one takes longer than running it
_READ = select(DOUBTS.scalar_subquery().label("doubts"), *COLUMNS)
_READ_OF = select(DOUBTS_OF.scalar_subquery().label("doubts"), *COLUMNS)


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Until when an account waits by the gateway's wish (UTC), and how old its STOP list is.

    ``doubts`` is how many batches are in doubt, 0 where nobody counted them.
    """

    waits_until: datetime | None
    stop_list: StopListAge
    doubts: int = 0


def read(session: Session, account: str, *, apart: bool, now: datetime) -> Obstacles:
    """Those of an account; ``apart`` if its doubts alone count, and not all."""
    row = session.execute(_READ_OF if apart else _READ, names(account)).one()
    return of_row(row, now, row.doubts)


def names(account: str) -> dict[str, str]:
    """The parameters of ``COLUMNS``."""
    return {"account": account} | {
        column: meta.name_of(name, account) for column, name in _STORED.items()
    }


def of_row(row: Any, now: datetime, doubts: int = 0) -> Obstacles:
    """Those that a row with ``COLUMNS`` tells of."""
    age = stop_list.age_of((row.list_read, row.list_tried))
    return Obstacles(account_waits.until(row.its_wait, now), age, doubts)


def doubts(session: Session, account: str | None = None) -> int:
    """How many batches are in doubt, of one account or in all."""
    if account is None:
        return session.scalar(DOUBTS) or 0
    return session.scalar(DOUBTS_OF, {"account": account}) or 0
