"""Signals: functions of yours that a worker calls when something has happened.

```python
from dispatcher import campaign_finished

@campaign_finished.connect
def thank(event):
    mail(f"{event.campaign}: {event.counts['delivered']} delivered")
```

in a module that ``DISPATCHER_RECEIVERS`` names, so that workers import it. A receiver is called
in one worker, some seconds after the event; after a crash it may be called again for the same
``event.id``. If it raises, that is logged and it is not called again.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from dispatcher.campaigns.events import KINDS, Event, Kind
from dispatcher.errors import ConfigurationError

log = logging.getLogger(__name__)

Receiver = Callable[[Event], object]
_Given = TypeVar("_Given", bound=Receiver)


class Signal:
    """The receivers of one kind of event."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._receivers: list[Receiver] = []

    def __repr__(self) -> str:
        return f"<signal {self.kind}>"

    def connect(self, receiver: _Given) -> _Given:
        """Have ``receiver`` called; also a decorator. Connected twice it is called once."""
        if receiver not in self._receivers:
            self._receivers.append(receiver)
        return receiver

    def disconnect(self, receiver: Receiver) -> None:
        """Do not call it any more; does nothing if it was not connected."""
        if receiver in self._receivers:
            self._receivers.remove(receiver)

    def send(self, event: Event) -> None:
        """Call every receiver. Never raises; one that raises does not stop the others."""
        for receiver in tuple(self._receivers):
            try:
                receiver(event)
            except Exception as error:  # noqa: BLE001 - somebody else's code
                # without its message, which may contain a number
                name = getattr(receiver, "__qualname__", type(receiver).__name__)
                log.error("%s: receiver %s: %s", self.kind, name, type(error).__name__)  # noqa: TRY400


SIGNALS: Final = {kind: Signal(kind) for kind in KINDS}
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


def load(modules: Iterable[str]) -> None:
    """Import the modules that connect receivers. Raises ConfigurationError for one that fails."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ConfigurationError:
            raise  # it says what is missing
        except ModuleNotFoundError as error:
            inner = f"there is no module {error.name!r}"
            raise ConfigurationError(
                f"DISPATCHER_RECEIVERS: {module} cannot be imported: {inner}"
            ) from None
        except Exception as error:  # noqa: BLE001 - somebody else's code
            raise ConfigurationError(
                f"DISPATCHER_RECEIVERS: {module} cannot be imported ({type(error).__name__})"
            ) from None
