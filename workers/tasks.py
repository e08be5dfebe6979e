"""The tasks: one line each. What they carry is an id to look at, never a number or a text."""

from __future__ import annotations

from functools import cache

from dispatcher import hints
from dispatcher.api import Dispatcher
from workers.celery import app, settings


@cache
def dispatcher() -> Dispatcher:
    """The Dispatcher of this process."""
    return Dispatcher(settings)


@app.task(name=hints.TICK)
def tick() -> None:
    """Publish a hint for all that is due."""
    dispatcher().tick()


@app.task(name=hints.SEND)
def send_batch(batch_id: int) -> None:
    """Send a due batch, then the next ones."""
    dispatcher().dispatch.send_batch(batch_id)


@app.task(name=hints.POLL)
def poll() -> None:
    """Ask for the delivery reports that are due."""
    dispatcher().dispatch.poll()


@app.task(name=hints.SETTLE)
def settle_batch(batch_id: int) -> None:
    """Look a batch in doubt up."""
    dispatcher().dispatch.settle_batch(batch_id)
