"""Storing what submitting planned: a campaign, its batches and their recipients, streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from dispatcher import document
from dispatcher.credit import planned_cost
from dispatcher.planner import PlannedBatch
from dispatcher.states import BatchState
from dispatcher.storage.tables import Batch, Recipient
from dispatcher.window import Hold

#: batches written at a time: the memory of a submission, whatever the length of its list
_STRIDE = 20
#: how COPY spells null
_NULL = "\\N"


def add_batches(
    session: Session,
    campaign_id: int,
    batches: Iterable[tuple[PlannedBatch, Hold]],
    *,
    rule: str,
    prices: Mapping[str, Decimal],
) -> int:
    """Store the batches of a campaign, each with what it waits for; returns how many.

    ``rule`` is what judged them (``Windows.rule``), empty for what no window holds; ``prices``
    are euros a part by destination.
    """
    numbered = enumerate(batches, start=1)
    count = 0
    while stride := list(islice(numbered, _STRIDE)):
        ids = session.scalars(
            insert(Batch).returning(Batch.id, sort_by_parameter_order=True),
            [
                _row(campaign_id, number, batch, hold, rule)
                | {"planned": planned_cost(batch, prices)}
                for number, (batch, hold) in stride
            ],
        ).all()
        _add_recipients(session, ids, [batch for _, (batch, _) in stride])
        count += len(stride)
    return count


def _row(
    campaign_id: int, number: int, batch: PlannedBatch, hold: Hold, rule: str
) -> dict[str, Any]:
    size = len(batch.messages)
    return {
        "campaign_id": campaign_id,
        "number": number,
        "territory": batch.territory,
        "size": size,
        "state": BatchState.PENDING,
        "not_before": hold.until,
        "why": hold.why,
        "rule": rule,
        "states": document.fresh(size),
        "pending": size,
        "segments": batch.segments,
    }


def _rows(
    ids: Sequence[int], batches: Sequence[PlannedBatch]
) -> Iterator[tuple[int, int, str, str | None]]:
    for batch_id, batch in zip(ids, batches, strict=True):
        for position, (phone, fields) in enumerate(batch.messages):
            yield batch_id, position, phone, fields


def _as_text(batch_id: int, batch: PlannedBatch) -> str:
    """The rows of a batch as COPY reads them: JSON holds no tab and no line break."""
    lines = [
        f"{batch_id}\t{position}\t{phone}\t{_NULL if fields is None else fields}\n"
        if fields is None or "\\" not in fields
        else f"{batch_id}\t{position}\t{phone}\t{_escaped(fields)}\n"
        for position, (phone, fields) in enumerate(batch.messages)
    ]
    return "".join(lines)


def _escaped(fields: str) -> str:
    return fields.replace("\\", "\\\\")


def _add_recipients(session: Session, ids: Sequence[int], batches: Sequence[PlannedBatch]) -> None:
    # an ORM object or a bound statement per recipient costs 4 to 50 times as much
    connection = session.connection()
    table = Recipient.__tablename__
    if connection.dialect.name == "postgresql":
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101 - for the type checker
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY {table} (batch_id, position, phone, fields) FROM STDIN") as copy,
        ):
            for batch_id, batch in zip(ids, batches, strict=True):
                copy.write(_as_text(batch_id, batch))
    else:
        connection.exec_driver_sql(
            f"INSERT INTO {table} (batch_id, position, phone, fields) VALUES (?, ?, ?, ?)",  # noqa: S608
            list(_rows(ids, batches)),
        )
