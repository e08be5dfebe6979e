"""``dispatcher doctor``: whether all is well here, and what to do where it is not."""

from __future__ import annotations

from dataclasses import asdict

import click

from dispatcher.cli.options import json_option, open_dispatcher
from dispatcher.cli.output import out, print_json, say

_ILL = 3


@click.command()
@json_option
def doctor(*, as_json: bool) -> None:
    """Look at database, Redis, key, clocks, beat and doubts; ends with 3 if one is not well."""
    from dispatcher.doctor import examine

    marks = {True: "ok", False: "!!"} if out().options.ascii_only else {True: "✓", False: "✗"}
    findings = []
    for finding in examine(open_dispatcher()):
        findings.append(finding)
        if not as_json:
            remedy = f"; {finding.remedy}" if finding.remedy else ""
            say(f"{marks[finding.well]} {finding.name}: {finding.says}{remedy}")
    if as_json:
        print_json([asdict(finding) for finding in findings])
    if not all(finding.well for finding in findings):
        raise click.exceptions.Exit(_ILL)
