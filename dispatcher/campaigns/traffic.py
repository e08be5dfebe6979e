"""How hints travel from beat to workers, and what is broken if nothing looks for what is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from dispatcher.campaigns.causes import Cause, Name

#: the queue of ticks
TICKS = "dispatcher.tick"
_START_ALL = "start dispatcher run, or name its broker in DISPATCHER_BROKER_URL"
_START_BEAT = "start a beat there: dispatcher celery beat, or dispatcher run"
_START_WORKER = "start a worker there: dispatcher celery worker, or dispatcher run"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one process finds out about database, broker and workers at one instant.

    ``broker`` and ``database`` are places, without a password.
    """

    database: str
    #: the broker; empty if no setting names one
    broker: str = ""
    #: why the database takes no row; why the broker carries no hints; empty if they do
    database_fault: str = ""
    broker_fault: str = ""
    #: by how much this clock and the database's differ, if that is too much
    skew: timedelta | None = None
    #: what a worker has just said that does nothing, with its host
    refusal: str = ""
    #: hints that wait, by queue; a queue that is missing here is unknown
    waiting: Mapping[str, int] = field(default_factory=dict)
    #: the queues of each worker that answers; None if they cannot be asked
    workers: Mapping[str, Sequence[str]] | None = None


def because(says: str, traffic: Traffic, queue: str = TICKS) -> list[Cause]:
    """Why nothing has been taken from ``queue`` lately, which ``says`` puts into words."""
    found = obvious(traffic)
    if not found and not traffic.broker:
        found.append(Cause(Name.BEAT, "dispatcher run does not run with this database", _START_ALL))
    first, *others = found or _of_processes(traffic, queue)
    return [replace(first, says=f"{says}: {first.says}"), *others]


def obvious(traffic: Traffic) -> list[Cause]:
    """What is broken for certain, even if ticks came until a moment ago."""
    found = [*_of_database(traffic)]
    if traffic.broker_fault:
        found.append(no_hints(traffic.broker_fault, traffic.broker))
    if traffic.refusal:
        says = f"workers refuse to work: {traffic.refusal}"
        cure = "remove that cause; dispatcher doctor looks for it"
        found.append(Cause(Name.REFUSED, says, cure))
    return found


def no_hints(fault: str, place: str) -> Cause:
    """The cause that the broker at a place carries no hints."""
    cure = f"repair it, or correct DISPATCHER_BROKER_URL ({place})"
    return Cause(Name.BROKER, f"hints cannot be queued: {fault}", cure)


def _of_database(traffic: Traffic) -> Iterator[Cause]:
    if traffic.database_fault:
        cure = f"look at its disk and its log: {traffic.database}"
        yield Cause(Name.DATABASE, traffic.database_fault, cure)
    if traffic.skew is not None:
        says = f"this host's clock and the database's differ by {traffic.skew}"
        yield Cause(Name.CLOCK, says, "set both by NTP")


def _of_processes(traffic: Traffic, queue: str) -> list[Cause]:
    """Beat and workers, where database and broker do what they should; never empty."""
    there = f"{queue} at {traffic.broker}"
    workers = traffic.workers
    taking = sorted(name for name, queues in (workers or {}).items() if queue in queues)
    waiting = traffic.waiting.get(queue)
    found = []
    if queue == TICKS and not waiting and (waiting is not None or taking):
        says = f"no tick comes to the queue {there}: beat is missing or stuck, or uses another"
        found.append(Cause(Name.BEAT, says, _START_BEAT))
    if workers and not taking:
        says = f"no worker takes the queue {there}, but others: {', '.join(sorted(workers))}"
        cure = "start them without -Q, or one more for that queue"
        found.append(Cause(Name.WORKERS, says, cure))
    elif workers is not None and not taking:
        says = f"no worker answers that takes the queue {there}"
        found.append(Cause(Name.WORKERS, says, _START_WORKER))
    elif waiting:
        who = ", ".join(taking) or "no worker"
        says = f"hints wait in the queue {there}, and {who} takes none"
        found.append(Cause(Name.WORKERS, says, "read the workers' log, and restart them"))
    if found:
        return found
    says = f"workers take hints from the queue {there}, and nothing comes of it"
    return [Cause(Name.WORKERS, says, "read the workers' log")]
