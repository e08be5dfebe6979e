"""A campaign as a caller asks for it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from dispatcher.campaigns.batch import LARGEST_BATCH
from dispatcher.errors import InvalidCampaign
from dispatcher.recipients import Recipient
from dispatcher.recipients.senders import check_from_number, check_sender

#: what a list of recipients may hold: numbers, Recipients, or mappings with a phone column
Given = str | Recipient | Mapping[str, object]
_LONGEST_REFERENCE = 200
_SURVEY = re.compile(r"[!-~]{1,64}")
#: which campaigns leave first, when several are due; between equals each has its turn
PRIORITIES = {"low": -1, "normal": 0, "high": 1}
#: beyond them instants overflow, and no calendar tells the holidays
_YEARS = range(2000, 2101)


class Options(TypedDict, total=False):
    """What may be asked of a campaign beside its text and recipients."""

    #: 3 to 11 letters or digits; without one, that of the settings
    sender: str | None
    #: a long number of the account (E.164), which people can answer, in place of a sender
    from_number: str | None
    #: a survey of the gateway's dashboard, by its identifier, in place of a text and a sender
    survey: str | None
    #: the name of the account that it goes through; without one, that of ``DISPATCHER_API_KEY``
    account: str | None
    #: aware instants: nothing leaves before the one; what has not left by the other expires
    not_before: datetime | None
    not_after: datetime | None
    #: False (an alert, a delivery notice) skips the window and the STOP mention
    commercial: bool
    #: overrides what the numbers say; a recipient's own territory overrides it in turn
    territory: str | None
    #: ``low``, ``normal`` or ``high``: what is due of a higher one leaves first. It is how a
    #: campaign is sent and not what it says: submitted again with another, it stays as it is
    priority: str
    #: have the gateway hold it until ``not_before``, which is needed then: nothing here need run
    #: at that hour. How it is sent as well: submitted again with another, it stays as it is
    hand_over: bool
    #: refuse the whole when one recipient cannot be texted
    strict: bool
    #: the fingerprint of the plan that was approved: anything else is refused
    approved: str | None
    #: the recipients come without waiting and by no query, from memory or a local file, and
    #: ``reject`` is quick and asks no database either: PostgreSQL takes them in while they are
    #: read, which takes half the time, in a transaction that is open meanwhile. In a Django
    #: project a query in between would wait for ever: the connection is the same
    at_hand: bool
    #: is told again and again how many of the recipients kept are stored, and of how many so far
    stored: Callable[[int, int], None]
    #: who submits, for the record of actions; by default the user of this system
    by: str | None
    #: ask the gateway about the form of each number first (``/lookup``, free); needs the key
    check_numbers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One campaign as asked for, without its recipients; see ``Options``.

    Raises InvalidCampaign for a reference, a sender or a date that cannot be.
    """

    reference: str
    text: str = field(repr=False)
    sender: str | None = None
    from_number: str | None = field(default=None, repr=False)
    survey: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    commercial: bool = True
    territory: str | None = None
    priority: str = "normal"
    hand_over: bool = False
    strict: bool = False
    approved: str | None = None
    at_hand: bool = False
    stored: Callable[[int, int], None] = field(default=lambda *_: None, repr=False, compare=False)
    by: str | None = None
    account: str | None = None
    check_numbers: bool = False

    def __post_init__(self) -> None:
        check_sender(self.sender)
        object.__setattr__(self, "from_number", check_from_number(self.from_number))
        object.__setattr__(self, "survey", self.survey or None)
        self._check_kind()
        reference, longest = self.reference, _LONGEST_REFERENCE
        if not reference.strip() or len(reference) > longest or not reference.isprintable():
            raise InvalidCampaign(f"a reference has 1 to {longest} printable characters")
        for name, value in (("not_before", self.not_before), ("not_after", self.not_after)):
            if value is not None and value.tzinfo is None:
                raise InvalidCampaign(f"{name} {value.isoformat()} has no time zone")
            if value is not None and value.year not in _YEARS:
                raise InvalidCampaign(f"{name} {value.isoformat()} is not within 2000 to 2100")
        if self.priority not in PRIORITIES:
            raise InvalidCampaign(f"a priority is one of {', '.join(PRIORITIES)}")
        if self.hand_over and self.not_before is None:
            raise InvalidCampaign("hand_over needs not_before: when the gateway is to send it")
        if self.not_before and self.not_after and self.not_before >= self.not_after:
            raise InvalidCampaign("not_after must be later than not_before")

    def _check_kind(self) -> None:
        if self.survey is not None and not _SURVEY.fullmatch(self.survey):
            raise InvalidCampaign("a survey is named by 1 to 64 characters without blanks")
        if self.survey is not None and self.text:
            raise InvalidCampaign("a survey has its text from the gateway's dashboard: give none")
        if self.survey is not None and (self.sender or self.from_number):
            raise InvalidCampaign("a survey takes neither a sender nor a long number")
        if self.sender and self.from_number:
            raise InvalidCampaign("a campaign has a sender or a long number, not both")
        if self.hand_over and (self.from_number or self.survey):
            raise InvalidCampaign("only a text from a sender is handed over: the other calls wait")

    @property
    def call_size(self) -> int:
        """The most people of one call, and so of one batch.

        A long number's call is for one person. A survey's may be for more, but its answer has one
        count for all, of a text that is not known here: it would vouch for nobody.
        """
        return 1 if self.from_number or self.survey else LARGEST_BATCH

    def fingerprint(self, digest: str) -> str:
        """A hash of all that was submitted; ``digest`` is that of the recipients."""
        instants = [at and at.timestamp() for at in (self.not_before, self.not_after)]
        body = [self.text, self.sender, *instants, self.commercial, self.territory, digest]
        if self.from_number or self.survey:  # what was stored before them keeps its hash
            body += [self.from_number, self.survey]
        if self.account:  # what was submitted before there were accounts stays what it is
            body.append(self.account)
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()
