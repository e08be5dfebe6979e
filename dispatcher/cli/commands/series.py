"""``dispatcher series``: campaigns that come again and again, by a rule."""

from __future__ import annotations

from typing import Any

import click

from dispatcher.campaigns.wording import moment
from dispatcher.cli.campaign_options import text_of
from dispatcher.cli.confirm import confirm
from dispatcher.cli.options import (
    json_option,
    limit_option,
    open_dispatcher,
    reason_option,
    yes_option,
)
from dispatcher.cli.output import print_json, print_table, quote, say
from dispatcher.cli.series_options import (
    changes_of,
    load_application,
    series_options,
    values_of,
)
from dispatcher.cli.series_text import about, coming_lines, describe, past_lines, plan_lines, tell

_name = click.argument("name")


@click.group(invoke_without_command=True)
@click.pass_context
def series(context: click.Context) -> None:
    """Repeat a campaign by a rule: add a series, show it, plan it, pause it, end it."""
    if context.invoked_subcommand is None:
        context.invoke(list_, limit=100, as_json=False)


@series.command("list")
@limit_option(most=1000, default=100)
@json_option
def list_(*, limit: int, as_json: bool) -> None:
    """List the series, by their next occurrence."""
    dispatcher = open_dispatcher()
    found = dispatcher.series.all(limit=limit)
    if as_json:
        print_json([one.as_json() for one in found])
        return
    if not found:
        say("there is no series: dispatcher series add NAME adds one")
        return
    now = dispatcher.clock()
    print_table(
        ["series", "state", "next", "rule", "problem"],
        [
            [
                one.name,
                one.state.value,
                moment(one.next_at, now) if one.next_at else "",
                one.rule,
                one.problem,
            ]
            for one in found
        ],
    )


@series.command()
@_name
@click.option("--rule", required=True, help="An RRULE: FREQ=WEEKLY;BYDAY=FR;BYHOUR=10.")
@click.option(
    "--list",
    "source",
    required=True,
    help="A file, or a name in the application: shop.sms:fridays.",
)
@series_options
@json_option
def add(name: str, *, rule: str, source: str, as_json: bool, **params: Any) -> None:
    """Add series NAME: from now on each occurrence of the rule becomes a campaign.

    The rule is on the clock of Paris. The list is read anew for each occurrence.
    """
    dispatcher = open_dispatcher(needs_tables=False)
    load_application(dispatcher.settings.receivers)
    values = values_of(params)
    text = text_of(params["text"], params["text_file"])
    options = values.pop("options", {})
    added = dispatcher.series.add(
        name, rule=rule, source=source, **values | {"text": text}, **options
    )
    if as_json:
        print_json(added.as_json())
        return
    describe(added, dispatcher.clock())
    for line in coming_lines(dispatcher.series.coming(added.id, limit=5)):
        say(line)


@series.command()
@_name
@limit_option(most=200, default=10)
@json_option
def show(name: str, *, limit: int, as_json: bool) -> None:
    """Show series NAME: what became of its occurrences, and which come."""
    dispatcher = open_dispatcher()
    service = dispatcher.series
    found = service.get(name)
    past, coming = service.occurrences(name, limit=limit), service.coming(name, limit=limit)
    if as_json:
        print_json(
            found.as_json()
            | {
                "occurrences": [one.as_json() for one in past],
                "coming": [one.as_json() for one in coming],
            }
        )
        return
    quote(found.text)
    lines = about(found, dispatcher.clock()), past_lines(past), coming_lines(coming)
    for line in (line for group in lines for line in group):
        say(line)


@series.command()
@_name
@json_option
def plan(name: str, *, as_json: bool) -> None:
    """Show what the next occurrence of series NAME would do, with its list as it is now."""
    dispatcher = open_dispatcher()
    load_application(dispatcher.settings.receivers)
    planned = dispatcher.series.plan(name)
    if as_json:
        print_json(planned.as_json())
        return
    for line in plan_lines(planned, dispatcher.clock(), dispatcher.settings.weekly_messages):
        say(line)


