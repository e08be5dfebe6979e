"""The log of what became of messages, held against the rows: no change is missing from it."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import select

from dispatcher import Dispatcher, MessageChange
from dispatcher.campaigns.states import MessageState
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Batch, Campaign
from dispatcher.storage.tables import MessageChange as Row


def check_log(database: Database) -> None:
    """Each change of a batch begins with what the one before left, and the last left what it is.

    So no writer of states can have gone past the log since the first batch was stored.
    """
    with database.read() as session:
        rows = session.scalars(select(Row).order_by(Row.batch_id, Row.id)).all()
        batches = session.scalars(select(Batch)).all()
    by_batch = {key: list(its) for key, its in groupby(rows, attrgetter("batch_id"))}
    for batch in batches:
        states = "p" * batch.size
        for row in by_batch.get(batch.id, ()):
            assert row.states_before == states, (batch.id, row.id)
            states = row.states
        assert states == _shown(batch), batch.id


def check_numbers(database: Database) -> None:
    """Numbers have no gap, and those of one batch are in the order of its changes."""
    with database.read() as session:
        rows = session.scalars(select(Row).where(Row.number.is_not(None))).all()
    last = 0
    for row in sorted(rows, key=lambda one: one.number or 0):
        last += sum(was != now for was, now in zip(row.states_before, row.states, strict=True))
        assert row.number == last
    of_batch: dict[int, int] = {}
    for row in sorted(rows, key=attrgetter("id")):
        assert (row.number or 0) > of_batch.get(row.batch_id, 0)
        of_batch[row.batch_id] = row.number or 0


def read_all(dispatcher: Dispatcher, limit: int = 7, after: int = 0) -> list[MessageChange]:
    """Every change behind ``after``, page by page, as a program reads them."""
    found: list[MessageChange] = []
    while page := dispatcher.message_changes(after, limit=limit):
        found += page
        after = page.cursor
    return found


def states_by(changes: list[MessageChange]) -> dict[tuple[str, int, int], str]:
    """(campaign, batch, position) -> the state that its last change tells."""
    return {(one.campaign, one.batch, one.position): one.state for one in changes}


def states_of(database: Database) -> dict[tuple[str, int, int], str]:
    """The same by the rows, but for those that are pending still, of which no change tells."""
    names = {state.letter: state.value for state in MessageState} | {"i": "in_doubt"}
    query: Any = select(Campaign.reference, Batch).join(Batch, Batch.campaign_id == Campaign.id)
    with database.read() as session:
        return {
            (reference, batch.number, position): names[letter]
            for reference, batch in session.execute(query)
            for position, letter in enumerate(_shown(batch))
        }


def check_states(dispatcher: Dispatcher) -> None:
    """What a reader makes of the log is what the rows say."""
    told = states_by(read_all(dispatcher))
    assert {key: told.get(key, "pending") for key in states_of(dispatcher.database)} == states_of(
        dispatcher.database
    )


def _shown(batch: Batch) -> str:
    return batch.states.replace("p", "i") if batch.state == "in_doubt" else batch.states
