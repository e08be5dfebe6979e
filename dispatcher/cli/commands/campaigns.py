"""``dispatcher campaigns``, ``pause``, ``resume`` and ``cancel``."""

from __future__ import annotations

from typing import Any

import click

from dispatcher.campaigns.selection import which_of
from dispatcher.campaigns.states import CampaignState
from dispatcher.campaigns.wording import counted, in_flight, standing
from dispatcher.cli.confirm import confirm
from dispatcher.cli.options import (
    account_option,
    find_campaign,
    json_option,
    limit_option,
    open_dispatcher,
    reason_option,
    ref_argument,
    yes_option,
)
from dispatcher.cli.output import print_json, print_table, reader, say
from dispatcher.cli.preflight import warn_if_unused


@click.command()
@limit_option(most=10_000, default=50)
@click.option(
    "--state",
    multiple=True,
    type=click.Choice(list(CampaignState), case_sensitive=False),
    help="Only campaigns in this state; several: in one of these.",
)
@click.option("--since", metavar="DAY", help="Only those submitted since this day or instant.")
@click.option("--reference", help="Only the campaign with this reference.")
@click.option("--tag", multiple=True, help="Only those with this tag; several: with one of these.")
@click.option("--reference-prefix", help="Only those whose reference begins with this.")
@account_option
@json_option
def campaigns(*, limit: int, account: str | None, as_json: bool, **filters: Any) -> None:
    """List the campaigns submitted last, newest first."""
    values = {name: value for name, value in filters.items() if value is not None}
    which = which_of({k: [v] if isinstance(v, str) else v for k, v in values.items()})
    dispatcher = open_dispatcher(account)
    latest = dispatcher.campaigns(limit, **which)
    if as_json:
        print_json([one.as_json() for one in latest])
        return
    if not latest:
        say("there is no such campaign" if any(which.values()) else "no campaign yet")
        return
    several = any(one.account for one in latest)
    tagged = ["tags"] if any(one.tags for one in latest) else []
    through = ["account"] if several else []
    counts = ("recipients", "to go", "sent", "delivered", "cost €")
    print_table(
        ["id", "reference", *through, *tagged, "state", *counts, ""],
        [
            [
                str(one.id),
                one.reference,
                *([one.account] if several else []),
                *([", ".join(one.tags)] if tagged else []),
                reader().word("campaign", one.state),
                f"{one.recipients:,}",
                f"{one.messages['pending'] + one.messages['in_doubt']:,}",
                f"{one.messages['sent']:,}",
                f"{one.messages['delivered']:,}",
                f"{one.cost:,.2f}",
                standing(one, dispatcher.clock(), reader()),
            ]
            for one in latest
        ],
        right=counts,
    )


def _one(ref: str | None, *, everything: bool) -> str | None:
    """The campaign that is named; None with --all. Raises UsageError unless it is one of both."""
    if everything == (ref is not None):
        raise click.UsageError("name one campaign, or give --all")
    return ref


_all_option = click.option("--all", "everything", is_flag=True, help="Every campaign, also later.")


@click.command()
@click.argument("ref", required=False)
@_all_option
@click.option("--reason", default="by hand", help="The reason, shown with the campaign.")
@account_option
def pause(ref: str | None, *, everything: bool, reason: str, account: str | None) -> None:
    """Let nothing more of campaign REF leave until it is resumed; with --all, of any campaign."""
    one = _one(ref, everything=everything)
    dispatcher = open_dispatcher(account)
    if one is None:
        flying = dispatcher.pause_all(reason=reason)
        left = f"{counted(flying, 'batch', 'batches')} in flight, which cannot be stopped"
        say(f"{dispatcher.paused_all()}; {left if flying else 'nothing is in flight'}")
        warn_if_unused(dispatcher, "what workers of another database send is not paused")
        return
    paused = dispatcher.pause(find_campaign(dispatcher, one).id, reason=reason)
    say(f"{paused.reference} is {paused.state}; {in_flight(paused)}")


@click.command()
@click.argument("ref", required=False)
@_all_option
@click.option(
    "--whatever-credit", is_flag=True, help="Resume even if the balance is too low for all of it."
)
@reason_option
@account_option
def resume(
    ref: str | None, *, everything: bool, whatever_credit: bool, reason: str, account: str | None
) -> None:
    """Let the paused campaign REF run again; with --all, end a pause of everything."""
    one = _one(ref, everything=everything)
    dispatcher = open_dispatcher(account)
    if one is None:
        ended = dispatcher.resume_all(reason=reason)
        say("it goes on" if ended else "nothing was paused by pause --all")
        return
    found = find_campaign(dispatcher, one)
    resumed = dispatcher.resume(found.id, reason=reason, check_credit=not whatever_credit)
    why = standing(resumed, dispatcher.clock())
    say(f"{resumed.reference} is {resumed.state}" + (f"; {why}" if why else ""))


@click.command()
@ref_argument
@reason_option
@account_option
@yes_option
def cancel(ref: str, *, reason: str, account: str | None, yes: bool) -> None:
    """End campaign REF for good: its pending messages never leave."""
    dispatcher = open_dispatcher(account)
    found = find_campaign(dispatcher, ref)
    held_back = counted(found.messages["pending"], "message")
    confirm(
        f"Cancel {found.reference} ({held_back} to go) for good?",
        yes=yes,
        else_="cancelling cannot be undone: confirm it by --yes",
    )
    cancelled = dispatcher.cancel(found.id, reason=reason)
    gone = counted(cancelled.messages["cancelled"], "message")
    say(f"{cancelled.reference} is {cancelled.state}, {gone} with it; {in_flight(cancelled)}")
