"""``dispatcher unread``: calls to the webhooks that could not be read."""

from __future__ import annotations

import click

from dispatcher.campaigns.wording import counted, moment
from dispatcher.cli.commands.replies import line_of
from dispatcher.cli.options import json_option, open_dispatcher
from dispatcher.cli.output import print_json, quote, reader, say


@click.command()
@click.option("--numbers", is_flag=True, help="Show whole numbers, not masked ones.")
@click.option("--done", "done", type=int, multiple=True, metavar="ID", help="Delete this call.")
@json_option
def unread(*, numbers: bool, done: tuple[int, ...], as_json: bool) -> None:
    """List the calls to the webhooks that could not be read, newest first.

    A STOP among them is not on the opt-out list: add its number by hand, then delete the call.
    """
    from dispatcher.masking import masked

    dispatcher = open_dispatcher()
    if done:
        removed = dispatcher.inbox.remove_unread(*done)
        say(f"{counted(removed, 'call')} deleted")
        return
    shown = str if numbers else masked
    if numbers:
        dispatcher.record.note("see numbers", reason="of calls that could not be read")
    calls = [(call, shown(call.text)) for call in dispatcher.inbox.unread()]
    if as_json:
        print_json(
            [
                {
                    "id": call.id,
                    "path": call.path,
                    "received_at": call.received_at.isoformat(),
                    "problem": call.problem,
                    "text": text,
                }
                for call, text in calls
            ]
        )
        return
    now, words = dispatcher.clock(), reader().say
    for call, text in calls:
        came, problem = words(moment(call.received_at, now)), words(call.problem)
        quote(f"{call.id}  {came}  /{call.path}: {problem}")
        quote(f"    {line_of(text)[:500]}")
    say(counted(len(calls), "call") if calls else "every call could be read")
