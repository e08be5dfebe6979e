"""Under a test runner nothing leaves, and no live database is written: for all frameworks.

``dispatcher.contrib.django.testing`` and ``dispatcher.contrib.flask.testing`` are what tests
import.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4

from pydantic import SecretStr

from dispatcher.api import Dispatcher
from dispatcher.campaigns.events import Event, Kind
from dispatcher.campaigns.records import CampaignRecord
from dispatcher.campaigns.states import MessageState
from dispatcher.errors import GatewayUnreached, NotFound
from dispatcher.gateway import Gateway
from dispatcher.settings import Settings
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import schema
from dispatcher.storage.batches import due
from dispatcher.storage.database import Database
from dispatcher.texts import arrival
from dispatcher.texts.templates import compile_template

#: what could leave: hints, events, and calls of the gateway
_LEAVES: Final = {"api_key": None, "broker_url": None, "callback_url": None, "webhook_url": None}


def harmless(settings: Settings, database_url: str | None = None) -> Settings:
    """The settings without what could leave, on another database if its URL is given."""
    values: dict[str, Any] = dict(_LEAVES)
    if database_url is not None:
        values["database_url"] = SecretStr(database_url)
    values["accounts"] = {
        name: own.model_copy(update={"api_key": None}) for name, own in settings.accounts.items()
    }
    return settings.model_copy(update=values)


def no_gateways(settings: Settings) -> dict[str, Gateway]:
    """A gateway for each account that cannot be reached; ``Dispatcher(gateways=…)`` takes them."""
    return dict.fromkeys((DEFAULT, *settings.accounts), cast("Gateway", _NoGateway()))


class Trial(Dispatcher):
    """A dispatcher with an empty SQLite database of its own, from which nothing leaves.

    The database is deleted with it.
    """

    def __init__(self, settings: Settings) -> None:
        folder = Path(tempfile.mkdtemp(prefix="dispatcher-test-"))
        self._file = folder / "dispatcher.db"
        super().__init__(
            harmless(settings, f"sqlite:///{self._file}"), gateways=no_gateways(settings)
        )
        self.remove = weakref.finalize(self, _remove, self.database, folder)

    def _make_tables(self) -> None:
        if not self._file.exists():
            self._file.write_bytes(_empty_database())

    def _lacks_tables(self) -> bool:
        return False


@cache
def _empty_database() -> bytes:
    """A SQLite database with all tables; to copy it is quicker than to migrate each time."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "dispatcher.db"
        database = Database(f"sqlite:///{file}")
        schema.migrate(database)
        database.close()
        return file.read_bytes()


def _remove(database: Database, folder: Path) -> None:
    database.close()
    shutil.rmtree(folder, ignore_errors=True)


class _NoGateway:
    """Raises GatewayUnreached, whatever it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise GatewayUnreached("nothing leaves under a test runner")


def texts(dispatcher: Dispatcher, reference: str | int) -> dict[str, str]:
    """Number (E.164) to text as it arrives, for all pending messages. Raises NotFound.

    A STOP mention that the gateway adds is not in it.
    """
    template = compile_template(dispatcher.campaign(reference).text)
    letter = MessageState.PENDING.letter
    found: dict[str, str] = {}
    for batch in dispatcher.batches(reference, limit=100_000):
        known = dispatcher.messages(batch.id)
        states = "".join(letter if one.state == "pending" else "-" for one in known)
        with dispatcher.database.read() as session:
            waiting = due.waiting(session, batch.id, states, MessageState.PENDING)
        for _, phone, fields in waiting:
            text = template.render(json.loads(fields) if fields else {})
            found[phone] = arrival(text).text
    return found


def event(kind: Kind, **values: Any) -> Event:
    """An event as workers deliver it, with an id and a time; ``values`` are its other fields."""
    return Event(**{"id": uuid4().hex, "kind": kind, "at": datetime.now(UTC), **values})


def references(dispatcher: Dispatcher) -> list[str]:
    """The references of all campaigns, the oldest first."""
    return [one.reference for one in reversed(dispatcher.campaigns(limit=100_000))]


@contextmanager
def submitted(dispatcher: Dispatcher) -> Iterator[list[CampaignRecord]]:
    """Record the campaigns that the block submits: the list is filled when it ends."""
    before = set(references(dispatcher))
    found: list[CampaignRecord] = []
    yield found
    found += [dispatcher.campaign(one) for one in references(dispatcher) if one not in before]


def assert_submitted(
    dispatcher: Dispatcher, reference: str, *, recipients: int | None = None
) -> CampaignRecord:
    """The campaign of this reference, to so many recipients. Raises AssertionError."""
    try:
        campaign = dispatcher.campaign(reference)
    except NotFound:
        there = ", ".join(map(repr, references(dispatcher))) or "none"
        raise AssertionError(
            f"no campaign {reference!r} was submitted; there is: {there}"
        ) from None
    found = dispatcher.progress(reference).recipients
    if recipients not in (None, found):
        raise AssertionError(f"campaign {reference!r} has {found} recipients, not {recipients}")
    return campaign


def assert_nothing_submitted(dispatcher: Dispatcher) -> None:
    """Raise AssertionError if there is a campaign."""
    if there := references(dispatcher):
        raise AssertionError(f"submitted: {', '.join(map(repr, there))}")
