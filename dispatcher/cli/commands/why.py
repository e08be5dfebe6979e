"""``dispatcher why``: what keeps campaigns from leaving, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dispatcher.campaigns.wording import counted, moment, standing
from dispatcher.cli.options import account_option, find_campaign, json_option, open_dispatcher
from dispatcher.cli.output import print_json, quote, reader, say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dispatcher.api import Dispatcher
    from dispatcher.campaigns.causes import Cause

_OUT_OF_REACH = 3
_LATEST = 200


@click.command()
@click.argument("ref", required=False)
@account_option
@json_option
def why(ref: str | None, *, account: str | None, as_json: bool) -> None:
    """Say why campaign REF has not left, and what to do; without REF, why any has not.

    It asks database, Redis, workers and gateway, changes nothing, and answers when one of them
    is down. It ends with 3 if the database cannot be read.
    """
    from dispatcher.monitoring import why as reasons

    dispatcher = open_dispatcher(account, needs_tables=False)
    if causes := reasons.of_database(dispatcher):
        if as_json:
            print_json(reasons.Explanation(tuple(causes)).as_json())
        else:
            _print(causes, dispatcher.clock())
        raise click.exceptions.Exit(_OUT_OF_REACH)
    if ref is None:
        _all(dispatcher, as_json=as_json)
        return
    found = reasons.explain(dispatcher, find_campaign(dispatcher, ref))
    if as_json:
        print_json(found.as_json())
        return
    assert found.progress is not None  # noqa: S101 - the database could be read
    progress = found.progress
    to_go = progress.messages["pending"] + progress.messages["in_doubt"]
    say(f"{progress.reference} is {progress.state}, {to_go:,} of {progress.recipients:,} to go")
    _print(found.causes, dispatcher.clock())
    if not found.causes:
        say(reasons.nothing_found(progress))
    if progress.capped:
        say(f"{counted(progress.capped, 'person', 'people')} had as many messages as a week allows")
    if progress.unreachable:
        people = counted(progress.unreachable, "unreachable person", "unreachable people")
        say(f"not texted: {people}")


def _all(dispatcher: Dispatcher, *, as_json: bool) -> None:
    """What is broken, and what each campaign waits for that has not ended."""
    broken = dispatcher.outages()
    waiting = dispatcher.campaigns(_LATEST, state=("running", "paused"))
    if as_json:
        listed = [one.as_json() for one in waiting]
        print_json({"causes": [cause.as_json() for cause in broken], "campaigns": listed})
        return
    _print(broken, dispatcher.clock())
    words = reader()
    for one in waiting:
        why = standing(one, dispatcher.clock(), words) or words.text("nothing keeps it back")
        state = words.word("campaign", one.state)
        quote(words.listed("{name} ({state}): {why}", name=one.reference, state=state, why=why))
    if not waiting:
        say("no campaign waits")


def _print(causes: Iterable[Cause], now: datetime) -> None:
    for number, cause in enumerate(causes, start=1):
        until = f"waits until {moment(cause.until, now)}: " if cause.until else ""
        say(f"{number}. {until}{cause.says or cause.name}")
        if cause.cure:
            say(f"   to do: {cause.cure}")
