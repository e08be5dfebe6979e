"""``dispatcher doctor``: whether all is well here, and what to do where it is not."""

from __future__ import annotations

from dataclasses import asdict

import click

from dispatcher.cli.options import json_option, open_dispatcher
from dispatcher.cli.output import out, print_json, say

_ILL = 3
#: as in ``dispatcher.monitoring.doctor``, which the command line need not load for its help
_LOOKS = ("database", "broker", "gateway", "clock", "beat", "doubts", "credit", "costs")


@click.command()
@click.option(
    "--only",
    type=click.Choice(_LOOKS),
    multiple=True,
    help="Look at this alone; may be repeated. For health checks.",
)
@json_option
def doctor(*, only: tuple[str, ...], as_json: bool) -> None:
    """Look at database, Redis, key, clocks, beat, doubts, money; ends with 3 if one is ill."""
    from dispatcher.monitoring.doctor import LOOKS, examine

    marks = {True: "ok", False: "!!"} if out().options.ascii_only else {True: "✓", False: "✗"}
    findings = []
    for finding in examine(open_dispatcher(), only or LOOKS):
        findings.append(finding)
        if not as_json:
            remedy = f"; {finding.remedy}" if finding.remedy else ""
            say(f"{marks[finding.well]} {finding.name}: {finding.says}{remedy}")
    if as_json:
        print_json([asdict(finding) for finding in findings])
    if not all(finding.well for finding in findings):
        raise click.exceptions.Exit(_ILL)
