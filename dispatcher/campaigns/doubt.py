"""Doubts and incidents, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Doubt:
    """A batch of which nobody knows whether the gateway took it."""

    batch_id: int
    reference: str
    #: its place in the campaign
    number: int
    territory: str
    #: how many people it concerns, and about how many billed parts
    messages: int
    segments: int
    since: datetime
    why: str
    #: how often it was looked up, and when it is next
    lookups: int
    next_lookup: datetime | None
    #: the account that it went through; empty for the one without a name
    account: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """People who were texted twice, because a person resent what had been taken after all."""

    at: datetime
    reference: str
    batch_id: int | None
    what: str
