"""Events that others may want to know of: ids, references, counts and the caller's own keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

from dispatcher.campaigns.message_changes import MessageChanges

Kind = Literal[
    "budget_reached",
    "campaign_finished",
    "campaign_paused",
    "doubt_raised",
    "messages_changed",
    "occurrence_blocked",
    "occurrence_late",
    "occurrence_skipped",
    "opt_out_added",
    "reply_received",
    "stop_storm",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, ``at`` (UTC). An event that is delivered twice has the same ``id``.

    ``counts`` are a finished campaign's messages by state, or how many ``opt_outs`` are new; a
    reply counts ``stop``, 0 or 1, and a probable refusal ``probable_refusal``. ``keys`` are those
    under which the caller knows who replied or opted out: of a reply first the key in the campaign
    that it answers, then those in other campaigns, the newest first.
    """

    id: str
    kind: Kind
    at: datetime
    #: the reference of the campaign, and its id
    campaign: str | None = None
    campaign_id: int | None = None
    batch_id: int | None = None
    reply_id: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    #: the name of the series, and the start of its occurrence
    series: str | None = None
    occurrence_at: datetime | None = None
    #: the account that the campaign goes through; None for the default account
    account: str | None = None
    keys: tuple[str, ...] = field(default=(), repr=False)
    #: of messages that have changed; their number is in ``cursor``, which grows with each event
    changes: MessageChanges | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The body of a callback, without empty fields."""
        data: dict[str, Any] = {
            "account": self.account,
            "campaign": self.campaign,
            "campaign_id": self.campaign_id,
            "batch_id": self.batch_id,
            "reply_id": self.reply_id,
            "series": self.series,
            "occurrence_at": self.occurrence_at and self.occurrence_at.isoformat(),
            "counts": dict(self.counts) or None,
            "keys": list(self.keys) or None,
        }
        if self.changes is not None:
            data |= self.changes.as_json()
        return {
            "id": self.id,
            "type": self.kind,
            "timestamp": self.at.isoformat(),
            "data": {name: value for name, value in data.items() if value is not None},
        }
