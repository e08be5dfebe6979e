"""Unforeseen errors: they are logged, and stop one batch or one piece of work, never the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dispatcher.campaigns.set_aside import place_of
from dispatcher.dispatch.context import Context
from dispatcher.errors import GatewayError, StorageError
from dispatcher.storage.batches import set_aside

log = logging.getLogger(__name__)


@contextmanager
def contained(what: str, note: Callable[[str], object] = str) -> Iterator[None]:
    """Log any error of the block that nobody foresaw, and call ``note`` with its place.

    StorageError and GatewayError are raised: whoever calls knows what to do.
    """
    try:
        yield
    except (StorageError, GatewayError):
        raise
    except Exception as error:
        place = place_of(error)
        log.exception("%s: an unforeseen error: %s", what, place)
        note(place)


def note_check(context: Context, batch_id: int) -> Callable[[str], None]:
    """What ``contained`` calls for a poll or lookup of a batch: it waits, or is set aside."""

    def note(place: str) -> None:
        with context.database.write() as session:
            set_aside.note_check_error(session, batch_id, place, context.clock())

    return note
