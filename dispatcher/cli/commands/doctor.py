"""``dispatcher doctor``: checks this installation, and says what to do."""

from __future__ import annotations

import click

from dispatcher.cli.options import json_option, open_dispatcher
from dispatcher.cli.output import out, print_json, say

_FAILED = 3
#: as in ``dispatcher.monitoring.doctor``, which the command line need not load for its help
_CHECKS = (
    *("database", "broker", "gateway", "clock", "beat", "doubts"),
    *("credit", "costs", "stops", "refusals", "webhooks"),
)


@click.command()
@click.option(
    "--only",
    type=click.Choice(_CHECKS),
    multiple=True,
    help="Make this check alone; may be repeated. For health checks.",
)
@json_option
def doctor(*, only: tuple[str, ...], as_json: bool) -> None:
    """Check database, Redis, key, clocks, beat, doubts, money; ends with 3 if one fails."""
    from dispatcher.monitoring.doctor import CHECKS, examine

    marks = {True: "ok", False: "!!"} if out().options.ascii_only else {True: "✓", False: "✗"}
    findings = []
    for finding in examine(open_dispatcher(), only or CHECKS):
        findings.append(finding)
        if not as_json:
            remedy = f"; {finding.remedy}" if finding.remedy else ""
            say(f"{marks[finding.ok]} {finding.name}: {finding.says}{remedy}")
    if as_json:
        print_json([finding.as_json() for finding in findings])
    if not all(finding.ok for finding in findings):
        raise click.exceptions.Exit(_FAILED)
