"""The evidence of a run: the rows and the gateway's ledger, read once at its end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, text

from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage.tables import Action, Attempt, Batch, Campaign, OptOut
from tests.acceptance.installation import people
from tests.chaos.cluster import KEY, Cluster


@dataclass
class Evidence:
    """The rows and the ledger, read once at the end."""

    campaigns: dict[int, Campaign]
    batches: dict[int, Batch]
    attempts: dict[str, Attempt]
    actions: list[Action]
    stops: dict[str, datetime]
    #: (campaign, phone) -> (batch, state), of the view ``dispatcher_message``, also of pseudonyms
    messages: dict[tuple[int, str], tuple[int, str]]
    #: rows of the view, which must be as many as its keys
    rows: int
    #: (campaign, phone) -> the tags under which the ledger has it, but for what was recalled
    texted: dict[tuple[int, str], list[str]]
    #: tags of the ledger that belong to no attempt
    strangers: list[str]
    #: tags whose request was answered with a status that may be a lie
    lies: set[str]


def read(cluster: Cluster) -> Evidence:
    """Read the rows and the ledger."""
    with cluster.dispatcher.database.read() as session:
        pseudonyms = Pseudonyms(KEY)
        names: dict[str, str] = {pseudonyms.newest_of(phone): phone for phone in people(10_000)}
        stops = session.execute(select(OptOut.phone, OptOut.created_at)).all()
        seen = session.execute(
            text("SELECT campaign_id, phone, batch_id, state FROM dispatcher_message")
        )
        messages = [
            ((row[0], names.get(str(row[1]), str(row[1]))), (row[2], row[3])) for row in seen
        ]
        evidence = Evidence(
            campaigns={row.id: row for row in session.scalars(select(Campaign))},
            batches={row.id: row for row in session.scalars(select(Batch))},
            attempts={row.tag: row for row in session.scalars(select(Attempt))},
            actions=list(session.scalars(select(Action).order_by(Action.id))),
            stops={names.get(phone, phone): since for phone, since in stops if phone is not None},
            messages=dict(messages),
            rows=len(messages),
            texted={},
            strangers=[],
            lies=set(),
        )
    faults = {request["number"]: request["fault"] for request in cluster.gateway.requests()}
    for entry in cluster.gateway.entries():
        if entry.cancelled:
            continue
        if faults.get(entry.request) == "status":
            evidence.lies.add(entry.tag)
        attempt = evidence.attempts.get(entry.tag)
        if attempt is None:
            evidence.strangers.append(entry.tag)
            continue
        campaign = evidence.batches[attempt.batch_id].campaign_id
        for sms in entry.texts:
            evidence.texted.setdefault((campaign, sms.phone), []).append(entry.tag)
    return evidence


def save(evidence: Evidence, directory: Path) -> None:
    """Write the rows beside the ledger, to look into a failed run."""
    rows = [
        {column.key: getattr(row, column.key) for column in type(row).__table__.columns}
        for row in (
            *evidence.campaigns.values(),
            *evidence.batches.values(),
            *evidence.attempts.values(),
            *evidence.actions,
        )
    ]
    with (directory / "rows.jsonl").open("w") as file:
        for row in rows:
            file.write(json.dumps(row, default=str) + "\n")
