"""``dispatcher lint``: a text as it arrives, its segments, and what to write instead."""

from __future__ import annotations

import click

from dispatcher.cli.campaign_options import text_of, text_options
from dispatcher.cli.options import current_settings, json_option
from dispatcher.cli.output import print_json, quote, say
from dispatcher.cli.text_report import finding_lines, findings_json, report_of
from dispatcher.texts.templates import compile_template


@click.command()
@text_options
@click.option("--transactional", is_flag=True, help="No advertising: no STOP mention.")
@json_option
def lint(*, text: str | None, text_file: str | None, transactional: bool, as_json: bool) -> None:
    """Tell how a text arrives, what it is billed as, and what to write instead."""
    from dispatcher.campaigns.planner import against_unicode
    from dispatcher.texts import checked
    from dispatcher.texts.lint import findings_in, text_warnings

    written = text_of(text, text_file)
    template = compile_template(written)
    # no recipient is known: the name of a field stands for what it holds
    example = template.render({name: name for name in template.fields})
    settings = current_settings()
    budget = 0 if transactional else settings.stop_budget
    no_unicode = against_unicode(enabled=settings.unicode)
    arrives = checked(example, budget=budget, no_unicode=no_unicode).text
    report = report_of(arrives, budget)
    findings, warnings = findings_in(written), text_warnings(written)
    if as_json:
        advice = {"arrives": arrives, "advice": findings_json(findings), "warnings": warnings}
        print_json(report.as_json() | advice)
        return
    say(str(report))
    if template.fields:
        say(f"reckoned with the names of the fields: {', '.join(template.fields)}")
    for line in arrives.splitlines():
        quote(f"  {line}")
    for line in [*(finding_lines(findings) or ["arrives as written"]), *warnings]:
        say(line)
