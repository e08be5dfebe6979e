"""The dispatcher's signals as blinker's, like Flask's own: a receiver gets the app and ``event``.

```python
from dispatcher.contrib.flask.signals import doubt_raised

@doubt_raised.connect
def alarm(app, event, **_):
    page(f"{event.campaign}: batch {event.batch_id} is in doubt")
```

They are sent in workers: ``DISPATCHER_RECEIVERS=dispatcher.contrib.flask.receivers`` has them load
the app that ``FLASK_APP`` names. See ``dispatcher`` for what an event is and how often it
is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from blinker import Namespace
from flask import Flask

from dispatcher.campaigns.events import KINDS, Event

log = logging.getLogger(__name__)

_signals = Namespace()
SIGNALS: Final = {kind: _signals.signal(kind) for kind in KINDS}
budget_reached: Final = SIGNALS["budget_reached"]
campaign_finished: Final = SIGNALS["campaign_finished"]
campaign_paused: Final = SIGNALS["campaign_paused"]
doubt_raised: Final = SIGNALS["doubt_raised"]
messages_changed: Final = SIGNALS["messages_changed"]
occurrence_blocked: Final = SIGNALS["occurrence_blocked"]
occurrence_late: Final = SIGNALS["occurrence_late"]
occurrence_skipped: Final = SIGNALS["occurrence_skipped"]
opt_out_added: Final = SIGNALS["opt_out_added"]
reply_received: Final = SIGNALS["reply_received"]
stop_storm: Final = SIGNALS["stop_storm"]


def forward(event: Event, app: Flask) -> None:
    """Call the receivers of blinker's signal, each in an app context of its own.

    Never raises: blinker would stop at the first receiver that does.
    """
    for receiver in receivers(event, app):
        try:
            receiver()
        except Exception as error:  # noqa: BLE001 - somebody else's code
            # without its words: they may hold a number
            name = getattr(receiver.args[0], "__qualname__", type(receiver.args[0]).__name__)
            log.error("%s: receiver %s: %s", event.kind, name, type(error).__name__)  # noqa: TRY400


def receivers(event: Event, app: Flask) -> list[partial[None]]:
    """A call for each receiver of the event, whose first argument is the receiver."""
    found = tuple(SIGNALS[event.kind].receivers_for(app))
    return [partial(_call, receiver, event, app) for receiver in found]


def _call(receiver: Callable[..., object], event: Event, app: Flask) -> None:
    with app.app_context():
        app.ensure_sync(receiver)(app, event=event)
