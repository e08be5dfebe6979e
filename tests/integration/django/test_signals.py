"""Django's own receivers hear what a worker tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests import django_project
from tests.waiting import PATIENCE

_RECEIVERS = """
from django.dispatch import receiver
from shop.models import Customer
from dispatcher.contrib.django.signals import campaign_paused

@receiver(campaign_paused)
def broken(event, **_):
    raise ValueError("of a receiver")

@receiver(campaign_paused)
def count(event, **_):
    print(event.kind, event.campaign, Customer.objects.count())
"""
#: what a worker does with events, in a process without Django
_WORKER = """
from dispatcher import Dispatcher, Settings
dispatcher = Dispatcher(Settings.from_env())
dispatcher.submit("soldes", "Soldes", ["06 39 98 00 01"])
dispatcher.pause("soldes")
print(dispatcher.steps.deliver_events(), dispatcher.tick().events)
"""


def test_worker_sets_django_up_and_sends_its_signals(sqlite_shop: str, tmp_path: Path) -> None:
    (tmp_path / "shop_receivers.py").write_text(_RECEIVERS)
    settings = "from shop.settings import *\nINSTALLED_APPS += ['ready.Ready']\n"
    (tmp_path / "shop_settings.py").write_text(settings)
    (tmp_path / "ready.py").write_text(
        "from django.apps import AppConfig\n"
        "class Ready(AppConfig):\n"
        "    name = 'ready'\n"
        f"    path = {str(tmp_path)!r}\n"
        "    def ready(self):\n"
        "        import shop_receivers\n"
    )
    root = str(django_project.SHOP.parents[1])
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | {
        "PYTHONPATH": os.pathsep.join([root, str(django_project.SHOP), str(tmp_path)]),
        "DJANGO_SETTINGS_MODULE": "shop_settings",
        "SHOP_DATABASE": sqlite_shop.removeprefix("sqlite:///"),
        "DISPATCHER_DATABASE_URL": f"sqlite:///{tmp_path / 'ours.db'}",
        "DISPATCHER_API_KEY": "k" * 40,
        "DISPATCHER_API_URL": "http://127.0.0.1:9/v1",
        "DISPATCHER_RECEIVERS": "dispatcher.contrib.django.receivers",
    }
    ran = subprocess.run(
        [sys.executable, "-c", _WORKER],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ran.stdout == "campaign_paused soldes 0\n1 False\n", ran.stderr
    assert ran.returncode == 0
