"""Changes of the states of messages, one after another, with numbers to go on from. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from dispatcher.campaigns.batch import LARGEST_BATCH
from dispatcher.campaigns.results import IN_DOUBT
from dispatcher.campaigns.states import MessageState
from dispatcher.errors import InvalidCampaign

#: the most changes of one page, and the usual number
MOST, USUAL = 1000, 100
#: the most changes of one delivery: as many as a batch has messages
MOST_DELIVERED: Final = LARGEST_BATCH
#: stands for "pending" in a batch that is in doubt
DOUBT_LETTER: Final = "i"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChange:
    """The state that a message has come to, ``at`` (UTC, by the clock of the database).

    ``number`` grows from change to change, those of one message in the order in which they
    happened. ``batch`` and ``position`` (from 0) are its place in the campaign, as in results.
    """

    number: int
    #: the reference of the campaign, and its id
    campaign: str
    campaign_id: int
    batch: int
    position: int
    #: what the caller knows the person by; None if it gave nothing, or after an erasure
    key: str | None = field(repr=False)
    #: the number with its middle hidden, or the pseudonym of a person who was erased
    phone: str
    #: as in ``Progress.messages``
    state: str
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON; the instant in ISO 8601."""
        return {
            "number": self.number,
            "campaign": self.campaign,
            "campaign_id": self.campaign_id,
            "batch": self.batch,
            "position": self.position,
            "key": self.key,
            "phone": self.phone,
            "state": self.state,
            "at": self.at.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChanges:
    """Some changes, in order. ``cursor`` is what to go on from: all up to it have been read.

    ``missed`` is how many of those behind the cursor that was given retention has deleted.
    ``recorded`` is False while no worker records changes: nothing new comes then.
    """

    changes: tuple[MessageChange, ...]
    cursor: int
    missed: int = 0
    recorded: bool = True

    def __iter__(self) -> Iterator[MessageChange]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        changes = [change.as_json() for change in self.changes]
        return {"changes": changes, "cursor": self.cursor, "missed": self.missed}


@dataclass(frozen=True, slots=True)
class Reading:
    """How far those are who read the pages of one account, or of all: numbers of changes.

    A reader goes on from page to page. Whoever looks once, from any number on, has read nothing
    before that number, so that it counts from the second page on.
    """

    #: all up to it was had
    read: int = 0
    #: all up to it was shown, without a gap
    shown: int = 0
    #: a page that did not follow the others: behind which number, and up to which
    begun: int = 0
    ahead: int = 0

    def asked(self, after: int, cursor: int) -> Reading:
        """The same, once the page behind ``after`` was asked for, which ends at ``cursor``."""
        if after <= self.shown:
            read, shown = max(self.read, after), max(self.shown, cursor)
            return replace(self, read=read, shown=shown)
        if self.begun < after <= self.ahead:
            return Reading(read=after, shown=cursor)
        return replace(self, begun=after, ahead=cursor)


@dataclass(frozen=True, slots=True)
class LogPosition:
    """How far the log is: numbers of changes, 0 for none."""

    #: the last that has a number
    last: int = 0
    #: the last that was delivered as an event
    delivered: int = 0
    #: those who read the changes of all accounts
    reading: Reading = field(default_factory=Reading)
    #: account -> those who read its changes alone
    readings: Mapping[str, Reading] = field(default_factory=dict)
    #: the last that retention has deleted
    deleted: int = 0

    @property
    def had(self) -> int:
        """All up to it somebody has had, whatever the account, or nobody can have any more."""
        return max(self.delivered, self.reading.read, self.deleted)

    @property
    def had_by_account(self) -> dict[str, int]:
        """The same of accounts whose readers are further."""
        return {name: one.read for name, one in self.readings.items() if one.read > self.had}

    def asked(self, account: str | None, after: int, cursor: int) -> LogPosition:
        """The same, once a reader of an account, or of all, has asked for a page."""
        if account is None:
            return replace(self, reading=self.reading.asked(after, cursor))
        mine = self.readings.get(account, Reading()).asked(after, cursor)
        return replace(self, readings={**self.readings, account: mine})

    def missed(self, after: int) -> int:
        """How many behind ``after`` are deleted."""
        return max(self.deleted - after, 0)

    def next_delivery(self) -> tuple[int, int] | None:
        """What is to be delivered next: behind which number, and up to which; None if nothing is.

        The numbers have no gap, so that no row needs to be looked at.
        """
        until = min(self.last, max(self.delivered, self.deleted) + MOST_DELIVERED)
        return (self.delivered, until) if until > self.delivered else None


def changed(before: str, after: str) -> dict[int, str]:
    """Position -> the state that it has come to, where the two differ."""
    if before == after:
        return {}
    return {
        position: _state(letter)
        for position, (was, letter) in enumerate(zip(before, after, strict=True))
        if was != letter
    }


def check_cursor(after: int, position: LogPosition) -> None:
    """Raise InvalidCampaign for a cursor that no page of this log can have had."""
    if after > position.last:
        raise InvalidCampaign(
            f"no change of a message has the number {after}: the last has {position.last}; after a"
            " restored backup, read from there on"
        )


def _state(letter: str) -> str:
    return IN_DOUBT if letter == DOUBT_LETTER else MessageState.of(letter).value