@series.command()
@_name
@click.option("--rule", help="Another RRULE.")
@click.option("--list", "source", help="Another list.")
@click.option("--no-smoothing", is_flag=True, help="Messages leave as soon as they may.")
@series_options
@json_option
def change(name: str, *, as_json: bool, **params: Any) -> None:
    """Change series NAME from its next occurrence on; what is not given stays."""
    dispatcher = open_dispatcher()
    load_application(dispatcher.settings.receivers)
    service = dispatcher.series
    found = service.get(name)
    values = changes_of(params, found.options)
    if not values:
        raise click.UsageError("give what is to change")
    changed = service.change(found.id, version=found.version, **values)
    if as_json:
        print_json(changed.as_json())
        return
    describe(changed, dispatcher.clock())
    if found.approval and not changed.approval:
        say("  approved  no longer: somebody else approves it again")
    taken = service.day_taken(changed) if {"rule", "since"} & values.keys() else None
    if taken and taken > (now := dispatcher.clock()):
        say(f"  begins    {moment(taken, now)}: an occurrence leaves before, or has left")


@series.command()
@_name
@reason_option
def pause(name: str, *, reason: str) -> None:
    """Make no occurrence of series NAME until it is resumed; campaigns that were made go on."""
    dispatcher = open_dispatcher()
    tell(dispatcher.series.pause(name, reason=reason), dispatcher.clock())


@series.command()
@_name
@reason_option
def resume(name: str, *, reason: str) -> None:
    """Make occurrences of series NAME again, from the next one on."""
    dispatcher = open_dispatcher()
    tell(dispatcher.series.resume(name, reason=reason), dispatcher.clock())


@series.command()
@_name
@reason_option
def skip(name: str, *, reason: str) -> None:
    """Skip the next occurrence of series NAME."""
    dispatcher = open_dispatcher()
    tell(dispatcher.series.skip(name, reason=reason), dispatcher.clock())


@series.command()
@_name
@reason_option
@yes_option
def end(name: str, *, reason: str, yes: bool) -> None:
    """End series NAME for good; campaigns that were made go on."""
    dispatcher = open_dispatcher()
    found = dispatcher.series.get(name)
    confirm(
        f"End series {found.name}?",
        yes=yes,
        else_=f"series {found.name} would end for good: confirm it by --yes",
    )
    tell(dispatcher.series.end(found.id, reason=reason), dispatcher.clock())


@series.command()
@_name
@click.option(
    "--recipients", type=click.IntRange(1), help="The most recipients that an occurrence has."
)
@click.option("--euros", help="The most that an occurrence costs by its plan: 30.")
@reason_option
@yes_option
def approve(
    name: str, *, recipients: int | None, euros: str | None, reason: str, yes: bool
) -> None:
    """Approve series NAME, which somebody else wrote, up to a cap of each occurrence.

    What is beyond it waits for an approval of its own. A change of the series ends the approval.
    """
    dispatcher = open_dispatcher()
    found = dispatcher.series.get(name)
    quote(found.text)
    describe(found, dispatcher.clock())
    confirm(
        f"Approve series {found.name}?",
        yes=yes,
        else_=f"the occurrences of series {found.name} would run without another approval: confirm"
        " it by --yes",
    )
    approved = dispatcher.series.approve(
        found.id, recipients=recipients, euros=euros, version=found.version, reason=reason
    )
    describe(approved, dispatcher.clock())


@series.command("end-approval")
@_name
@reason_option
def end_approval(name: str, *, reason: str) -> None:
    """Let each occurrence of series NAME wait for an approval of its own again."""
    dispatcher = open_dispatcher()
    tell(dispatcher.series.end_approval(name, reason=reason), dispatcher.clock())
