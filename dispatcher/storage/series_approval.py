"""The approval of a series, as columns of its row."""

from __future__ import annotations

from typing import Any

from dispatcher.campaigns.series_approval import SeriesApproval
from dispatcher.storage.tables import Series


def columns(approval: SeriesApproval | None) -> dict[str, Any]:
    """The columns of an approval; of None, those of none."""
    return {
        "approved_by": approval and approval.by,
        "approved_at": approval and approval.at,
        "approved_recipients": approval and approval.recipients,
        "approved_euros": approval and approval.euros,
    }


def approval_of(row: Series) -> SeriesApproval | None:
    """The approval that a row says; None without one."""
    if row.approved_by is None or row.approved_at is None:
        return None
    return SeriesApproval(
        by=row.approved_by,
        at=row.approved_at,
        recipients=row.approved_recipients,
        euros=row.approved_euros,
    )
