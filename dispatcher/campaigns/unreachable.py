"""Numbers that never arrive: which reports in a row make a number unreachable. Pure.

The messages of a person are taken in the order in which they left. A campaign texts a person once,
so that reports of several messages are of as many campaigns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from dispatcher.campaigns.states import MessageState
from dispatcher.settings import Settings

#: the code of a message to an unreachable number; the codes of the gateway are positive
UNREACHABLE_CODE: Final = -8
#: as many campaigns as a setting may name
_MOST: Final = 100
#: the states of messages of which it is known what became of them: a report came, or none ever will
ENDED: Final = (MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.UNREPORTED)


@dataclass(frozen=True, slots=True)
class Rule:
    """A number is unreachable after ``reports`` undelivered in a row in the last ``campaigns``."""

    reports: int
    campaigns: int
    #: messages that left longer ago do not count; None: all count
    within: timedelta | None

    @staticmethod
    def of(settings: Settings) -> Rule | None:
        """The rule of the settings; None if no number is left out."""
        reports, days = settings.unreachable_after, settings.history_days
        if reports is None:
            return None
        # replies are deleted after so many days, perhaps by a host whose clock is ahead
        within = timedelta(days=days - 1) if days else None
        return Rule(reports, settings.unreachable_campaigns or reports, within)

    @staticmethod
    def off() -> Rule:
        """A rule that shows what is known of a number, and leaves none out."""
        return Rule(_MOST + 1, _MOST, None)

    def in_a_row(self, messages: Iterable[Ended], since: datetime | None) -> tuple[Ended, ...]:
        """The undelivered messages in a row, the newest first; the number arrived if there is none.

        ``since`` is the last reply of the person, or when a person lifted it: what left before does
        not count. A message without a report neither counts nor ends the row.
        """
        # of two that left at once the delivered one counts
        ordered = sorted(messages, key=lambda one: one.state.letter)
        ordered.sort(key=lambda one: one.left_at, reverse=True)
        row = []
        for one in ordered[: self.campaigns]:
            if one.state is MessageState.DELIVERED or (since and one.left_at <= since):
                break
            if one.state is MessageState.UNDELIVERED:
                row.append(one)
        return tuple(row)

    def leaves_out(self, row: tuple[Ended, ...]) -> bool:
        """Whether so many undelivered messages in a row make a number unreachable."""
        return len(row) >= self.reports


@dataclass(frozen=True, slots=True)
class Ended:
    """A message of which it is known what became of it."""

    campaign: str
    left_at: datetime
    state: MessageState
    batch: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that a message was not delivered. Instants are UTC.

    ``reported_at`` is None if an earlier version stored the report.
    """

    campaign: str
    left_at: datetime
    reported_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        reported = self.reported_at
        return {
            "campaign": self.campaign,
            "left_at": self.left_at.isoformat(),
            "reported_at": None if reported is None else reported.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """A person's word that a number (E.164) arrives: what left before does not count."""

    at: datetime
    actor: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The lift as JSON values."""
        return {"at": self.at.isoformat(), "actor": self.actor, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a number (E.164): whether it is left out, and the reports that say so.

    ``reports`` are those of undelivered messages in a row, the newest first: since the last that
    was delivered, the last reply (``replied_at``, UTC) and the last ``lift``.
    """

    phone: str = field(repr=False)
    unreachable: bool
    reports: tuple[Report, ...]
    replied_at: datetime | None = None
    lift: Lift | None = None

    def as_json(self, phone: str) -> dict[str, Any]:
        """The same as JSON values; ``phone`` is how the number is shown."""
        replied = self.replied_at
        return {
            "phone": phone,
            "unreachable": self.unreachable,
            "reports": [one.as_json() for one in self.reports],
            "replied_at": None if replied is None else replied.isoformat(),
            "lift": None if self.lift is None else self.lift.as_json(),
        }
