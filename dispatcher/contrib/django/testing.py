"""For the tests of a project: the texts of a campaign, without sending anything.

In a ``TestCase`` campaigns are rolled back as everything else. ``submit_on_commit`` needs
``with self.captureOnCommitCallbacks(execute=True):`` as every callback does there.
"""

from __future__ import annotations

import json

from dispatcher.campaigns.states import MessageState
from dispatcher.contrib.django import dispatcher
from dispatcher.storage.batches import due
from dispatcher.texts import arrival
from dispatcher.texts.templates import compile_template

__all__ = ["texts"]


def texts(reference: str) -> dict[str, str]:
    """Number (E.164) to text as it arrives, for all pending messages. Raises NotFound."""
    template = compile_template(dispatcher.campaign(reference).text)
    letter = MessageState.PENDING.letter
    found: dict[str, str] = {}
    for batch in dispatcher.batches(reference, limit=100_000):
        known = dispatcher.messages(batch.id)
        states = "".join(letter if one.state == "pending" else "-" for one in known)
        with dispatcher.database.read() as session:
            waiting = due.waiting(session, batch.id, states, MessageState.PENDING)
        for _, phone, fields in waiting:
            text = template.render(json.loads(fields) if fields else {})
            found[phone] = arrival(text).text
    return found
