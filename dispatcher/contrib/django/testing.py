"""For the tests of a project: the texts of a campaign, without sending anything.

In a ``TestCase`` campaigns are rolled back as everything else. ``submit_on_commit`` needs
``with self.captureOnCommitCallbacks(execute=True):`` as every callback does there.
"""

from __future__ import annotations

from dispatcher.contrib import testing
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.testing import event

__all__ = ["event", "texts"]


def texts(reference: str) -> dict[str, str]:
    """Number (E.164) to text as it arrives, for all pending messages. Raises NotFound."""
    return testing.texts(dispatcher, reference)
