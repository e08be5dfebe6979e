"""What campaigns cost, by month, account, tag, territory or campaign: from one snapshot."""

from __future__ import annotations

from collections.abc import Sequence

from dispatcher.api.installation import Installation
from dispatcher.campaigns.period import Period
from dispatcher.campaigns.spend import By, Spend, SpendRow
from dispatcher.errors import DispatcherError
from dispatcher.storage.campaigns.spend import SpendReader


def spend_of(
    installation: Installation,
    by: By,
    period: Period,
    *,
    account: str | None,
    tags: Sequence[str] = (),
) -> Spend:
    """The table of one account, or of all; ``tags`` are those of which a campaign must have one.

    As many statements for any number of campaigns. Raises StorageError, and DispatcherError if the
    rows do not add up to the total.
    """
    with installation.stream() as session:
        which = session, period, installation.clock(), account, tags
        reader, tests = SpendReader(*which), SpendReader(*which, tests=True).total()
        total, rows = reader.read(by)
        several = reader.several_tags() if by is By.TAG and rows else 0
    _check(rows, total, by)
    return Spend(
        by=by,
        since=period.since,
        until=period.until,
        rows=tuple(rows),
        total=total,
        tests=tests,
        several_tags=several,
    )


def _check(rows: Sequence[SpendRow], total: SpendRow, by: By) -> None:
    """Raise DispatcherError unless each batch is in one row; by tag it may be in several."""
    if by is By.TAG:
        return
    added = sum(rows, SpendRow())
    if [*added.amounts()] != [*total.amounts()]:
        raise DispatcherError(
            "the rows do not add up to the total, so they are not to be used: please report it"
        )
