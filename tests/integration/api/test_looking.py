"""Looking at a database that is missing or empty finds nothing, and makes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import inspect

from dispatcher.api import Dispatcher
from dispatcher.errors import NotFound
from dispatcher.settings import Settings
from dispatcher.storage.database import Database

NUMBER = "+33639980001"
LOOKS: dict[str, Callable[[Dispatcher], object]] = {
    "campaigns": lambda it: list(it.campaigns()),
    "page": lambda it: list(it.page()),
    "doubts": lambda it: it.doubts(),
    "incidents": lambda it: it.incidents(),
    "waiting": lambda it: it.waiting(),
    "opt-outs": lambda it: list(it.opt_outs),
    "one opt-out": lambda it: NUMBER in it.opt_outs,
    "replies": lambda it: it.replies(),
    "record": lambda it: list(it.record.page()),
    "verify": lambda it: it.record.verify().problems,
    "person": lambda it: it.persons.show(NUMBER),
    "numbers": lambda it: it.number_checks.survey([]).numbers,
    "pause": lambda it: it.paused_all(),
    "objection": lambda it: it.objection(),
    "last tick": lambda it: it.last_tick(),
}


def _dispatcher(url: str) -> Dispatcher:
    return Dispatcher(Settings(database_url=url))


@pytest.mark.parametrize("look", LOOKS)
def test_looking_at_a_missing_file_makes_none(look: str, tmp_path: Path) -> None:
    dispatcher = _dispatcher(f"sqlite:///{tmp_path / 'none.db'}")
    assert not LOOKS[look](dispatcher)
    with pytest.raises(NotFound):
        dispatcher.progress("spring")
    dispatcher.database.close()
    assert not list(tmp_path.iterdir())


def test_looking_at_an_empty_postgresql_makes_no_tables(fresh_postgres_url: str) -> None:
    dispatcher = _dispatcher(fresh_postgres_url)
    for look in LOOKS.values():
        assert not look(dispatcher)
    dispatcher.database.close()
    database = Database(fresh_postgres_url)
    assert not inspect(database.engine).get_table_names()
    database.close()


def test_tables_that_another_process_makes_later_are_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'later.db'}"
    looking, writing = _dispatcher(url), _dispatcher(url)
    assert not looking.campaigns()
    writing.opt_out(NUMBER)
    assert NUMBER in looking.opt_outs
    looking.database.close()
    writing.database.close()
