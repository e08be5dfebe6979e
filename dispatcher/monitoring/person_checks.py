"""The check of what protects people: the key of the pseudonyms, and erasures that wait."""

from __future__ import annotations

from datetime import timedelta

from dispatcher.api import Dispatcher
from dispatcher.errors import StorageError
from dispatcher.monitoring.finding import CheckFailed, Warned
from dispatcher.storage import erasures, pseudonymous, recipient_retention


def people(dispatcher: Dispatcher) -> str:
    """Check that the key of the pseudonyms is at hand, and right."""
    with dispatcher.database.read() as session:
        try:
            known = pseudonymous.current(session)
        except StorageError as error:
            raise CheckFailed(str(error), "see docs/runbook-keys.md: the pseudonym key") from None
        waiting = len(erasures.unfinished(session))
    if known is not None:
        rest = f"; {waiting} erasures wait for batches that are under way" if waiting else ""
        if (count := len(known.checks)) > 1:
            return f"the {count} keys of the pseudonyms are right{rest}"
        return f"the key of the pseudonyms is right{rest}"
    key = dispatcher.database.pseudonym_key
    if key.found() is not None:
        return "nobody is erased; the key of the pseudonyms is at hand"
    if dispatcher.database.is_sqlite:
        return "nobody is erased; the first erasure makes the key of the pseudonyms"
    before = dispatcher.clock() - timedelta(days=dispatcher.settings.recipient_days)
    with dispatcher.database.read() as session:
        due = dispatcher.settings.recipient_days and recipient_retention.is_due(session, before)
    if due:
        raise Warned(
            f"recipients older than DISPATCHER_RECIPIENT_DAYS stay: {key.needed}",
            "set DISPATCHER_PSEUDONYM_KEY, or DISPATCHER_RECIPIENT_DAYS=0",
        )
    return f"nobody is erased; {key.needed}"
