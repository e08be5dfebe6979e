"""The calls that send messages, each with a campaign that uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.installation import Installation
from tests.acceptance.workerless import Workerless

LONG_NUMBER = "+33639988888"


@dataclass(frozen=True)
class Call:
    """A call and what makes a campaign use it."""

    path: str
    #: people in a batch of three people: a call for one person makes three batches
    batch: int
    text: str = "Soldes demain chez nous"
    #: of the campaign
    options: dict[str, Any] = field(default_factory=dict)
    #: of the dispatcher
    settings: dict[str, Any] = field(default_factory=dict)

    def submit(self, site: Installation, phones: Sequence[str], **options: Any) -> None:
        site.dispatcher.submit("soldes", self.text, phones, **self.options, **options)


BULK = Call("/v1/bulk-send", batch=3)
#: one text for a whole batch
SINGLE = Call("/v1/send", batch=3, settings={"single_send": True})
#: from a long number
NUMBER = Call("/v1/vn/send", batch=1, options={"from_number": "06 39 98 88 88"})
SURVEY = Call("/v1/sondage/to/send", batch=1, text="", options={"survey": "a1b2"})

CALLS = {"bulk": BULK, "single": SINGLE, "number": NUMBER, "survey": SURVEY}
_PATHS = {call.path for call in CALLS.values()}


def sends(site: Workerless) -> list[str]:
    """The paths of all calls that asked the gateway to send, in their order."""
    return [request["path"] for request in site.requests() if request["path"] in _PATHS]
