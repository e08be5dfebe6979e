"""The plain Celery design: the message carries the recipients; ``celery -A …celery_app``."""

from __future__ import annotations

import os

from celery import Celery

from benchmarks.contenders.posting import post_rows

SEND_CHUNK, SEND_ONE = "bench.send_chunk", "bench.send_one"
_gateway = os.environ.get("BENCH_GATEWAY", "")


def build(broker: str | None) -> Celery:
    """An app on that broker."""
    app = Celery("bench", broker=broker, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        broker_transport_options={"max_connections": 200},
        broker_connection_retry_on_startup=True,
    )
    app.task(name=SEND_CHUNK)(send_chunk)
    app.task(name=SEND_ONE)(send_one)
    return app


def send_chunk(rows: list[list[str]]) -> None:
    """Send to up to 500 people."""
    post_rows(_gateway, rows)


def send_one(phone: str, name: str) -> None:
    """Send to one person."""
    post_rows(_gateway, [(phone, name)])


app = build(os.environ.get("BENCH_BROKER"))
