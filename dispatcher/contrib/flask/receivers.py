"""What a worker imports to call the app's receivers: loads the Flask app and forwards signals.

``FLASK_APP`` names the app, as it does for ``flask``, and ``PYTHONPATH`` has its folder. A
receiver is called in a thread of the worker, in an app context.
"""

from __future__ import annotations

import os

from flask import Flask
from flask.cli import NoAppException, ScriptInfo

from dispatcher.campaigns.events import Event
from dispatcher.contrib.flask.signals import forward
from dispatcher.dispatch.consent_source import surroundings
from dispatcher.dispatch.events import signals
from dispatcher.errors import ConfigurationError
from dispatcher.masking import masked


def _load() -> Flask:
    named = os.environ.get("FLASK_APP")
    if not named:
        raise ConfigurationError("FLASK_APP is not set: the app whose receivers a worker calls")
    try:
        return ScriptInfo(named).load_app()
    except NoAppException as error:
        cause = error.__context__
        what = f": {masked(str(cause))}" if isinstance(cause, ImportError) else ""
        raise ConfigurationError(f"FLASK_APP names no Flask app that can be loaded{what}") from None


_app = _load()
surroundings.enter = _app.app_context


def tell(event: Event) -> None:
    """Call the app's receivers."""
    forward(event, _app)


for _signal in signals.SIGNALS.values():
    _signal.connect(tell)
