"""For the tests of an app: what would be texted, an event for receivers, an empty database.

Under pytest or ``python -m unittest``, and with ``TESTING``, nothing leaves and no configured
database is written: campaigns go to a temporary SQLite database of each app.
"""

from __future__ import annotations

from flask import current_app

from dispatcher.campaigns.events import Event
from dispatcher.contrib import testing
from dispatcher.contrib.flask import signals
from dispatcher.contrib.flask.library import library_of, of_app
from dispatcher.contrib.testing import event

__all__ = ["clear", "event", "receive", "texts"]


def texts(reference: str) -> dict[str, str]:
    """Number (E.164) to text as it arrives, for all pending messages. Raises NotFound."""
    return testing.texts(library_of(current_app), reference)


def receive(event: Event) -> None:
    """Call the app's receivers of this event, as a worker does; what they raise is raised."""
    for call in signals.receivers(event, current_app._get_current_object()):  # type: ignore[attr-defined]
        call()


def clear() -> None:
    """Forget every campaign of the current app, for an app that several tests share."""
    of_app(current_app).clear()
