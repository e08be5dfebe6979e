"""``dispatcher doubts``, ``resend`` and ``give-up``: batches in doubt, and decisions about them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from dispatcher.campaigns.wording import (
    about_doubt,
    moment,
    people_of,
    risk_of_giving_up,
    risk_of_resend,
)
from dispatcher.cli.confirm import confirm
from dispatcher.cli.options import account_option, json_option, open_dispatcher, yes_option
from dispatcher.cli.output import print_json, print_table, reader, say
from dispatcher.errors import IllegalMove

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatcher.api import Dispatcher
    from dispatcher.campaigns.records import Doubt, Incident

_batch = click.argument("batch", type=click.IntRange(1, 2**63 - 1))
_reason = click.option("--reason", required=True, help="The reason, for the record.")
_by = click.option("--by", metavar="NAME", help="Who decides (the user of this system).")


@click.command()
@account_option
@json_option
def doubts(*, account: str | None, as_json: bool) -> None:
    """List the batches in doubt, and the incidents on record."""
    dispatcher = open_dispatcher(account)
    outstanding, incidents = dispatcher.doubts(), dispatcher.incidents()
    if as_json:
        print_json(
            {
                "doubts": [asdict(doubt) for doubt in outstanding],
                "incidents": [asdict(incident) for incident in incidents],
            }
        )
        return
    if outstanding:
        _show_doubts(outstanding, dispatcher.clock())
        say(
            "The gateway is asked again and again, and a doubt ends as soon as it shows the batch."
            " A person can end it by dispatcher resend or give-up."
        )
    else:
        say("nothing is in doubt")
    if incidents:
        _show_incidents(incidents, dispatcher.clock())


@click.command()
@_batch
@_reason
@_by
@yes_option
def resend(batch: int, *, reason: str, by: str | None, yes: bool) -> None:
    """Send BATCH, which is in doubt, again."""
    dispatcher = open_dispatcher()
    doubt = _find(dispatcher, batch)
    _confirm(doubt, risk_of_resend(doubt, dispatcher.settings.prices), "Send it again?", yes=yes)
    dispatcher.resend(batch, reason=reason, by=by)
    say(f"batch {batch} of {doubt.reference} will be sent again to {people_of(doubt)}")


@click.command("give-up")
@_batch
@_reason
@_by
@yes_option
def give_up(batch: int, *, reason: str, by: str | None, yes: bool) -> None:
    """End the doubt about BATCH without sending: its messages stay unreported."""
    dispatcher = open_dispatcher()
    doubt = _find(dispatcher, batch)
    _confirm(doubt, risk_of_giving_up(doubt), "Give it up?", yes=yes)
    dispatcher.give_up(batch, reason=reason, by=by)
    say(f"batch {batch} of {doubt.reference} is given up: {people_of(doubt)} unreported")


def _confirm(doubt: Doubt, risk: str, question: str, *, yes: bool) -> None:
    confirm(
        f"{about_doubt(doubt, risk)}. {question}",
        yes=yes,
        else_=f"{risk}: confirm it by --yes",
    )


def _find(dispatcher: Dispatcher, batch: int) -> Doubt:
    """The doubt about a batch. Raises IllegalMove if it is not in doubt."""
    found = [doubt for doubt in dispatcher.doubts() if doubt.batch_id == batch]
    if not found:
        raise IllegalMove(f"no batch {batch} is in doubt; dispatcher doubts lists those that are")
    return found[0]


def _show_doubts(outstanding: Sequence[Doubt], now: datetime) -> None:
    words = reader().say
    several = any(doubt.account for doubt in outstanding)
    where = ["batch", "campaign", *(["account"] if several else []), "number"]
    print_table(
        [*where, "people", "since", "lookups", "next lookup", "tag", "why"],
        [
            [
                str(doubt.batch_id),
                doubt.reference,
                *([doubt.account] if several else []),
                str(doubt.number),
                f"{doubt.messages:,}",
                words(moment(doubt.since, now)),
                str(doubt.lookups),
                words(moment(doubt.next_lookup, now) if doubt.next_lookup else "none"),
                doubt.tag,
                words(doubt.why),
            ]
            for doubt in outstanding
        ],
    )


def _show_incidents(incidents: Sequence[Incident], now: datetime) -> None:
    words = reader().say
    say("")
    say("double texts on record, and texts of batches that were given up")
    print_table(
        ["when", "campaign", "batch", "what"],
        [
            [
                words(moment(incident.at, now)),
                incident.reference,
                "" if incident.batch_id is None else str(incident.batch_id),
                words(incident.what),
            ]
            for incident in incidents
        ],
    )
