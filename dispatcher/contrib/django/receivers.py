"""What a worker imports to call the project's receivers: sets Django up and forwards its signals.

``DJANGO_SETTINGS_MODULE`` names the project, as ``manage.py`` does, and ``PYTHONPATH`` has its
folder. A receiver is called in a thread of the worker, which gives its connections back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.apps import apps
from django.db import close_old_connections, connections

from dispatcher.campaigns.events import Event
from dispatcher.contrib.django.signals import forward
from dispatcher.dispatch.consent_source import surroundings
from dispatcher.dispatch.events import signals

if not apps.ready:
    django.setup()


def tell(event: Event) -> None:
    """Send an event to Django's receivers, with fresh connections, as for a request."""
    close_old_connections()
    try:
        forward(event)
    finally:
        close_old_connections()


@contextmanager
def own_connections() -> Iterator[None]:
    """Within it a thread that lives for one call may use Django's connections."""
    try:
        yield
    finally:
        connections.close_all()


surroundings.enter = own_connections


for _signal in signals.SIGNALS.values():
    _signal.connect(tell)
