"""``dispatcher doctor``: checks this installation, and says what to do."""

from __future__ import annotations

import click

from dispatcher.cli.options import json_option, open_dispatcher
from dispatcher.cli.output import out, print_json, quote, reader

_FAILED, _WARNED = 3, 4
#: as in ``dispatcher.monitoring.doctor``, which the command line need not load for its help
_CHECKS = (
    *("database", "broker", "gateway", "clock", "beat", "workers", "pause", "accounts"),
    *("doubts", "credit", "costs", "budgets", "stops", "refusals", "webhooks", "series"),
    *("messages", "consent", "people"),
)
_MARKS = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "–"}
_ASCII = {"ok": "ok", "warning": "! ", "failed": "!!", "skipped": "--"}


@click.command()
@click.option(
    "--only",
    type=click.Choice(_CHECKS),
    multiple=True,
    help="Make this check alone; may be repeated. For health checks.",
)
@click.option("--strict", is_flag=True, help="End with 4 if there are only warnings.")
@json_option
def doctor(*, only: tuple[str, ...], strict: bool, as_json: bool) -> None:
    """Look for what is wrong here, in order of causes, and say what to do.

    ✗ failed: ends with 3. ! needs a person, messages leave. – depends on what failed.
    """
    from dispatcher.monitoring.doctor import CHECKS, examine

    marks = _ASCII if out().options.ascii_only else _MARKS
    findings = []
    for finding in examine(open_dispatcher(needs_tables=False), only or CHECKS):
        findings.append(finding)
        if not as_json:
            language = reader()
            remedy = f"; {language.say(finding.remedy)}" if finding.remedy else ""
            name, _, account = finding.name.partition(" ")
            name = " ".join(filter(None, [language.word("check", name), account]))
            quote(f"{marks[finding.level]} {name}: {language.after_place(finding.says)}{remedy}")
    if as_json:
        print_json([finding.as_json() for finding in findings])
    levels = {finding.level for finding in findings}
    if not levels.isdisjoint({"failed", "skipped"}):
        raise click.exceptions.Exit(_FAILED)
    if strict and "warning" in levels:
        raise click.exceptions.Exit(_WARNED)
