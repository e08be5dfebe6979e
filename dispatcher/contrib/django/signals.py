"""The dispatcher's signals as Django's: a receiver gets ``sender`` and ``event``.

```python
from django.dispatch import receiver
from dispatcher.contrib.django.signals import doubt_raised

@receiver(doubt_raised)
def alarm(event, **_):
    page(f"{event.campaign}: batch {event.batch_id} is in doubt")
```

They are sent in workers, which ``manage.py dispatcher run`` has set Django up if a receiver is
connected when Django has started. See ``dispatcher`` for what an event is and how often it is told.
"""

from __future__ import annotations

from typing import Final

from django.dispatch import Signal

from dispatcher.campaigns.events import KINDS, Event

SIGNALS: Final = {kind: Signal() for kind in KINDS}
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


def forward(event: Event) -> None:
    """Send an event to the receivers of Django's signal; Django logs those that raise."""
    SIGNALS[event.kind].send_robust(sender=Event, event=event)
