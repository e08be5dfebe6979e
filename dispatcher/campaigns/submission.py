"""A submission: a campaign as a caller asks for it, without its recipients."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypedDict

from dispatcher.campaigns.batch import LARGEST_BATCH
from dispatcher.campaigns.campaign_tags import tags_of
from dispatcher.campaigns.consent_column import ConsentColumns
from dispatcher.campaigns.others import Named, except_of, named_of
from dispatcher.campaigns.smoothing import Smoothing, smoothing_of
from dispatcher.errors import InvalidCampaign, InvalidText
from dispatcher.recipients import Recipient
from dispatcher.recipients.senders import check_from_number, check_sender
from dispatcher.window.territories import find

#: what a list of recipients may hold: numbers, Recipients, or mappings with a phone column
RecipientInput = str | Recipient | Mapping[str, object]
_LONGEST_REFERENCE = 200
#: characters; a template may be longer than the texts that it makes
_LONGEST_TEXT = 1 << 16
_SURVEY = re.compile(r"[!-~]{1,64}")
#: which campaigns leave first if several are due; equals take turns
PRIORITIES = {"low": -1, "normal": 0, "high": 1}
#: outside these years instants overflow and no calendar has the holidays
_YEARS = range(2000, 2101)


class Options(TypedDict, total=False):
    """The options of a campaign."""

    #: 3 to 11 letters or digits; by default the sender of the settings
    sender: str | None
    #: a long number of the account (E.164), to which people can reply, in place of a sender
    from_number: str | None
    #: a survey of the gateway's dashboard, by its identifier, in place of a text and a sender
    survey: str | None
    #: the name of the account to send through; by default that of ``DISPATCHER_API_KEY``
    account: str | None
    #: aware instants: nothing leaves before ``not_before``; the rest expires at ``not_after``
    not_before: datetime | None
    not_after: datetime | None
    #: False (an alert, a delivery notice) skips the window and the STOP mention; needs a reason
    commercial: bool
    #: why it is not commercial, for the record
    reason: str
    #: where the consents come from: ``"ask"`` the application (``DISPATCHER_CONSENT``) before each
    #: batch leaves; ``"column:NAME"`` of the list with the date of each consent, and perhaps
    #: ``"column:NAME,source:NAME,wording:NAME"``: rows without are rejected; None for nowhere
    consent: str | None
    #: the territory of all recipients without one of their own; by default the number decides
    territory: str | None
    #: ``low``, ``normal`` or ``high``: due batches of a higher priority leave first. Submitting
    #: again with another priority changes nothing
    priority: str
    #: hand the campaign to the gateway, which holds it until ``not_before`` (required): no worker
    #: need run at that hour. Submitting again with another value changes nothing
    hand_over: bool
    #: smoothing: at most so many messages leave in an hour, evenly over opening hours
    per_hour: int | None
    #: smoothing: all messages leave evenly over so much opening time (a number is seconds)
    over: timedelta | int | None
    #: references of campaigns: whoever one of them texts, has texted or may have texted is left out
    #: (``others``). They must be stored before. One reference may be given without a list
    except_campaign: str | Iterable[str]
    #: the reference of a campaign: only those whom it has texted are texted; with ``:delivered``,
    #: ``:undelivered`` or ``:silent`` behind it only those of them
    only_campaign: str | None
    #: words of yours, such as ``shop-lyon``, by which campaigns are listed and their money is added
    #: up (``campaign_tags``). Submitting again with others changes nothing
    tags: Iterable[str]
    #: refuse the whole campaign if one recipient cannot be texted
    strict: bool
    #: the fingerprint of the approved plan: any other plan is refused
    approved: str | None
    #: say that the recipients come from memory or a local file, without a wait or a query, and
    #: that ``reject`` is as quick. PostgreSQL then stores them while they are read, in an open
    #: transaction, which takes half the time. In a Django project a query in between would wait
    #: for ever, because the connection is the same
    at_hand: bool
    #: called after each batch with the recipients stored so far and the recipients kept so far
    stored: Callable[[int, int], None]
    #: who submits, for the record; by default who is signed in, or the user of this system. It is
    #: named beside who is signed in, and not in the place of that person
    by: str | None
    #: ask the gateway about the form of each number first (``/lookup``, free); needs the key
    check_numbers: bool


class Submitted(int):
    """The id of a campaign that was submitted, with what a plan of it warns of.

    A submission that had been stored before is not compared with other campaigns again.
    """

    warnings: tuple[str, ...] = ()
    #: the same without values of the list, for logs
    impersonal: tuple[str, ...] = ()

    @classmethod
    def warned(
        cls, campaign_id: int, warnings: Iterable[str], impersonal: Iterable[str]
    ) -> Submitted:
        """The id with these warnings."""
        submitted = cls(campaign_id)
        submitted.warnings, submitted.impersonal = tuple(warnings), tuple(impersonal)
        return submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One campaign without its recipients; ``Options`` describes the fields.

    Raises InvalidCampaign for an invalid reference, sender, date or combination, and InvalidText
    for a text that is far too long.
    """

    reference: str
    text: str = field(repr=False)
    sender: str | None = None
    from_number: str | None = field(default=None, repr=False)
    survey: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    commercial: bool = True
    reason: str = field(default="", repr=False)
    consent: str | None = None
    territory: str | None = None
    priority: str = "normal"
    hand_over: bool = False
    per_hour: int | None = None
    over: timedelta | int | None = None
    except_campaign: str | Iterable[str] = ()
    only_campaign: str | None = None
    tags: Iterable[str] = ()
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
        if self.territory is not None:
            object.__setattr__(self, "territory", find(self.territory).name)
        self._check_kind()
        if len(self.text) > _LONGEST_TEXT:
            raise InvalidText(f"the text has over {_LONGEST_TEXT:,} characters: no SMS has")
        reference, longest = self.reference, _LONGEST_REFERENCE
        if not reference.strip() or len(reference) > longest or not reference.isprintable():
            raise InvalidCampaign(f"a reference has 1 to {longest} printable characters")
        for name, value in (("not_before", self.not_before), ("not_after", self.not_after)):
            if value is not None:
                _check_instant(name, value)
        object.__setattr__(self, "tags", tags_of(self.tags))
        object.__setattr__(self, "except_campaign", except_of(self.except_campaign))
        named_of(self.reference, self.excepted, self.only_campaign)
        if self.priority not in PRIORITIES:
            raise InvalidCampaign(f"a priority is one of {', '.join(PRIORITIES)}")
        if columns := ConsentColumns.of(self.consent):  # one spelling, for the fingerprint
            object.__setattr__(self, "consent", str(columns))
        if self.hand_over and self.not_before is None:
            raise InvalidCampaign("hand_over needs not_before: when the gateway is to send it")
        if self.smoothing and self.hand_over:
            raise InvalidCampaign("the gateway sends all of it at one hour: it cannot be smoothed")
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
    def smoothing(self) -> Smoothing | None:
        """How its messages are spread over opening hours; None if they are not."""
        return smoothing_of(self.per_hour, self.over)

    @property
    def excepted(self) -> tuple[str, ...]:
        """The references of ``except_campaign``."""
        return except_of(self.except_campaign)

    @property
    def others(self) -> tuple[Named, ...]:
        """The other campaigns that it names."""
        return named_of(self.reference, self.excepted, self.only_campaign)

    @property
    def call_size(self) -> int:
        """The most recipients of one call, and so of one batch.

        A call from a long number has one recipient. A call of a survey may have more, but its
        answer has one count for all of them, which proves nothing about each.
        """
        return 1 if self.from_number or self.survey else LARGEST_BATCH

    def fingerprint(self, digest: str) -> str:
        """A hash of what is sent to whom; ``digest`` is the hash of the recipients.

        Tags, priority and ``hand_over`` are no part of it: who submits again with others still
        means the same messages, and must not be refused.
        """
        instants = [at and at.timestamp() for at in (self.not_before, self.not_after)]
        body = [self.text, self.sender, *instants, self.commercial, self.territory, digest]
        if self.from_number or self.survey:  # older submissions keep their hash
            body += [self.from_number, self.survey]
        if self.account:  # submissions from before there were accounts keep their hash
            body.append(self.account)
        if self.consent:
            body.append(f"consent {self.consent}")
        if self.smoothing:
            body.append(f"smoothed {self.smoothing.per_hour} {self.smoothing.over}")
        if self.others:
            body.append(json.dumps([[one.reference, one.rule] for one in self.others]))
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def _check_instant(name: str, value: object) -> None:
    """Raise InvalidCampaign unless it is an aware datetime of a year that calendars know."""
    if not isinstance(value, datetime):
        raise InvalidCampaign(
            f"{name} is a {type(value).__name__}, and a datetime with a time zone is needed:"
            ' datetime.fromisoformat("2027-03-27T20:00+01:00")'
        )
    if value.tzinfo is None:
        raise InvalidCampaign(f"{name} {value.isoformat()} has no time zone")
    if value.year not in _YEARS:
        raise InvalidCampaign(f"{name} {value.isoformat()} is not within 2000 to 2100")
