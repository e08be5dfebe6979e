"""A project with a package called ``workers``, and receivers: workers find both it and ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import django_project
from tests.waiting import PATIENCE

ROOT = django_project.SHOP.parents[1]
MANAGE = f"""
import sys
sys.path[1:1] = [{str(ROOT)!r}, {str(django_project.SHOP)!r}]
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
#: what a worker process of ours does when it starts
START = """
import sys
from dispatcher.local.own_workers import load
ours = load("tasks")
ours.load_receivers()
import workers.tasks, workers
from django.conf import settings
print(sorted(ours.app.tasks)[-1], workers.tasks.WHO)
print(ours.app.conf.broker_url, settings.CELERY_BROKER_URL)
"""
SETTINGS = """
import os
from shop.settings import *
INSTALLED_APPS += ["mail.apps.Mail"]
CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"]
"""
MAIL = """
from django.apps import AppConfig
class Mail(AppConfig):
    name = "mail"
    def ready(self):
        from mail import receivers
"""
RECEIVERS = """
from django.dispatch import receiver
from workers import tasks
from dispatcher.contrib.django.signals import campaign_finished
@receiver(campaign_finished)
def thank(event, **_): ...
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose folder has packages called as ours."""
    files = {
        "manage.py": MANAGE,
        "shop_settings.py": SETTINGS,
        "workers/__init__.py": "",
        "workers/celery.py": "raise SystemExit('of the project')",
        "workers/tasks.py": "WHO = 'the project'",
        "mail/__init__.py": "",
        "mail/apps.py": MAIL,
        "mail/receivers.py": RECEIVERS,
        "start.py": START,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(project: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={
            **kept,
            "SHOP_DATABASE": str(project / "shop.db"),
            "DJANGO_SETTINGS_MODULE": "shop_settings",
            "CELERY_BROKER_URL": "redis://127.0.0.1:9/0",
            **more,
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_started_process_finds_ours_and_the_projects_own(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ``manage.py dispatcher celery`` hands to the process that it becomes."""
    catch = (
        "import os, subprocess, sys\n"
        "def become(python, argv, env):\n"
        "    sys.exit(subprocess.run([python, '-P', 'start.py'], env=env).returncode)\n"
        "os.execve = become\n"
    )
    (project / "manage.py").write_text(catch + MANAGE)
    broker = {"CELERY_CONFIG_MODULE": "nothing"}
    ours = {"DISPATCHER_BROKER_URL": "redis://127.0.0.1:10/0", "DISPATCHER_API_KEY": "k" * 40}

    ran = run(project, "manage.py", "dispatcher", "celery", "worker", **broker, **ours)

    found = "dispatcher.tick the project\nredis://127.0.0.1:10/0 redis://127.0.0.1:9/0\n"
    assert (ran.stdout, ran.returncode) == (found, 0), ran.stderr


def test_celerys_own_commands_use_our_app(project: Path) -> None:
    ran = run(project, "manage.py", "dispatcher", "celery", "report", DISPATCHER_TICK="1.5")

    assert ran.returncode == 0, ran.stderr
    assert "beat_max_loop_interval: 1.5" in ran.stdout


def test_module_that_a_receiver_misses_is_named(project: Path) -> None:
    (project / "mail" / "receivers.py").write_text("import mail.postmann\n")
    code = "from dispatcher.dispatch.events import signals; signals.load(['mail.receivers'])"

    ran = run(project, "-c", code)

    sentence = (
        "DISPATCHER_RECEIVERS: mail.receivers cannot be imported: there is no module"
        " 'mail.postmann'\n"
    )
    assert ran.stderr.endswith(sentence)
