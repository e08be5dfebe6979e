"""The messages of people, found by their numbers."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, func, select

from dispatcher.storage.planner import Texts, is_one_of
from dispatcher.storage.tables import BATCH, RECIPIENT

#: the rows of people (parameter ``names``), by their index alone: a planner may think that few
#: batches are of one campaign, or left lately, and then it would read the rows of all of them
PEOPLE: Final = (
    select(RECIPIENT.c.phone, RECIPIENT.c.position, RECIPIENT.c.batch_id)
    .where(is_one_of(RECIPIENT.c.phone, bindparam("names", type_=Texts())))
    .cte("people")
    .prefix_with("MATERIALIZED")
)
#: the letter of the state of each message, joined with its batch
LETTER: Final = func.substr(BATCH.c.states, PEOPLE.c.position + 1, 1)
