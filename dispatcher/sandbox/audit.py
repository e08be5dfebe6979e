"""Compares each recipient's state in the database with the gateway's ledger.

It reads both files itself, so that a bug in the dispatcher's own reading cannot hide here.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dispatcher.sandbox.gateway import ledger

#: the states of a recipient who was texted
_TEXTED: Final = frozenset({"sent", "delivered", "undelivered", "unreported"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The counts of both sides; keys are (reference of the campaign, state)."""

    #: recipients in the database
    database: Counter[tuple[str, str]]
    #: texts in the ledger, by the state of their recipient in the database
    ledger: Counter[tuple[str, str]]
    #: recipients with more than one text of one campaign
    twice: int
    #: recipients who are texted according to the database and are not in the ledger
    missing: int
    #: recipients in the ledger who are not texted according to the database
    unexpected: int
    #: texts in the ledger of no campaign, or to none of its recipients
    strangers: int

    @property
    def agrees(self) -> bool:
        """Whether everyone counted as texted is in the ledger exactly once, and nobody else."""
        return not (self.twice or self.missing or self.unexpected or self.strangers)


def audit(database: Path, ledger_path: Path) -> Audit:
    """Compare a dispatcher's SQLite file with a ledger."""
    with closing(sqlite3.connect(database)) as connection:
        campaigns = dict(
            connection.execute(
                "SELECT attempt.tag, campaign.reference FROM dispatcher_attempt AS attempt"
                " JOIN dispatcher_batch AS batch ON batch.id = attempt.batch_id"
                " JOIN dispatcher_campaign AS campaign ON campaign.id = batch.campaign_id"
            )
        )
        states = {
            (reference, phone): state
            for reference, phone, state in connection.execute(
                "SELECT campaign.reference, message.phone, message.state"
                " FROM dispatcher_message AS message"
                " JOIN dispatcher_campaign AS campaign ON campaign.id = message.campaign_id"
            )
        }
    texted = Counter(
        (campaigns.get(entry.tag, ""), text.phone)
        for entry in ledger.entries(ledger_path)
        if not entry.cancelled
        for text in entry.texts
    )
    in_ledger: Counter[tuple[str, str]] = Counter()
    for key, times in texted.items():
        if key in states:
            in_ledger[key[0], states[key]] += times
    return Audit(
        database=Counter((reference, state) for (reference, _), state in states.items()),
        ledger=in_ledger,
        twice=sum(times > 1 for times in texted.values()),
        missing=sum(state in _TEXTED and key not in texted for key, state in states.items()),
        unexpected=sum(state not in _TEXTED and key in texted for key, state in states.items()),
        strangers=sum(times for key, times in texted.items() if key not in states),
    )
