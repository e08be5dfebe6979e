"""The verdict: the gateway's ledger against the rows, person by person."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.gateway.messages import DELIVERED, WAITING, fate
from dispatcher.storage.tables import Action, Attempt, Batch, Campaign, OptOut
from tests.chaos.campaigns import MARK, Plan
from tests.chaos.cluster import Cluster

#: a STOP is on record before whoever polls has told everybody of it
_STOP_GRACE = timedelta(minutes=10)
#: in a log a number may be spelled in any way
_PHONE = re.compile(r"(?<![0-9a-f])(?:\+?33|0033|0)[ .-]?6[ .-]?39[ .-]?98[ .-]?\d\d[ .-]?\d\d")
_ENDS = {
    "delivered", "undelivered", "unreported", "rejected", "opted_out", "expired", "cancelled",
}  # fmt: skip
_NEVER_LEFT = {"pending", "rejected", "opted_out", "expired", "cancelled"}


@dataclass
class Evidence:
    """Everything that there is to judge by, read once, at the end."""

    campaigns: dict[int, Campaign]
    batches: dict[int, Batch]
    attempts: dict[str, Attempt]
    actions: list[Action]
    stops: dict[str, datetime]
    #: (campaign, phone) -> (batch, state), of the view ``message``
    messages: dict[tuple[int, str], tuple[int, str]]
    #: rows of the view, which must be as many as its keys
    rows: int
    #: (campaign, phone) -> the tags under which the ledger has it
    texted: dict[tuple[int, str], list[str]]
    #: tags of the ledger that no attempt has
    strangers: list[str]


@dataclass
class Verdict:
    """What was found; every list must be empty."""

    twice: list[str] = field(default_factory=list)
    #: texted twice, and an incident says so
    explained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not any(vars(self).values())


def read(world: Cluster) -> Evidence:
    """Read the rows and the ledger."""
    with world.dispatcher.database.read() as session:
        stops = session.execute(select(OptOut.phone, OptOut.created_at)).all()
        seen = session.execute(text("SELECT campaign_id, phone, batch_id, state FROM message"))
        messages = [((row[0], row[1]), (row[2], row[3])) for row in seen]
        evidence = Evidence(
            campaigns={row.id: row for row in session.scalars(select(Campaign))},
            batches={row.id: row for row in session.scalars(select(Batch))},
            attempts={row.tag: row for row in session.scalars(select(Attempt))},
            actions=list(session.scalars(select(Action).order_by(Action.id))),
            stops={phone: since for phone, since in stops if phone is not None},
            messages=dict(messages),
            rows=len(messages),
            texted={},
            strangers=[],
        )
    for entry in world.gateway.entries():
        attempt = evidence.attempts.get(entry.tag)
        if attempt is None:
            evidence.strangers.append(entry.tag)
            continue
        campaign = evidence.batches[attempt.batch_id].campaign_id
        for sms in entry.texts:
            evidence.texted.setdefault((campaign, sms.phone), []).append(entry.tag)
    return evidence


def judge(
    world: Cluster, evidence: Evidence, plans: Mapping[str, Plan], switches: Mapping[str, Any]
) -> Verdict:
    """Nobody twice, nobody lost, nothing outside the window, nobody named."""
    verdict = Verdict()
    _nobody_twice(evidence, verdict)
    _nobody_lost(world, evidence, plans, verdict)
    _what_was_said(evidence, Behaviour().changed(dict(switches)), verdict)
    _in_the_window(world, evidence, verdict)
    _nobody_named(world, verdict)
    return verdict


def _nobody_twice(evidence: Evidence, verdict: Verdict) -> None:
    on_record = {action.batch_id for action in evidence.actions if action.verb == "texted twice"}
    people: Counter[tuple[int, tuple[str, ...]]] = Counter()
    for (campaign, phone), tags in evidence.texted.items():
        if len(tags) > 1:
            batch_id = evidence.messages.get((campaign, phone), (0, ""))[0]
            people[batch_id, tuple(tags)] += 1
    for (batch_id, tried), count in people.items():
        found = verdict.explained if batch_id in on_record else verdict.twice
        history = "; ".join(_told(evidence, tag) for tag in tried)
        found.extend([f"batch {batch_id}: {history}"] * count)
    for alarm in on_record - {batch_id for batch_id, _ in people}:
        verdict.complaints.append(
            f"an incident that never happened, of batch {alarm}: {_batch(evidence, alarm or 0)}"
        )


def _told(evidence: Evidence, tag: str) -> str:
    attempt = evidence.attempts[tag]
    return (
        f"attempt {attempt.number} armed {attempt.armed_at:%H:%M:%S.%f} by {attempt.worker}, "
        f"{attempt.outcome} ({attempt.detail})"
    )


def _nobody_lost(
    world: Cluster, evidence: Evidence, plans: Mapping[str, Plan], verdict: Verdict
) -> None:
    lost = verdict.lost
    if evidence.rows != len(evidence.messages):
        lost.append(f"{evidence.rows - len(evidence.messages)} people stand twice in a campaign")
    lost.extend(f"a text under a tag that no attempt has: {tag}" for tag in evidence.strangers)
    phones: dict[int, set[str]] = {number: set() for number in evidence.campaigns}
    states: dict[int, Counter[str]] = {number: Counter() for number in evidence.campaigns}
    for (campaign, phone), (batch_id, state) in evidence.messages.items():
        phones[campaign].add(phone)
        states[campaign][state] += 1
        if state not in _ENDS:
            lost.append(f"a {state} message in batch {batch_id}: {_batch(evidence, batch_id)}")
    lost.extend(
        "a text to somebody who is in no campaign"
        for key in evidence.texted
        if key not in evidence.messages
    )
    references = {row.reference: number for number, row in evidence.campaigns.items()}
    for reference in references.keys() ^ plans.keys():
        lost.append(f"{reference} was submitted or stored, not both")
    for reference in references.keys() & plans.keys():
        plan, number = plans[reference], references[reference]
        progress = world.dispatcher.progress(reference)
        if phones[number] != set(plan.phones) or progress.recipients != len(plan.phones):
            lost.append(f"{reference} has not the people that it was submitted with")
        counted = {state: count for state, count in progress.messages.items() if count}
        if counted != dict(states[number]) or progress.recipients != sum(counted.values()):
            lost.append(f"{reference}: progress says {counted}, the view {dict(states[number])}")
        if not progress.ended:
            lost.append(f"{reference} has not ended: {progress.state}, {progress.why}")


def _what_was_said(evidence: Evidence, switches: Behaviour, verdict: Verdict) -> None:
    """Each state against the truth that the gateway keeps."""
    given_up = {action.batch_id for action in evidence.actions if action.verb == "give up"}
    for (campaign, phone), (batch_id, state) in evidence.messages.items():
        texted = (campaign, phone) in evidence.texted
        truth = fate(phone, switches) if texted else None
        wrong = (
            (state in _NEVER_LEFT and texted)
            or (state == "delivered" and truth != DELIVERED)
            or (state == "undelivered" and truth in (None, DELIVERED, WAITING))
            or (state == "unreported" and batch_id not in given_up and truth != WAITING)
        )
        if wrong:
            verdict.lost.append(
                f"a {state} message whose truth is {truth or 'never texted'}, in "
                f"batch {batch_id}: {_batch(evidence, batch_id)}"
            )


def _batch(evidence: Evidence, batch_id: int) -> str:
    batch = evidence.batches[batch_id]
    campaign = evidence.campaigns[batch.campaign_id]
    tries = [row for row in evidence.attempts.values() if row.batch_id == batch_id]
    history = "; ".join(_told(evidence, row.tag) for row in tries)
    return f"{batch.state} ({batch.why}) of {campaign.reference} ({campaign.state}): {history}"


def _in_the_window(world: Cluster, evidence: Evidence, verdict: Verdict) -> None:
    for entry in world.gateway.entries():
        attempt = evidence.attempts.get(entry.tag)
        if attempt is None:
            continue
        territory = evidence.batches[attempt.batch_id].territory
        if world.dispatcher.windows.hold(entry.at, territory, guarded=False) is not None:
            verdict.outside.append(f"batch {attempt.batch_id} for {territory} at {entry.at}")
        for sms in entry.texts:
            stop = evidence.stops.get(sms.phone)
            if stop is not None and attempt.armed_at > stop + _STOP_GRACE:
                verdict.outside.append(f"batch {attempt.batch_id}: to somebody who said STOP")


def _nobody_named(world: Cluster, verdict: Verdict) -> None:
    for log in sorted(world.directory.glob("*.log")):
        for line in log.read_text(errors="replace").splitlines():
            for what, found in (
                ("the key", world.gateway.key in line),
                ("a text", MARK in line),
                ("a number", _PHONE.search(line)),
            ):
                if found:
                    verdict.leaks.append(f"{what} in {log.name}")


def mishaps(logs: Iterable[Path]) -> Counter[str]:
    """What the processes did not expect: the last lines of their tracebacks."""
    found: Counter[str] = Counter()
    for log in logs:
        for line in log.read_text(errors="replace").splitlines():
            if "raised unexpected: " in line:
                found[line.split("raised unexpected: ")[1][:160]] += 1
            elif "Unrecoverable error" in line:
                found[line[line.index("Unrecoverable") :][:160]] += 1
    return found


def keep(evidence: Evidence, directory: Path) -> None:
    """Write the rows down beside the ledger, for whoever looks into it."""
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
