"""``dispatcher replies``: the answers of recipients."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from dispatcher.campaigns.wording import counted, moment
from dispatcher.cli.options import (
    INSTANT,
    account_option,
    json_option,
    limit_option,
    open_dispatcher,
)
from dispatcher.cli.output import print_json, quote, reader, say

if TYPE_CHECKING:
    from datetime import datetime

    from dispatcher.campaigns.records import Reply


@click.command()
@click.option("--since", type=INSTANT, help="Replies since this instant.")
@limit_option(most=100_000, default=100)
@click.option("--numbers", is_flag=True, help="Show whole numbers, not masked ones.")
@account_option
@json_option
def replies(
    *, since: datetime | None, limit: int, numbers: bool, account: str | None, as_json: bool
) -> None:
    """List the replies that the webhooks received, newest first."""
    from dispatcher.masking import masked

    dispatcher = open_dispatcher(account)
    found = dispatcher.replies(since=since, limit=limit)
    if numbers:
        dispatcher.record.note(
            "see numbers", reason=f"of {counted(len(found), 'reply', 'replies')}"
        )
    show = str if numbers else masked
    shown = [(replace(one, text=show(one.text)), show(one.phone)) for one in found]
    if as_json:
        print_json([one.as_json() | {"phone": phone} for one, phone in shown])
        return
    now, words = dispatcher.clock(), reader().say
    for one, phone in shown:
        came, marks = words(moment(one.received_at, now)), words(_marks(one))
        parts = [f"{phone:<16}", came, one.campaign or "", marks, line_of(one.text)]
        quote("  ".join(filter(None, parts)))
    say(counted(len(found), "reply", "replies") if found else "no reply")


def _marks(reply: Reply) -> str:
    marks = ["STOP"] if reply.stop else ["STOP?"] if reply.probable else []
    if not reply.complete:
        marks.append("a part, the others have not come")
    return ", ".join(marks)


def line_of(text: str) -> str:
    """A reply on one line."""
    return " ".join(text.split())
