"""``dispatcher budgets``: the most that campaigns with a tag may cost in a month."""

from __future__ import annotations

from decimal import Decimal

import click

from dispatcher.campaigns.prices import shown
from dispatcher.campaigns.wording import counted
from dispatcher.cli.options import json_option, open_dispatcher
from dispatcher.cli.output import print_json, print_table, say

_reason = click.option("--reason", default="", help="Why; goes on record.")


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def budgets(context: click.Context, *, as_json: bool) -> None:
    """List what campaigns with a tag may cost in a month, and what is left of this one."""
    if context.invoked_subcommand is None:
        _show(as_json=as_json)


@budgets.command("set")
@click.argument("tag")
@click.argument("euros")
@_reason
def set_(tag: str, euros: str, *, reason: str) -> None:
    """Let campaigns with TAG cost at most EUROS in each month of Paris.

    A campaign that does not fit into what is left waits before its first message.
    """
    budget = open_dispatcher(needs_tables=False).budgets.set(tag, euros, reason=reason)
    left = shown(max(budget.left, Decimal(0)))
    say(
        f"campaigns with tag {budget.tag} may cost {shown(budget.euros)} a month;"
        f" {left} left in {budget.month}"
    )


@budgets.command()
@click.argument("tag")
@_reason
def remove(tag: str, *, reason: str) -> None:
    """Let campaigns with TAG cost anything."""
    open_dispatcher().budgets.remove(tag, reason=reason)
    say(f"campaigns with tag {tag} may cost anything")


def _show(*, as_json: bool) -> None:
    service = open_dispatcher().budgets
    found = service.all()
    if as_json:
        print_json([one.as_json() for one in found])
        return
    if not found:
        say("there is no budget: dispatcher budgets set TAG EUROS sets one")
        return
    amounts = ("budget", "charged", "reserved", "left")
    print_table(
        ["tag", "month", *amounts],
        [
            [
                one.tag,
                one.month,
                *(f"{value:,.2f}" for value in (one.euros, one.charged, one.reserved, one.left)),
            ]
            for one in found
        ],
        right=amounts,
    )
    if waiting := len(service.waiting()):
        say(f"{counted(waiting, 'campaign')} waiting for a budget")
