"""``dispatcher opt-outs``: the list of numbers that said STOP."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime

import click

from dispatcher.campaigns.wording import counted
from dispatcher.cli.commands.opt_out_decisions import (
    decide,
    normalised,
    numbers_given,
    take_back,
    undecided,
)
from dispatcher.cli.commands.opt_out_files import export, import_
from dispatcher.cli.commands.person import erase as erase_person
from dispatcher.cli.discreet import Discreet
from dispatcher.cli.exits import Refusal, Unusable
from dispatcher.cli.options import json_option, open_dispatcher, yes_option
from dispatcher.cli.output import print_json, quote, reader, say
from dispatcher.window.slots import PARIS

_number = click.argument("number")


@click.group("opt-outs", cls=Discreet)
def opt_outs() -> None:
    """Keep the list of those who said STOP: no campaign texts them."""


@opt_outs.command("list")
@click.option("--full", is_flag=True, help="Show whole numbers, not masked ones.")
@json_option
def list_(*, full: bool, as_json: bool) -> None:
    """List who opted out, since when, where and why."""
    from dispatcher.masking import masked

    dispatcher = open_dispatcher()
    listed = dispatcher.opt_outs
    show = str if full else masked
    if full:
        dispatcher.record.note("see numbers", reason="of the opt-out list")
    entries = (
        (show(entry.phone), replace(entry, source=show(entry.source), reason=show(entry.reason)))
        for entry in listed
    )
    if as_json:
        print_json([asdict(entry) | {"phone": phone} for phone, entry in entries])
        return
    count, words = 0, reader().say
    for count, (phone, entry) in enumerate(entries, start=1):  # noqa: B007 - the last is used
        came = words(entry.source), words(entry.reason)
        quote(_line(f"{phone:<16}", _local(entry.since), *came))
    erased = listed.erased
    more = f", and {erased:,} erased (only a pseudonym of each is stored)" if erased else ""
    say(f"{counted(count, 'number')} opted out{more}" if count or erased else "nobody opted out")


@opt_outs.command()
@click.argument("numbers", nargs=-1, required=True, metavar="NUMBER...")
@click.option("--reason", default="", help="The reason, for the record.")
def add(numbers: tuple[str, ...], *, reason: str) -> None:
    """Never text NUMBER again, in any spelling; one with spaces needs quotes.

    "-" reads numbers from standard input, one a line, where no list of processes shows them.
    """
    if numbers == ("-",):
        numbers = tuple(numbers_given())
        if not numbers:
            raise Unusable("standard input holds no number")
    known = {normalised(raw, f"number {at}") for at, raw in enumerate(numbers, start=1)}
    new = open_dispatcher(needs_tables=False).opt_outs.add(known, reason=reason)
    before = len(known) - new
    say(f"{counted(new, 'number')} added" + (f", {before:,} listed before" if before else ""))


@opt_outs.command()
@_number
@click.option("--reason", required=True, help="The reason, for the record.")
@click.option("--at-gateway", is_flag=True, help="Remove it from the gateway's own STOP list, too.")
def remove(number: str, *, reason: str, at_gateway: bool) -> None:
    """Take NUMBER off the list: its owner consented anew.

    On the gateway's own STOP list it stays without --at-gateway, and comes back from there.
    """
    listed = open_dispatcher().opt_outs
    if not listed.remove(normalised(number), reason=reason, at_gateway=at_gateway):
        raise Refusal("this number is not on the list")
    if at_gateway:
        say("the number is off the list and off the gateway's own STOP list")
    else:
        say("the number is off the list; on the gateway's own STOP list it may still be")


for _command in (undecided, decide, take_back, import_, export):
    opt_outs.add_command(_command)


@opt_outs.command()
@_number
@yes_option
@click.pass_context
def erase(ctx: click.Context, number: str, *, yes: bool) -> None:
    """Erase NUMBER as `dispatcher person erase` does."""
    ctx.invoke(erase_person, number=number, reason="erased from the opt-out list", yes=yes)


@opt_outs.command()
@_number
def history(number: str) -> None:
    """Show when NUMBER was added and removed, why and by whom."""
    phone = normalised(number)
    listed = open_dispatcher().opt_outs
    words = reader()
    for one in listed.history(phone):
        who = words.listed("{source}, by {who}", source=words.say(one.source), who=one.actor)
        verb = words.word("opt-out", one.verb)
        quote(_line(_local(one.at), f"{verb:<6}", who, words.say(one.reason)))
    say("opted out" if phone in listed else "not on the list")


@opt_outs.command()
def sync() -> None:
    """Synchronise this list with the gateway's STOP list now.

    Numbers are added there with DISPATCHER_STOP_LIST_PUSH=true only.
    """
    dispatcher = open_dispatcher(needs_tables=False)
    dispatcher.prepare()
    synced = dispatcher.steps.sync_opt_outs(at_once=True)
    say(f"{counted(synced.new, 'new number')} from the gateway's STOP list")
    if dispatcher.settings.stop_list_push:
        say(f"{counted(synced.pushed, 'number')} added to the gateway's STOP list")
    if synced.lost:
        say(
            f"{counted(synced.lost, 'number')} had come from there and"
            f" {'was' if synced.lost == 1 else 'were'} not on it any more: still opted out here"
        )
    if synced.failed:
        raise Refusal(f"{counted(synced.left, 'number')} not added there: {synced.failed}")
    if synced.left:
        say(f"{counted(synced.left, 'number')} still to be added there: sync again")


def _local(at: datetime) -> str:
    return f"{at.astimezone(PARIS):%Y-%m-%d %H:%M}"


def _line(*cells: str) -> str:
    return "  ".join(filter(None, cells))
