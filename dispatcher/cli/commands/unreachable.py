"""``dispatcher unreachable``: numbers that campaigns do not text because nothing arrives there."""

from __future__ import annotations

from collections.abc import Callable

import click

from dispatcher.campaigns.wording import counted, moment
from dispatcher.cli.commands.opt_out_decisions import normalised
from dispatcher.cli.discreet import Discreet
from dispatcher.cli.exits import Refusal
from dispatcher.cli.options import json_option, open_dispatcher
from dispatcher.cli.output import print_json, print_table, quote, reader, say

_number = click.argument("number")
_numbers_option = click.option(
    "--numbers", is_flag=True, help="Show whole numbers, not masked ones."
)


@click.group(cls=Discreet, invoke_without_command=True)
@_numbers_option
@json_option
@click.pass_context
def unreachable(context: click.Context, *, numbers: bool, as_json: bool) -> None:
    """List the numbers that campaigns do not text because nothing arrives there; lift one.

    "-" reads NUMBER from standard input, where no list of processes shows it.
    """
    if context.invoked_subcommand is None:
        _list(numbers=numbers, as_json=as_json)


@unreachable.command("list")
@_numbers_option
@json_option
def list_(*, numbers: bool, as_json: bool) -> None:
    """List the unreachable numbers, with the campaigns that did not arrive."""
    _list(numbers=numbers, as_json=as_json)


@unreachable.command()
@_number
@json_option
def show(number: str, *, as_json: bool) -> None:
    """Show whether NUMBER is unreachable, and the reports that say so."""
    dispatcher = open_dispatcher()
    found = dispatcher.unreachable.get(normalised(number))
    if as_json:
        print_json(found.as_json(_shown(full=False)(found.phone)))
        return
    now, words = dispatcher.clock(), reader().say
    if found.unreachable:
        say("commercial campaigns do not text this number")
    else:
        say("this number is not unreachable")
    if found.reports:
        print_table(
            ["campaign", "left at", "not delivered"],
            [
                [
                    one.campaign,
                    words(moment(one.left_at, now)),
                    words(moment(one.reported_at, now)) if one.reported_at else "",
                ]
                for one in found.reports
            ],
        )
    if found.replied_at is not None:
        say(f"the last reply came on {moment(found.replied_at, now)}")
    if found.lift is not None:
        lifted = f"lifted on {moment(found.lift.at, now)} by {found.lift.actor}"
        say(f"{lifted}: {found.lift.reason}")


@unreachable.command()
@_number
@click.option("--reason", required=True, help="The reason, for the record.")
def lift(number: str, *, reason: str) -> None:
    """Text NUMBER again: no message that has left by now counts."""
    if not open_dispatcher().unreachable.lift(normalised(number), reason=reason):
        raise Refusal("this number is not unreachable: nothing was changed")
    say("the number is texted again")


def _list(*, numbers: bool, as_json: bool) -> None:
    dispatcher = open_dispatcher()
    if numbers:
        dispatcher.record.note("see numbers", reason="of unreachable numbers")
    show_ = _shown(full=numbers)
    if as_json:
        print_json([one.as_json(show_(one.phone)) for one in dispatcher.unreachable])
        return
    count, now, words = 0, dispatcher.clock(), reader().say
    for count, one in enumerate(dispatcher.unreachable, start=1):  # noqa: B007 - the last is used
        left = (f"{it.campaign} ({words(moment(it.left_at, now))})" for it in one.reports)
        quote(f"{show_(one.phone):<16}  {', '.join(left)}")
    if count:
        say(f"{counted(count, 'number')} unreachable")
    elif dispatcher.unreachable.rule is None:
        say("no number counts as unreachable: DISPATCHER_UNREACHABLE_AFTER is not set")
    else:
        say("no number is unreachable")


def _shown(*, full: bool) -> Callable[[str], str]:
    from dispatcher.masking import masked

    return str if full else masked
