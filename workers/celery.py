"""The Celery app of the worker and beat processes: ``celery -A workers worker``."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click
from celery import Celery, Task
from celery.signals import after_setup_logger, after_setup_task_logger, beat_init
from kombu import Queue
from redis.exceptions import RedisError

from dispatcher.campaigns.set_aside import place_of
from dispatcher.cli.flower import guard as guard_flower
from dispatcher.dispatch.broker import TRANSPORT_OPTIONS
from dispatcher.dispatch.hints import QUEUES, TICK
from dispatcher.dispatch.steps import QUESTIONS
from dispatcher.errors import DispatcherError
from dispatcher.settings import Settings, logs
from dispatcher.settings.broker_address import BrokerAddress

guard_flower(sys.argv[1:])
settings = Settings.from_env()
_PROCESSES = {"worker", "beat", "flower"}
_NO_BROKER = "DISPATCHER_BROKER_URL is not set; dispatcher run embeds a Redis"


def require_broker() -> BrokerAddress:
    """The broker of the settings. Raises SystemExit with a sentence without one.

    Celery would look for a RabbitMQ on this machine instead, for ever.
    """
    if settings.broker is None:
        raise SystemExit(f"error: {_NO_BROKER}")
    return settings.broker


# before they start: each of them takes an error of its connection for one that passes
if not _PROCESSES.isdisjoint(sys.argv) and "--help" not in sys.argv:
    require_broker()
log = logging.getLogger(__name__)

# a tick every two seconds would hide the one line per attempt; Flower shows every task anyway
for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
    logging.getLogger(name).setLevel(logging.WARNING)


@after_setup_logger.connect
@after_setup_task_logger.connect
def harden(logger: logging.Logger, **_: Any) -> None:
    """Have the process's log written as the settings ask, without a key or a number."""
    logs.harden(logger.handlers, settings)


@beat_init.connect
def say_started(**_: Any) -> None:
    """Log that this beat has started; each tick is not logged."""
    log.info("beat has started: a tick every %g s", settings.tick)


def say_refusal(record: logging.LogRecord) -> bool:
    """Make a sentence of the traceback with which Celery ends a worker that Redis refuses."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, RedisError):
        record.msg, record.args, record.exc_info = (
            "this worker ends, because Redis refuses: %s",
            (str(error),),
            None,
        )
    return True


logging.getLogger("celery.worker").addFilter(say_refusal)


class StepFailed(Exception):
    """Raised in place of an unforeseen error: says its kind and place, and nothing else."""


class Step(Task[Any, Any]):
    """A task whose known failures are a line in the log: the next tick publishes it again."""

    throws = (DispatcherError,)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Run it. An unforeseen error goes to our log, and only its kind and place to Celery.

        Celery's event of a failed task holds error and traceback, and everybody who can read
        Redis or Flower sees it.
        """
        try:
            return super().__call__(*args, **options)
        except DispatcherError:
            raise
        except Exception as error:
            place = place_of(error)
            log.exception("%s failed", self.name)
        raise StepFailed(place)

    def on_failure(self, exc: Exception, *_: Any) -> None:
        """Log a known failure; of any other Celery logs the traceback."""
        if isinstance(exc, DispatcherError):
            log.warning("%s: %s", self.name, exc)


class Application(Celery):
    """Connects to the broker of the settings; without one, commands end with a sentence.

    Its ``connection``, and all that Celery's own commands ask of a broker, goes through these two.
    """

    def connection_for_read(self, url: str | None = None, **options: Any) -> Any:
        """A connection to consume from. Raises ClickException without a broker."""
        return super().connection_for_read(_named(url), **options)

    def connection_for_write(self, url: str | None = None, **options: Any) -> Any:
        """A connection to publish with. Raises ClickException without a broker."""
        return super().connection_for_write(_named(url), **options)


def _named(url: str | None) -> str | None:
    # no SystemExit: `celery report` goes on without a connection
    if url is None and settings.broker is None:
        raise click.ClickException(_NO_BROKER)
    return url


# no fixup: with DJANGO_SETTINGS_MODULE set, Celery would load that Django project
app = Application("dispatcher", include=[f"{__package__}.tasks"], task_cls=Step, fixups=[])
app.conf.update(
    settings.broker.celery(TRANSPORT_OPTIONS) if settings.broker else {"broker_url": None},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # JSON only: whoever can write to Redis must not be able to run code here
    accept_content=["json"],
    task_serializer="json",
    event_serializer="json",
    # the rows are the results
    result_backend=None,
    task_ignore_result=True,
    # a hint is acknowledged before it runs: a redelivered one would be useless at best
    task_acks_late=False,
    task_reject_on_worker_lost=False,
    # nothing is prefetched: Celery 5.7.0 dies with reserved messages when Redis goes away
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    worker_pool="threads",
    # send loops, and threads beside them that calls without an answer cannot take; each account's
    worker_concurrency=(settings.connections + QUESTIONS) * (1 + len(settings.accounts)),
    worker_hijack_root_logger=False,
    worker_send_task_events=True,
    task_default_queue=QUEUES[TICK],
    task_queues=[Queue(name) for name in dict.fromkeys(QUEUES.values())],
    task_routes={task: {"queue": queue} for task, queue in QUEUES.items()},
    timezone="UTC",
    enable_utc=True,
    # intervals only: a crontab goes wrong twice a year, when the clocks change
    beat_scheduler="celery.beat:Scheduler",
    beat_max_loop_interval=settings.tick,
    beat_schedule={
        "tick": {
            "task": TICK,
            "schedule": settings.tick,
            # longer than two hosts' clocks may differ
            "options": {"expires": max(90.0, 3 * settings.tick)},
        }
    },
)
