"""Hints: Celery messages that say "look at batch 42", published by name and best effort.

The one module of the library that knows Celery. Losing or repeating a hint changes nothing; a
tick says it again if it is still true. So publishing is tried once, is bounded in time and
never raises.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from celery import Celery
from celery.loaders.app import AppLoader

from dispatcher.dispatch import broker
from dispatcher.dispatch.broker import TRANSPORT_OPTIONS
from dispatcher.dispatch.queues import (
    CREDIT,
    DELIVER,
    POLL,
    PRUNE,
    QUEUES,
    RECALL,
    SEND,
    SERIES,
    SETTLE,
    SYNC,
    TICK,
)
from dispatcher.errors import BrokerError
from dispatcher.settings.accounts import DEFAULT
from dispatcher.settings.broker_address import BrokerAddress

__all__ = [
    "CREDIT",
    "DELIVER",
    "EXPIRES",
    "POLL",
    "PRUNE",
    "QUEUES",
    "RECALL",
    "SEND",
    "SERIES",
    "SETTLE",
    "SYNC",
    "TICK",
    "Hints",
]

log = logging.getLogger(__name__)

#: a hint older than this (seconds) is dropped unread: later ticks have published it again
EXPIRES = 120.0


class Hints:
    """Publishes hints to one broker, or nowhere when there is none."""

    def __init__(self, address: BrokerAddress | None) -> None:
        self._address = address
        self._app = None if address is None else _producer(address)

    def tick(self) -> bool:
        """Have a worker look for due work at once."""
        try:
            if self._address and broker.waiting(self._address, QUEUES[TICK]):
                return True  # the one that waits finds the same
        except BrokerError as error:
            log.warning("no hint published: %s", error)
            return False
        return self._publish(TICK, beat="")  # it is no sign of a beat

    def send_batch(self, batch_id: int) -> bool:
        """Have a worker look at a batch that is due."""
        return self._publish(SEND, batch_id)

    def settle_batch(self, batch_id: int) -> bool:
        """Have a worker look up a batch in doubt."""
        return self._publish(SETTLE, batch_id)

    def poll(self, account: str = DEFAULT) -> bool:
        """Have a worker ask for the delivery reports of an account that are due."""
        return self._publish(POLL, *_named(account))

    def sync_opt_outs(self, account: str = DEFAULT) -> bool:
        """Have a worker read an account's STOP list."""
        return self._publish(SYNC, *_named(account))

    def deliver_events(self) -> bool:
        """Have a worker deliver the events that are due."""
        return self._publish(DELIVER)

    def check_credit(self, account: str = DEFAULT) -> bool:
        """Have a worker read an account's balance."""
        return self._publish(CREDIT, *_named(account))

    def prune(self) -> bool:
        """Have a worker delete old history."""
        return self._publish(PRUNE)

    def make_occurrences(self) -> bool:
        """Have a worker make the occurrences of series that are due."""
        return self._publish(SERIES)

    def recall(self, account: str = DEFAULT) -> bool:
        """Have a worker ask the gateway for what it holds of an account and is wanted back."""
        return self._publish(RECALL, *_named(account))

    def workers(self) -> Mapping[str, Sequence[str]] | None:
        """The queues of each worker that answers in time; None if nobody can be asked.

        All have a second. If none has answered by then, they are asked again and have two.
        """
        if self._app is None:
            return None
        ask = self._app.control.inspect
        try:
            found = ask(timeout=1.0).active_queues() or ask(timeout=2.0).active_queues() or {}
        except Exception as error:  # noqa: BLE001 - a broker or its rights, as in _publish
            log.warning("no worker can be asked: %s", type(error).__name__)
            return None
        return {name: [queue["name"] for queue in queues] for name, queues in found.items()}

    def _publish(self, name: str, *args: int | str, **headers: str) -> bool:
        """Whether the broker took the hint."""
        if self._app is None:
            return False
        try:
            self._app.send_task(
                name,
                args,
                queue=QUEUES[name],
                expires=EXPIRES,
                ignore_result=True,
                retry=False,
                headers=headers,
            )
        except Exception as error:  # noqa: BLE001 - the row is stored: a tick publishes it
            log.warning("no hint published: %s", type(error).__name__)
            return False
        return True


def _named(account: str) -> list[str]:
    """What a hint carries of an account: nothing for the default account."""
    return [account] if account else []


class _Loader(AppLoader):
    """Reads no configuration: that of ``CELERY_CONFIG_MODULE`` is the project's own."""

    def read_configuration(self, *_: Any) -> dict[str, Any]:
        return {}


class _Producer(Celery):
    """Publishes to our broker, whatever the variables ``CELERY_…`` of the project name."""

    backend_cls = "disabled://"

    def __init__(self, broker_url: str) -> None:
        # an app of our own that never becomes the current one: a Django project's shared tasks
        # would go to our broker otherwise
        super().__init__(
            "dispatcher.hints",
            set_as_current=False,
            fixups=[],
            loader=_Loader,
        )
        self._broker_url = broker_url

    def connection_for_write(self, url: str | None = None, *args: Any, **options: Any) -> Any:
        return super().connection_for_write(url or self._broker_url, *args, **options)


def _producer(address: BrokerAddress) -> Celery:
    # a worker may try for ever to reach Redis; a caller's request may not
    conf = address.celery({**TRANSPORT_OPTIONS, "max_retries": 0})
    app = _Producer(conf.pop("broker_url"))
    app.conf.update(
        conf,
        broker_connection_timeout=3,
        task_ignore_result=True,
        task_serializer="json",
    )
    return app
