"""Which of a batch's waits counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, create_engine, insert, select, update

from dispatcher.campaigns.waits import Wait
from dispatcher.storage.batches import waits
from dispatcher.storage.tables import BATCH

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    BATCH.create(engine)
    yield engine
    engine.dispose()  # Python 3.13 warns of a connection that nobody closed


@pytest.mark.parametrize("changed", Wait)
@pytest.mark.parametrize("last", Wait)
def test_latest_wait_counts_whichever_changes(engine: Engine, changed: Wait, last: Wait) -> None:
    row = {"campaign_id": 1, "number": 1, "territory": "metropole", "size": 1, "states": "p"}
    ends = {
        one: NOON + timedelta(hours=9 if one is last else number) for number, one in enumerate(Wait)
    }
    stored = {f"{one}_until": ends[one] for one in Wait} | {f"{one}_why": one.value for one in Wait}
    with engine.begin() as connection:
        connection.execute(
            insert(BATCH).values(
                id=1, state="pending", pending=1, not_before=NOON, why="", **row, **stored
            )
        )
        connection.execute(
            update(BATCH).values(waits.changed(changed, ends[changed], changed.value))
        )
        found = connection.execute(select(BATCH.c.not_before, BATCH.c.why)).one()
    assert tuple(found) == (ends[last], last.value)
