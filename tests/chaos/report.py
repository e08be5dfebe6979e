"""The report at the end of a run, as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table

from tests.chaos.audit import Findings
from tests.chaos.budgets import held_back
from tests.chaos.evidence import Evidence
from tests.chaos.gateway_faults import PATHS


def facts(
    evidence: Evidence,
    *,
    injected: Counter[str],
    actions: Counter[str],
    most_doubts: int,
    restarts: int,
    seconds: float,
    logs: Iterable[Path],
) -> Table:
    """What the run held, and the faults that were injected."""
    attempts = list(evidence.attempts.values())
    proven = sum((row.detail or "").startswith("proven by its tag") for row in attempts)
    verbs = Counter(action.verb for action in evidence.actions)
    raised = proven + verbs["resend"] + verbs["give up"]
    table = Table(title="what happened", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, number in (
        ("recipients", evidence.rows),
        ("campaigns", len(evidence.campaigns)),
        ("batches", len(evidence.batches)),
        ("attempts armed", len(attempts)),
        ("restarts by the supervisor", restarts),
        ("workers lost with a batch", _lost(logs)),
        ("doubts raised", raised),
        ("  settled by their tag", proven),
        ("  resent by a person", verbs["resend"]),
        ("  given up by a person", verbs["give up"]),
        ("  most at once", most_doubts),
        ("left out, consent withdrawn", _in_state(evidence, "withdrawn")),
        ("left out, texted by another campaign", _in_state(evidence, "left_out")),
        ("campaigns held back by a budget", held_back(evidence)),
        ("campaigns replaced by retention", _replaced(evidence)),
        ("incidents", verbs["texted twice"]),
        ("campaigns paused by the gateway's refusal", _paused_by_itself(evidence)),
        *((f"by users: {name}", number) for name, number in sorted(actions.items())),
        ("seconds", round(seconds)),
    ):
        table.add_row(name, f"{number:,}")
    table.add_section()
    for name, number in sorted(injected.items()):
        table.add_row(name, str(number))
    return table


def requests(seen: list[dict[str, Any]]) -> Table:
    """The requests that reached the gateway, by fault."""
    table = Table(title="requests by fault: all / processed")
    table.add_column("")
    paths = [*PATHS]
    for path in paths:
        table.add_column(path.removeprefix("/v1/"), justify="right")
    counts: Counter[tuple[str, str]] = Counter()
    processed: Counter[tuple[str, str]] = Counter()
    for request in seen:
        key = (request["fault"] or "none", request["path"])
        counts[key] += 1
        processed[key] += request["outcome"] == "200"
    for fault in ["none", *sorted({fault for fault, _ in counts} - {"none"})]:
        cells = [
            f"{counts[fault, path]} / {processed[fault, path]}" if counts[fault, path] else ""
            for path in paths
        ]
        table.add_row(fault, *cells)
    return table


def results(found: Findings) -> Table:
    """The numbers of the audit, which must be 0."""
    table = Table(title="audit", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, lines in (
        ("texted twice", found.twice),
        ("texted twice, with an incident on record", found.explained),
        ("lost", found.lost),
        ("after STOP", found.after_stop),
        ("texted a minute after withdrawing consent", found.withdrawn),
        ("numbers of erased people", found.in_clear),
        ("outside the window", found.outside),
        ("beyond or beside a budget", found.overspent),
        ("too fast for a smoothed campaign", found.hurried),
        ("doubts without a way out", found.stuck),
        ("key, number or text in a log", found.leaks),
        ("other complaints", found.complaints),
    ):
        table.add_row(name, f"[{'red' if lines else 'green'}]{len(lines)}")
    return table


def show(console: Console, found: Findings, *tables: Table) -> None:
    """Print the tables, and the most frequent findings of each kind."""
    console.print(Group(*tables, results(found)))
    for lines in vars(found).values():
        for line, count in Counter(lines).most_common(8):
            console.print(f"{count} × {line}", markup=False, highlight=False)


def _lost(logs: Iterable[Path]) -> int:
    # from the logs: a row has only how a doubt ended
    return sum(log.read_text(errors="replace").count("its worker was lost; in") for log in logs)


def _in_state(evidence: Evidence, state: str) -> int:
    return sum(found == state for _, found in evidence.messages.values())


def _replaced(evidence: Evidence) -> int:
    return sum(row.numbers_from is None for row in evidence.campaigns.values())


def _paused_by_itself(evidence: Evidence) -> int:
    return sum(
        action.verb == "pause" and action.actor == "dispatcher" for action in evidence.actions
    )
