"""The tasks: one line each. Their arguments are ids and names of accounts, no personal data."""

from __future__ import annotations

import logging
import os
import socket
from contextlib import suppress
from functools import cache
from typing import Any

from celery.signals import worker_init, worker_shutting_down
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from dispatcher.api import Dispatcher
from dispatcher.dispatch import broker, consent_source, hints
from dispatcher.dispatch.events import signals
from dispatcher.errors import BrokerError, DispatcherError

from . import environment_of_project
from .celery import Step, app, require_broker, settings
from .memory import calm_collector, share_heap

log = logging.getLogger(__name__)

_THREADS = "celery.concurrency.thread"
#: a longer name of a beat is cut: whoever can write to Redis could fill the database
_LONGEST_NAME = 300


@cache
def dispatcher() -> Dispatcher:
    """The Dispatcher of this process."""
    return Dispatcher(settings)


@worker_init.connect
def check(**_: Any) -> None:
    """Check key, schema and Redis before the start. Raises SystemExit with a sentence."""
    address = require_broker()
    try:
        load_receivers()
        dispatcher().check()
        dispatcher().record.note_settings(settings)
        # ticks that piled up while no worker ran would hold up the next one
        broker.trim(address, hints.QUEUES[hints.TICK])
        serve()
        calm_collector()
        share_heap()
    except DispatcherError as error:
        raise SystemExit(f"error: {error}") from None


def load_receivers() -> None:
    """Load the project's receivers of events, and its consents. Raises ConfigurationError."""
    with environment_of_project():
        signals.load(settings.receivers)
        if settings.consent:
            consent_source.load(settings.consent)


def serve() -> None:
    """Answer probes, if a port is set for it."""
    if settings.metrics_port is not None:
        from dispatcher.monitoring.probes import Probes
        from dispatcher.monitoring.probes import serve as serve_probes

        serve_probes(Probes(dispatcher()), settings.metrics_host, settings.metrics_port)


@worker_shutting_down.connect
def stop(**_: Any) -> None:
    """Let the send loops end: a stop in the middle of a call makes a doubt."""
    dispatcher().steps.stop()


class Tick(Step):
    """The tick, of which a beat has one waiting at most: without a worker they would pile up.

    It says the beat's name in a header, which a worker of an older version does not mind.
    """

    #: thousands of ticks an hour would push all other tasks out of Flower's memory
    send_events = False

    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Queue it unless one of this beat waits in Redis: another's shows that one alone."""
        # a process that is started again on the same host is another beat
        beat = options.setdefault("headers", {})["beat"] = f"{socket.gethostname()}:{os.getpid()}"
        # RabbitMQ drops it by its own clock; a worker would compare its clock with beat's
        options["expiration"] = options.pop("expires", None)
        with suppress(BrokerError):
            queue = hints.QUEUES[hints.TICK]
            waiting = broker.beats_waiting(settings.broker, queue) if settings.broker else []
            if beat in waiting or len(waiting) == broker.MOST_TICKS:
                return None
        try:
            return super().apply_async(*args, **options)
        except (OperationalError, RedisError, OSError) as error:
            # Celery would log two tracebacks
            log.warning("no tick queued: %s", str(error).rpartition(" caused error: ")[2])
            return None


@app.task(name=hints.TICK, base=Tick, bind=True)
def tick(task: Any) -> None:
    """Publish hints for everything that is due."""
    beat = task.request.get("beat")
    dispatcher().tick(None if beat is None else str(beat)[:_LONGEST_NAME])


@app.task(name=hints.SEND)
def send_batch(batch_id: int) -> None:
    """Send a due batch, then the next ones."""
    dispatcher().steps.send_batch(batch_id)


@app.task(name=hints.POLL)
def poll(account: str = "") -> None:
    """Ask for the delivery reports of an account that are due."""
    dispatcher().steps.poll(account)


@app.task(name=hints.SETTLE)
def settle_batch(batch_id: int) -> None:
    """Look up a batch in doubt."""
    dispatcher().steps.settle_batch(batch_id)


@app.task(name=hints.DELIVER)
def deliver_events() -> None:
    """Deliver the events that are due."""
    dispatcher().steps.deliver_events()


@app.task(name=hints.SYNC)
def sync_opt_outs(account: str = "") -> None:
    """Read an account's STOP list."""
    dispatcher().steps.sync_opt_outs(account)


@app.task(name=hints.RECALL)
def recall(account: str = "") -> None:
    """Ask the gateway to cancel what it holds of an account and was recalled."""
    dispatcher().steps.recall(account)


@app.task(name=hints.CREDIT)
def check_credit(account: str = "") -> None:
    """Compare the campaigns that run with an account's balance."""
    dispatcher().check_credit(account)


@app.task(name=hints.PRUNE)
def prune() -> None:
    """Delete history that is older than the settings say."""
    dispatcher().steps.prune()


@app.task(name=hints.SERIES)
def make_occurrences() -> None:
    """Make the occurrences of series that are due."""
    dispatcher().make_occurrences()
