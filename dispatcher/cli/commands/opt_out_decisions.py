"""``dispatcher opt-outs undecided``, ``decide`` and ``take-back``: what people decide."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime
from functools import partial

import click

from dispatcher.campaigns.wording import counted, moment
from dispatcher.cli.commands.replies import line_of
from dispatcher.cli.confirm import confirm
from dispatcher.cli.exits import Refusal, Unusable
from dispatcher.cli.options import (
    INSTANT,
    json_option,
    open_dispatcher,
    yes_option,
)
from dispatcher.cli.output import print_json, quote, reader, say

#: stands for standard input
_STDIN = "-"
#: characters of standard input; more is a file, and there is a command to import it
_MOST = 1 << 20


def numbers_given() -> list[str]:
    """The numbers on standard input, one a line."""
    given = sys.stdin.read(_MOST + 1)
    if len(given) > _MOST:
        raise Unusable("standard input is too long: import a file")
    return [line.strip() for line in given.splitlines() if line.strip()]


@click.command()
@click.option("--full", is_flag=True, help="Show whole numbers, not masked ones.")
@json_option
def undecided(*, full: bool, as_json: bool) -> None:
    """List whose replies may be a refusal: nobody of them is texted until you decide."""
    from dispatcher.masking import masked

    dispatcher = open_dispatcher()
    found = dispatcher.opt_outs.undecided()
    show = str if full else masked
    if full:
        dispatcher.record.note(
            "see numbers", reason=f"of {counted(len(found), 'probable refusal')}"
        )
    shown = [(show(one.phone), replace(one, text=show(one.text))) for one in found]
    if as_json:
        print_json(
            [
                {"phone": phone, "since": one.since.isoformat(), "text": one.text}
                for phone, one in shown
            ]
        )
        return
    now, words = dispatcher.clock(), reader().say
    for phone, one in shown:
        quote(f"{phone:<16}  {words(moment(one.since, now))}  {line_of(one.text)}")
    say(counted(len(found), "probable refusal") if found else "nothing to decide")


@click.command()
@click.argument("number")
@click.option("--refused/--no-refusal", default=None, help="What the reply means.")
@click.option("--reason", required=True, help="The reason, for the record.")
def decide(number: str, *, refused: bool | None, reason: str) -> None:
    """Decide whether NUMBER has refused: it is opted out, or may be texted again.

    "-" reads NUMBER from standard input, where no list of processes shows it.
    """
    if refused is None:
        raise click.UsageError("say --refused or --no-refusal")
    phone = normalised(number)
    if not open_dispatcher().opt_outs.decide(phone, refused=refused, reason=reason):
        raise Refusal("there is nothing to decide about this number")
    say("the number is opted out" if refused else "the number may be texted")


@click.command("take-back")
@click.option("--source", required=True, help="Where they came from, as opt-outs list shows it.")
@click.option("--since", type=INSTANT, required=True, help="The first instant.")
@click.option("--until", type=INSTANT, required=True, help="The instant before which they came.")
@click.option("--reason", required=True, help="The reason, for the record.")
@yes_option
def take_back(*, source: str, since: datetime, until: datetime, reason: str, yes: bool) -> None:
    """Remove the opt-outs of one source and time: a storm of forged or mistaken STOPs.

    Those stay whom another source confirms, the gateway's STOP list for instance, and those whom
    you have texted. Read that list first: dispatcher opt-outs sync.
    """
    listed = open_dispatcher().opt_outs
    take = partial(listed.take_back, source=source, since=since, until=until, reason=reason)
    found = take(dry_run=True)
    left = f"{found.confirmed:,} confirmed by another source and {found.texted:,} texted stay"
    if not found.removed:
        raise Refusal(f"nothing to take back: {left}")
    confirm(
        f"Take back {counted(found.removed, 'opt-out')}? {left}.",
        yes=yes,
        else_="these people may be texted again: confirm it by --yes",
    )
    say(f"{counted(take().removed, 'opt-out')} taken back; {left}")


def normalised(raw: str, which: str = "the number") -> str:
    """The number in E.164; "-" is one on standard input. Raises Unusable, which does not repeat it.

    An argument shows in the list of processes and in the shell's history.
    """
    from dispatcher.recipients.phones import InvalidPhone, normalise

    if raw == _STDIN:
        given = numbers_given()
        if len(given) != 1:
            raise Unusable(f"standard input holds {len(given)} numbers, and not one")
        raw = given[0]
    try:
        return normalise(raw)
    except InvalidPhone as error:
        raise Unusable(f"{which} cannot be texted: {error.reason}; nothing was changed") from None
