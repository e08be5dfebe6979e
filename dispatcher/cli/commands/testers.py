"""``dispatcher testers`` and ``test``: a row's text goes to people of the company first."""

from __future__ import annotations

from dataclasses import asdict

import click

from dispatcher.campaigns.wording import counted, moment
from dispatcher.cli.commands.opt_out_decisions import normalised
from dispatcher.cli.discreet import Discreet
from dispatcher.cli.draft_text import find_draft
from dispatcher.cli.options import json_option, open_dispatcher, ref_argument
from dispatcher.cli.output import print_json, print_table, reader, say


@click.group(cls=Discreet, invoke_without_command=True)
@json_option
@click.pass_context
def testers(context: click.Context, *, as_json: bool) -> None:
    """List the people who get test messages; add and remove them."""
    if context.invoked_subcommand is None:
        _show(as_json=as_json)


@testers.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the people who get test messages."""
    _show(as_json=as_json)


@testers.command()
@click.argument("name")
@click.argument("number")
@click.option("--any-hour", is_flag=True, help="Tests may come outside of the window, too.")
def add(name: str, number: str, *, any_hour: bool) -> None:
    """Let NAME, who has NUMBER, get test messages.

    "-" reads NUMBER from standard input, where no list of processes shows it.
    """
    dispatcher = open_dispatcher(needs_tables=False)
    tester = dispatcher.testers.add(name, normalised(number), any_hour=any_hour)
    say(f"{tester.name} gets test messages, {_hours(any_hour)}")


@testers.command()
@click.argument("name")
def remove(name: str) -> None:
    """Let NAME get no test message any more; the number is deleted."""
    open_dispatcher().testers.remove(name)
    say(f"{name} gets no test message any more")


@click.command()
@ref_argument
@click.option("--row", type=click.IntRange(min=1), default=1, help="The row of the list, from 1.")
@click.option("--to", "names", multiple=True, required=True, help="A tester; may be repeated.")
@json_option
def test(ref: str, *, row: int, names: tuple[str, ...], as_json: bool) -> None:
    """Send the text of a row of draft REF to declared testers.

    It is marked as a test, and no count, cap or plan has it.
    """
    dispatcher = open_dispatcher()
    service = dispatcher.testers
    draft = find_draft(dispatcher.drafts, ref)
    sends = service.send(draft.id, row=row, to=names)
    if as_json:
        print_json([asdict(send) for send in sends])
        return
    for send in sends:
        until = send.waits_until and moment(send.waits_until, dispatcher.clock())
        waits = f", and waits until {until}: {send.why}" if until else ""
        say(f"a test goes to {', '.join(send.testers)}{waits}")
    say(f"{counted(service.left_today(), 'test message')} left today")


def _show(*, as_json: bool) -> None:
    dispatcher = open_dispatcher()
    found = dispatcher.testers.all()
    if as_json:
        print_json([asdict(one) | {"phone": one.shown} for one in found])
        return
    if not found:
        say("there is no tester: dispatcher testers add NAME NUMBER adds one")
        return
    now, words = dispatcher.clock(), reader().say
    print_table(
        ["name", "number", "tests come", "since", "added by"],
        [
            [
                one.name,
                one.shown,
                words(_hours(one.any_hour)),
                words(moment(one.created_at, now)),
                words(one.created_by),
            ]
            for one in found
        ],
    )


def _hours(any_hour: bool) -> str:
    return "at any hour" if any_hour else "in the window"
