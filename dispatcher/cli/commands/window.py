"""``dispatcher window``: whether a commercial SMS may leave, and why not."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from dispatcher.cli.options import INSTANT, current_settings, json_option
from dispatcher.cli.output import out, print_json, quote, reader, say
from dispatcher.window.slots import PARIS

if TYPE_CHECKING:
    from datetime import datetime

    from dispatcher.window.territories import Territory

_CLOSED_DAYS = 10


@click.command()
@click.option("--at", type=INSTANT, help="The instant asked about (now).")
@click.option("--territory", default="metropole", show_default=True, help="The recipient's.")
@click.option("--days", type=click.IntRange(1, 92), help="Show that many days from then on.")
@json_option
def window(*, at: datetime | None, territory: str, days: int | None, as_json: bool) -> None:
    """Tell whether a commercial SMS may leave, why not, and when next."""
    from dispatcher.settings.clock import shifted
    from dispatcher.settings.windows import windows_of
    from dispatcher.window import NeverOpen
    from dispatcher.window.territories import find

    settings = current_settings()
    place, windows = find(territory), windows_of(settings)
    at = at or shifted(settings.clock_offset)()
    why, opens, closes = "", None, None
    try:
        hold = windows.hold(at, place.name)
    except NeverOpen as error:
        why, opens, is_open = str(error), error.next_open, False
    else:
        is_open = hold is None
        if hold is None:
            closes = windows.closes_at(at, place.name)
        else:
            why, opens = hold.why, hold.until
    closed = windows.closed_days_after(at, place.name, _CLOSED_DAYS)
    line = None
    if days:
        from dispatcher.cli.timeline import timeline

        line = timeline([place.name], windows=windows, now=at, days=days)
    if as_json:
        facts = {
            "territory": place.name,
            "at": at,
            "open": is_open,
            "why": why,
            "next_open": opens,
            "closes_at": closes,
            "closed_days": [{"date": day, "name": name} for day, name in closed],
        }
        if line:
            facts["spans"] = [asdict(span) for span in line.rows[0].spans]
        print_json(facts)
        return
    words = reader()
    quote(f"{words.word('territory', place.label)}, {words.say(_both(at, place))}")
    say("open" if is_open else f"closed: {why}")
    if closes:
        say(f"closes at    {_both(closes, place)}")
    if opens:
        say(f"next opening {_both(opens, place)}")
    say("next closed days")
    for day, name in closed:
        weekday = words.forms.days[day.weekday()][:3]
        quote(f"  {weekday} {day:%Y-%m-%d}  {words.word('day', name)}")
    if line:
        from dispatcher.cli.timeline_view import drawn

        say("")
        out().print(drawn(line, out()))


def _both(at: datetime, place: Territory) -> str:
    local, paris = place.local(at), at.astimezone(PARIS)
    spelled = f"{local:%A %Y-%m-%d %H:%M}"
    if local.utcoffset() == paris.utcoffset():
        return f"{spelled} in Paris"
    return f"{spelled} there, {paris:%A %Y-%m-%d %H:%M} in Paris"
