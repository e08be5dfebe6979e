"""For the tests of a project: what was submitted, and what would be texted to whom.

Nothing leaves under a test runner, and a ``TestCase`` rolls campaigns back as everything else.

```python
from dispatcher.contrib.django.testing import assert_submitted, submitted, texts

class LaunchTest(TestCase):
    def test_launch(self):
        with submitted() as campaigns:  # also what waits for a commit
            self.client.post("/launch/", {"reference": "soldes"})
        self.assertEqual([one.reference for one in campaigns], ["soldes"])
        assert_submitted("soldes", recipients=1)
        self.assertEqual(texts("soldes"), {"+33639980001": "Soldes !"})
```
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from django.db import connections
from django.test import TestCase

from dispatcher.campaigns.records import CampaignRecord
from dispatcher.contrib import testing
from dispatcher.contrib.django import dispatcher, lazy, migrate, under_test
from dispatcher.contrib.django.database import DjangoDatabase
from dispatcher.contrib.testing import event
from dispatcher.errors import IllegalMove

__all__ = ["assert_nothing_submitted", "assert_submitted", "empty", "event", "submitted", "texts"]


def texts(reference: str) -> dict[str, str]:
    """Number (E.164) to text as it arrives, for all pending messages. Raises NotFound.

    A STOP mention that the gateway adds is not in it.
    """
    return testing.texts(dispatcher, reference)


@contextmanager
def submitted() -> Iterator[list[CampaignRecord]]:
    """Record the campaigns that the block submits: the list is filled when it ends.

    In a ``TestCase``, whose transaction is never committed, functions that wait for a commit
    (``submit_on_commit``, ``transaction.on_commit``) are called at the end of the block.
    """
    with testing.submitted(dispatcher) as found, ExitStack() as captured:
        for connection in connections.all(initialized_only=True):
            captured.enter_context(
                TestCase.captureOnCommitCallbacks(using=connection.alias, execute=True)
            )
        yield found


def assert_submitted(reference: str, *, recipients: int | None = None) -> CampaignRecord:
    """The campaign of this reference, to so many recipients. Raises AssertionError."""
    return testing.assert_submitted(dispatcher, reference, recipients=recipients)


def assert_nothing_submitted() -> None:
    """Raise AssertionError if there is a campaign."""
    testing.assert_nothing_submitted(dispatcher)


def empty() -> None:
    """Delete all campaigns and opt-outs of the tests.

    Only for projects whose databases are neither PostgreSQL nor SQLite: theirs are in a temporary
    database, which a ``TestCase`` does not roll back. Raises IllegalMove outside of tests.
    """
    if not under_test.running():
        raise IllegalMove("testing.empty() is for tests: no test runner is at work")
    if isinstance(dispatcher.database, DjangoDatabase):
        migrate.empty(dispatcher.database)
        return
    dispatcher.database.close()
    under_test.temporary_database.cache_clear()
    lazy.forget()
