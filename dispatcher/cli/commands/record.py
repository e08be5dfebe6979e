"""``dispatcher record``: who did what, from where, when and why; and whether anybody changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dispatcher.campaigns.wording import counted, moment
from dispatcher.cli.exits import Refusal
from dispatcher.cli.options import INSTANT, json_option, limit_option, open_dispatcher
from dispatcher.cli.output import print_json, print_table, reader, say

if TYPE_CHECKING:
    from datetime import datetime


@click.group()
def record() -> None:
    """The record of actions: who did what, from where, when and why."""


@record.command()
@click.option("--since", type=INSTANT, help="Entries since this instant.")
@click.option("--by", "actor", metavar="NAME", default="", help="Only what this person did.")
@click.option("--verb", metavar="VERB", default="", help="Only this action, such as 'pause'.")
@limit_option(most=100_000, default=100)
@json_option
def show(*, since: datetime | None, actor: str, verb: str, limit: int, as_json: bool) -> None:
    """List the entries, the latest first."""
    dispatcher = open_dispatcher()
    found = dispatcher.record.page(limit=limit, since=since, actor=actor, verb=verb)
    if as_json:
        print_json([one.as_json() for one in found])
        return
    now, words = dispatcher.clock(), reader()
    rows = [
        (
            words.say(moment(one.at, now)),
            one.actor,
            words.say(one.origin),
            words.word("verb", one.verb),
            words.say(one.subject),
            words.after_place(one.reason),
        )
        for one in found
    ]
    if rows:
        print_table(["when", "who", "from", "what", "to", "why"], rows)
    more = f" of {found.total}" if found.total > len(found) else ""
    say(f"{counted(len(found), 'entry', 'entries')}{more}" if found.total else "no entry")


@record.command()
@click.option(
    "--seal",
    "expected",
    metavar="SEAL",
    help="A seal that an earlier verification printed: the record must still hold it.",
)
@json_option
def verify(*, expected: str | None, as_json: bool) -> None:
    """Look for entries that were altered or removed; exit with 1 if there are any.

    Each entry is sealed with the one before it. Whoever can write to the database can make all
    seals anew: keep the seal that is printed elsewhere, and give it to a later --seal.
    """
    dispatcher = open_dispatcher()
    found = dispatcher.record.verify(expected)
    if as_json:
        print_json(found.as_json())
    else:
        for problem in found.problems:
            say(problem)
    if found.problems:
        raise Refusal(f"the record was changed: {counted(len(found.problems), 'problem')}")
    if not as_json:
        late = f"; {counted(found.late, 'of them was', 'of them were')} sealed just now"
        say(
            f"{counted(found.sealed + found.late, 'entry', 'entries')}, none altered or missing"
            f"{late if found.late else ''}"
        )
        if found.head:
            say(f"the last seal is {found.head}")
