"""``dispatcher messages``: what messages have come to, in order, from a cursor on."""

from __future__ import annotations

import click

from dispatcher.campaigns.message_changes import MOST, USUAL
from dispatcher.campaigns.wording import counted
from dispatcher.cli.exits import Refusal
from dispatcher.cli.options import account_option, open_dispatcher
from dispatcher.cli.output import complain, print_json, reader


@click.group()
def messages() -> None:
    """Follow what each message comes to, where DISPATCHER_MESSAGE_EVENTS is on."""


@messages.command()
@click.argument("cursor", type=click.IntRange(min=0), default=0)
@click.option(
    "--limit",
    type=click.IntRange(1, MOST),
    default=USUAL,
    show_default=True,
    help="The most lines.",
)
@account_option
def since(cursor: int, *, limit: int, account: str | None) -> None:
    """Print the changes behind CURSOR as JSON lines, oldest first; 0 is the beginning.

    Go on with the number of the last line: no change is missed.
    """
    dispatcher = open_dispatcher(account)
    found = dispatcher.message_changes(cursor, limit=limit)
    if not found.recorded and not found and dispatcher.settings.message_events:
        raise Refusal(
            "no change of a message is recorded yet: workers record them once they start with"
            " DISPATCHER_MESSAGE_EVENTS on"
        )
    if not found.recorded and not found:
        raise Refusal("no change of a message is recorded: DISPATCHER_MESSAGE_EVENTS is not on")
    if found.missed:
        complain(f"{counted(found.missed, 'older change')} deleted before", reader())
    for change in found:
        print_json(change.as_json())
