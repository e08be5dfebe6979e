"""Beside a project's own Celery app: its tasks go to its broker, ours to ours."""

from __future__ import annotations

import os
import subprocess
import sys

from tests import django_project
from tests.waiting import PATIENCE

#: a project with an app of its own, as Celery's own guide has it
_PROJECT = """
import os, sys
sys.path[:0] = [{root!r}, {shop!r}]
from celery import Celery, shared_task
app = Celery("shop", broker="memory://")
app.conf.task_default_queue = "shop"

@shared_task
def remind(): ...

from tests import django_project
django_project.configure()
django_project.use({{"default": django_project.database({url!r})}})
from django.test import override_settings
from dispatcher.contrib.django import dispatcher
from celery import current_app

with override_settings(DISPATCHER={{"BROKER_URL": {redis!r}, "SENDER": "MaBoutique"}}):
    dispatcher.submit("soldes", "Soldes", ["06 39 98 00 01"])
    assert current_app._get_current_object() is app, current_app
    remind.delay()
    with app.connection() as connection:
        print("shop", connection.default_channel.queue_declare("shop", passive=True).message_count)
"""


def test_hints_and_project_tasks_use_their_own_brokers(sqlite_shop: str) -> None:
    from redis import Redis

    from dispatcher.local.redis import EmbeddedRedis

    with EmbeddedRedis() as redis:
        code = _PROJECT.format(
            root=str(django_project.SHOP.parents[1]),
            shop=str(django_project.SHOP),
            url=sqlite_shop,
            redis=str(redis.url),
        )
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        ran = subprocess.run(
            [sys.executable, "-c", code], env=kept, capture_output=True, text=True, timeout=PATIENCE
        )
        assert (ran.returncode, ran.stdout) == (0, "shop 1\n"), ran.stderr
        with Redis.from_url(str(redis.url)) as client:
            assert client.llen("dispatcher.tick") == 1
            assert client.llen("shop") == 0
