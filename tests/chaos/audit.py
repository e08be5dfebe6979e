"""The audit at the end of a run: the gateway's ledger compared with the rows, person by person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import select

from dispatcher.campaigns.consent import ASK
from dispatcher.campaigns.smoothing import TOLERANCE
from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.gateway.messages import DELIVERED, WAITING, fate
from dispatcher.storage.tables import Base
from tests.chaos import budgets
from tests.chaos.campaigns import MARK, Plan
from tests.chaos.cluster import Cluster
from tests.chaos.evidence import Evidence

#: how long before its commit a STOP that the gateway brought may be dated
_STOP_GRACE = timedelta(seconds=30)
#: how old the answer of an application may be when a batch is armed by it
_FRESH = timedelta(minutes=1)
#: a number in any spelling
_PHONE = re.compile(r"(?<![0-9a-f])(?:\+?33|0033|0)[ .-]?6[ .-]?39[ .-]?98[ .-]?\d\d[ .-]?\d\d")
_ENDS = {
    "delivered", "undelivered", "unreported", "rejected", "opted_out", "withdrawn", "left_out",
    "expired", "cancelled",
}  # fmt: skip
_NEVER_LEFT = _ENDS - {"delivered", "undelivered", "unreported"} | {"pending"}


@dataclass
class Findings:
    """What the audit found; every list must be empty."""

    twice: list[str] = field(default_factory=list)
    #: texted twice, with an incident on record, because the gateway said that it took nobody
    explained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    #: doubts that nobody could end
    stuck: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    #: batches of the smoothed campaign that were armed too soon after each other
    hurried: list[str] = field(default_factory=list)
    #: texted more than a minute after they withdrew their consent
    withdrawn: list[str] = field(default_factory=list)
    #: erased people whose number is still stored
    in_clear: list[str] = field(default_factory=list)
    after_stop: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    #: euros beyond a budget, or that it does not count
    overspent: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not any(found for name, found in vars(self).items() if name != "explained")


def audit(
    cluster: Cluster,
    evidence: Evidence,
    plans: Mapping[str, Plan],
    stops: Mapping[str, datetime],
    switches: Mapping[str, Any],
    *,
    erased: Mapping[str, datetime],
    withdrawn: Mapping[str, datetime],
) -> Findings:
    """Check: nobody twice, nobody lost, nothing outside window or budget, no secret in a log.

    ``stops``, ``erased`` and ``withdrawn`` say of people by when they were on the opt-out list,
    were erased, and had withdrawn their consent.
    """
    findings = Findings()
    _nobody_twice(evidence, findings)
    _nobody_by_both(cluster, evidence, plans, findings)
    _nobody_lost(cluster, evidence, plans, findings)
    _states_are_true(evidence, Behaviour().changed(dict(switches)), findings)
    _no_doubt_is_left(evidence, findings)
    _in_the_window(cluster, evidence, findings)
    budgets.audit(cluster, evidence, findings)
    _at_its_pace(evidence, findings)
    _nobody_after_stop(cluster, evidence, _earliest(stops, erased), findings)
    _nobody_without_consent(cluster, evidence, withdrawn, findings)
    _erased_are_gone(cluster, erased, findings)
    _no_secret_in_logs(cluster, findings)
    return findings


def _nobody_twice(evidence: Evidence, findings: Findings) -> None:
    on_record = {action.batch_id for action in evidence.actions if action.verb == "texted twice"}
    people: Counter[tuple[int, tuple[str, ...]]] = Counter()
    for (campaign, phone), tags in evidence.texted.items():
        if len(tags) > 1:
            batch_id = evidence.messages.get((campaign, phone), (0, ""))[0]
            people[batch_id, tuple(tags)] += 1
    for (batch_id, tried), count in people.items():
        lied = evidence.lies.issuperset(tried[:-1])
        found = findings.explained if lied and batch_id in on_record else findings.twice
        history = "; ".join(_described(evidence, tag) for tag in tried)
        found.extend([f"batch {batch_id}: {history}"] * count)
    for alarm in on_record - {batch_id for batch_id, _ in people}:
        findings.complaints.append(
            f"an incident that never happened, of batch {alarm}: {_batch(evidence, alarm or 0)}"
        )


def _nobody_by_both(
    cluster: Cluster, evidence: Evidence, plans: Mapping[str, Plan], findings: Findings
) -> None:
    """Whom a campaign leaves out because of another one is texted by one of them at most."""
    ids = {row.reference: number for number, row in evidence.campaigns.items()}
    for reference, plan in plans.items():
        other = str(plan.options.get("except_campaign", ""))
        if not {reference, other} <= ids.keys():
            continue
        for phone in plan.phones:
            tags = [evidence.texted.get((ids[name], phone), []) for name in (other, reference)]
            if all(tags):
                # the gateway said of the other one that it took nobody
                lied = evidence.lies.issuperset(tags[0])
                found = findings.explained if lied else findings.twice
                found.append(f"by {other} and {reference}: {tags}")
        progress = cluster.dispatcher.progress(reference)
        if progress.left_out_by.get(other, 0) != progress.messages["left_out"]:
            findings.lost.append(f"{reference}: left out because of {progress.left_out_by}")
        left_out = {
            phone
            for (campaign, phone), (_, state) in evidence.messages.items()
            if campaign == ids[reference] and state == "left_out"
        }
        if not left_out <= set(plans[other].phones):
            findings.lost.append(f"{reference}: left out, and not in {other}")


def _at_its_pace(evidence: Evidence, findings: Findings) -> None:
    """Each batch of a smoothed campaign is armed once the one before it has had its share."""
    for campaign_id, campaign in evidence.campaigns.items():
        if campaign.pace is None:
            continue
        its = [
            one
            for one in evidence.attempts.values()
            if evidence.batches[one.batch_id].campaign_id == campaign_id
        ]
        its.sort(key=lambda one: one.armed_at)
        for one, later in pairwise(its):
            share = timedelta(hours=(one.messages or 0) / campaign.pace)
            if later.armed_at < one.armed_at + share - TOLERANCE:
                findings.hurried.append(
                    f"batch {later.batch_id} at {later.armed_at}, batch {one.batch_id} of"
                    f" {one.messages} at {one.armed_at}"
                )


def _described(evidence: Evidence, tag: str) -> str:
    attempt = evidence.attempts[tag]
    return (
        f"attempt {attempt.number} armed {attempt.armed_at:%H:%M:%S.%f} by {attempt.worker}, "
        f"{attempt.outcome} ({attempt.detail})"
    )


def _nobody_lost(
    cluster: Cluster, evidence: Evidence, plans: Mapping[str, Plan], findings: Findings
) -> None:
    lost = findings.lost
    if evidence.rows != len(evidence.messages):
        lost.append(f"{evidence.rows - len(evidence.messages)} people are twice in a campaign")
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
        progress = cluster.dispatcher.progress(reference)
        if phones[number] != set(plan.phones) or progress.recipients != len(plan.phones):
            lost.append(f"{reference} does not have the people that it was submitted with")
        counted = {state: count for state, count in progress.messages.items() if count}
        if counted != dict(states[number]) or progress.recipients != sum(counted.values()):
            lost.append(f"{reference}: progress says {counted}, the view {dict(states[number])}")
        if not progress.ended:
            lost.append(f"{reference} has not ended: {progress.state}, {progress.why}")


def _states_are_true(evidence: Evidence, switches: Behaviour, findings: Findings) -> None:
    """Compare each state with what the gateway knows of the message."""
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
            findings.lost.append(
                f"a {state} message whose truth is {truth or 'never texted'}, in "
                f"batch {batch_id}: {_batch(evidence, batch_id)}"
            )


def _batch(evidence: Evidence, batch_id: int) -> str:
    batch = evidence.batches[batch_id]
    campaign = evidence.campaigns[batch.campaign_id]
    tries = [row for row in evidence.attempts.values() if row.batch_id == batch_id]
    history = "; ".join(_described(evidence, row.tag) for row in tries)
    return f"{batch.state} ({batch.why}) of {campaign.reference} ({campaign.state}): {history}"


def _no_doubt_is_left(evidence: Evidence, findings: Findings) -> None:
    for batch in evidence.batches.values():
        if batch.state == "in_doubt":
            findings.stuck.append(f"batch {batch.id}: {_batch(evidence, batch.id)}")


def _in_the_window(cluster: Cluster, evidence: Evidence, findings: Findings) -> None:
    for entry in cluster.gateway.entries():
        attempt = evidence.attempts.get(entry.tag)
        if attempt is None or entry.cancelled:
            continue
        at = entry.leaves_at or entry.at
        territory = evidence.batches[attempt.batch_id].territory
        if cluster.dispatcher.windows.hold(at, territory, guarded=False) is not None:
            findings.outside.append(f"batch {attempt.batch_id} for {territory} at {at}")


def _nobody_after_stop(
    cluster: Cluster, evidence: Evidence, stops: Mapping[str, datetime], findings: Findings
) -> None:
    """An attempt that is armed after somebody was on the list does not carry them."""
    grace = {phone: since + _STOP_GRACE for phone, since in evidence.stops.items()}
    known = {**grace, **stops}
    for entry in cluster.gateway.entries():
        attempt = evidence.attempts.get(entry.tag)
        for sms in entry.texts if attempt is not None else ():
            if attempt is not None and attempt.armed_at > known.get(sms.phone, attempt.armed_at):
                findings.after_stop.append(
                    f"batch {attempt.batch_id}: armed {attempt.armed_at - known[sms.phone]} after"
                    " somebody in it was on the opt-out list"
                )


def _earliest(*several: Mapping[str, datetime]) -> dict[str, datetime]:
    phones = {phone for some in several for phone in some}
    return {phone: min(some[phone] for some in several if phone in some) for phone in phones}


def _nobody_without_consent(
    cluster: Cluster, evidence: Evidence, withdrawn: Mapping[str, datetime], findings: Findings
) -> None:
    """An attempt that is armed a minute after somebody withdrew does not carry them."""
    for entry in cluster.gateway.entries():
        attempt = evidence.attempts.get(entry.tag)
        if attempt is None:
            continue
        campaign = evidence.campaigns[evidence.batches[attempt.batch_id].campaign_id]
        for sms in entry.texts if campaign.consent == ASK else ():
            since = withdrawn.get(sms.phone)
            if since is not None and attempt.armed_at > since + _FRESH:
                findings.withdrawn.append(
                    f"batch {attempt.batch_id}: armed {attempt.armed_at - since} after a withdrawal"
                )


def _erased_are_gone(cluster: Cluster, erased: Iterable[str], findings: Findings) -> None:
    """Once nothing is under way, no row has the number of an erased person."""
    for phone in erased:
        for batch in cluster.dispatcher.persons.erase(phone, reason="asked again"):
            findings.in_clear.append(f"an erasure waits for batch {batch.id}: {batch.state}")
    traces = re.compile("|".join(phone[3:] for phone in erased) or "(?!)")
    with cluster.dispatcher.database.read() as session:
        for table in Base.metadata.sorted_tables:
            found = sum(
                bool(traces.search(str(value)))
                for row in session.execute(select(table))
                for value in row
                if isinstance(value, str | bytes)
            )
            findings.in_clear.extend([f"an erased number in {table.name}"] * found)


def _no_secret_in_logs(cluster: Cluster, findings: Findings) -> None:
    for log in sorted(cluster.directory.glob("*.log")):
        for line in log.read_text(errors="replace").splitlines():
            for what, found in (
                ("the key", cluster.gateway.key in line),
                ("a text", MARK in line),
                ("a number", _PHONE.search(line)),
            ):
                if found:
                    findings.leaks.append(f"{what} in {log.name}")


def unexpected_errors(logs: Iterable[Path]) -> Counter[str]:
    """Unexpected errors of the processes, by the last line of the traceback."""
    found: Counter[str] = Counter()
    for log in logs:
        for line in log.read_text(errors="replace").splitlines():
            if "raised unexpected: " in line:
                found[line.split("raised unexpected: ")[1][:160]] += 1
            elif "Unrecoverable error" in line:
                found[line[line.index("Unrecoverable") :][:160]] += 1
    return found
