"""``dispatcher progress``: the state of a campaign's recipients, once or live."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from dispatcher.campaigns.bar import OPEN, percent_ended, pieces
from dispatcher.campaigns.wording import counted, euros, standing
from dispatcher.cli.options import (
    account_option,
    find_campaign,
    json_option,
    open_dispatcher,
    ref_argument,
)
from dispatcher.cli.output import (
    in_words,
    out,
    print_json,
    quote,
    reader,
    table_without_lines,
)

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console, RenderableType
    from rich.text import Text

    from dispatcher.api import Dispatcher
    from dispatcher.campaigns.progress import Progress

#: the colours of the states
_COLOURS = {
    "delivered": "green",
    "undelivered": "red",
    "rejected": "red",
    "unreported": "yellow",
    "opted_out": "magenta",
    "withdrawn": "magenta",
    "left_out": "magenta",
    "expired": "magenta",
    "cancelled": "magenta",
    "sent": "blue",
    "in_doubt": "bold yellow",
    "pending": "bright_black",
}
_BAR = 50
#: ended, on its way, still to go; and the same for a terminal that has only ASCII
_BLOCKS, _PLAIN_BLOCKS = "█▓░", "#=."


@click.command()
@ref_argument
@click.option("--watch", is_flag=True, help="Show it live until the campaign has ended.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=1.0,
    show_default=True,
    help="Seconds between two updates.",
)
@account_option
@json_option
def progress(ref: str, *, watch: bool, interval: float, account: str | None, as_json: bool) -> None:
    """Show the states of all messages of campaign REF (reference or id)."""
    dispatcher = open_dispatcher(account)
    found = find_campaign(dispatcher, ref)
    console = out()
    if watch:
        try:
            if as_json or not console.is_terminal:
                _follow(dispatcher, found, interval, as_json=as_json)
            else:
                _watch(dispatcher, found, interval, console)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(130) from None
    elif as_json:
        print_json(found.as_json())
    else:
        console.print(view(found, dispatcher.clock(), console))


def _watch(dispatcher: Dispatcher, found: Progress, interval: float, console: Console) -> None:
    from rich.live import Live

    with Live(view(found, dispatcher.clock(), console), console=console) as live:
        while not found.ended:
            time.sleep(interval)
            found = dispatcher.progress(found.id)
            live.update(view(found, dispatcher.clock(), console))


def _follow(dispatcher: Dispatcher, found: Progress, interval: float, *, as_json: bool) -> None:
    """A line for each change."""
    shown: Progress | None = None
    while True:
        if found != shown:
            print_json(found.as_json()) if as_json else quote(_line(found, dispatcher.clock()))
            shown = found
        if found.ended:
            return
        time.sleep(interval)
        found = dispatcher.progress(found.id)


def _line(found: Progress, now: datetime) -> str:
    words = reader()
    why = standing(found, now, words)
    state = words.word("campaign", found.state)
    said = words.listed(
        "{name} {state}: {counts}",
        name=found.reference,
        state=state,
        counts=words.counts(found.messages),
    )
    return said + (words.listed("; {why}", why=why) if why else "")


def view(found: Progress, now: datetime, console: Console) -> RenderableType:
    """The whole of a progress, for a terminal."""
    from rich.console import Group
    from rich.text import Text

    language = reader()
    number = language.forms.number
    table = table_without_lines(headings=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    for bucket, count in found.messages.items():
        share = f"{100 * count / found.recipients:.1f} %" if count else ""
        style = _COLOURS.get(bucket, "") if count else "dim"
        table.add_row(language.word("message", bucket), number(count), share, style=style)
    table.add_row(language.text("recipients"), number(found.recipients), style="bold")
    notes = [f"tags: {', '.join(found.tags)}"] if found.tags else []
    notes.append(f"cost {euros(found.cost)}{_against_plan(found)}")
    if found.per_hour is not None:
        notes.append(f"smoothed: about {counted(found.per_hour, 'message')} an hour")
    if found.untold:
        notes.append(_untold(found))
    if found.in_doubt:
        notes.append(f"{counted(found.in_doubt, 'batch', 'batches')} in doubt")
    if found.capped:
        notes.append(f"{found.capped:,} of the rejected had as many messages as a week allows")
    for reference, count in found.left_out_by.items():
        notes.append(f"{count:,} left out because of campaign {reference}")
    if found.unreachable:
        verb = "is" if found.unreachable == 1 else "are"
        notes.append(f"{found.unreachable:,} of the rejected {verb} unreachable")
    if why := standing(found, now):
        notes.append(why)
    through = f", account {found.account}" if found.account else ""
    named = f"{found.reference} (campaign {found.id}{through})"
    title = Text(in_words(f"{named}: {found.state}"), style="bold")
    return Group(title, _bar(found, console), table, *map(Text, map(in_words, notes)))


def _untold(found: Progress) -> str:
    says = f"{counted(found.untold, 'message')} sent at a cost that the gateway did not tell"
    return (
        says if found.untold_planned is None else f"{says}: {euros(found.untold_planned)} planned"
    )


def _against_plan(found: Progress) -> str:
    if found.planned is None or not found.cost:
        return ""
    more = found.cost - found.planned
    if not round(more, 2):
        return ", as planned"
    return f", {euros(abs(more))} {'more' if more > 0 else 'less'} than planned for these messages"


def _bar(found: Progress, console: Console) -> Text:
    from rich.text import Text

    blocks = _PLAIN_BLOCKS if console.options.ascii_only else _BLOCKS
    bar = Text()
    for piece in pieces(found.messages, _BAR):
        block = blocks[2 if piece.state == "pending" else 1 if piece.state in OPEN else 0]
        bar.append(block * piece.width, style=_COLOURS[piece.state])
    return bar.append(in_words(f" {percent_ended(found.messages)} % have ended"))
