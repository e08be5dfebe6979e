"""For the tests of an app: what was submitted, and what would be texted to whom.

Under pytest or unittest, and with ``TESTING``, nothing leaves and no configured
database is written: campaigns go to a temporary SQLite database of each app.

```python
from dispatcher.contrib.flask.testing import assert_submitted, texts

def test_launch(app, client):  # the fixtures of Flask's own documentation
    client.post("/campaigns", data={"reference": "soldes", "text": "Soldes !"})
    with app.app_context():
        assert_submitted("soldes", recipients=1)
        assert texts("soldes") == {"+33639980001": "Soldes !"}
```
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from flask import current_app

from dispatcher.campaigns.events import Event
from dispatcher.campaigns.records import CampaignRecord
from dispatcher.contrib import testing
from dispatcher.contrib.flask import signals
from dispatcher.contrib.flask.library import library_of, of_app
from dispatcher.contrib.testing import event

__all__ = [
    "assert_nothing_submitted",
    "assert_submitted",
    "empty",
    "event",
    "receive",
    "submitted",
    "texts",
]


def texts(reference: str) -> dict[str, str]:
    """Number (E.164) to text as it arrives, for all pending messages. Raises NotFound.

    A STOP mention that the gateway adds is not in it.
    """
    return testing.texts(library_of(current_app), reference)


def submitted() -> AbstractContextManager[list[CampaignRecord]]:
    """Record the campaigns that a block submits: the list is filled when it ends."""
    return testing.submitted(library_of(current_app))


def assert_submitted(reference: str, *, recipients: int | None = None) -> CampaignRecord:
    """The campaign of this reference, to so many recipients. Raises AssertionError."""
    return testing.assert_submitted(library_of(current_app), reference, recipients=recipients)


def assert_nothing_submitted() -> None:
    """Raise AssertionError if there is a campaign."""
    testing.assert_nothing_submitted(library_of(current_app))


def receive(event: Event) -> None:
    """Call the app's receivers of this event, as a worker does; what they raise is raised."""
    for call in signals.receivers(event, current_app._get_current_object()):  # type: ignore[attr-defined]
        call()


def empty() -> None:
    """Forget all campaigns and opt-outs of the current app, which several tests may share."""
    of_app(current_app).empty()
