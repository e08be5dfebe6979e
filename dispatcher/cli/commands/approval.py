"""``dispatcher approve`` and ``refuse``: what somebody else decides about a draft."""

from __future__ import annotations

import click

from dispatcher.cli.confirm import confirm
from dispatcher.cli.draft_text import about, find_draft, tell_campaign
from dispatcher.cli.options import open_dispatcher, ref_argument, yes_option
from dispatcher.cli.output import quote, say


@click.command()
@ref_argument
@click.option("--reason", default="", help="The reason, for the record.")
@click.option("--plan", "fingerprint", metavar="FINGERPRINT", help="The plan that was read.")
@yes_option
def approve(ref: str, *, reason: str, fingerprint: str | None, yes: bool) -> None:
    """Approve draft REF, which somebody else wrote: it is submitted exactly as planned."""
    dispatcher = open_dispatcher()
    service = dispatcher.drafts
    draft = find_draft(service, ref)
    if draft.state == "handed_in":
        quote(draft.text)
        for line in about(draft, dispatcher.clock()):
            say(line)
        confirm(
            f"Approve and submit {draft.reference}?",
            yes=yes,
            else_=f"draft {draft.reference} would be submitted: confirm it by --yes",
        )
    read = fingerprint or draft.fingerprint
    tell_campaign(service.approve(draft.id, fingerprint=read, reason=reason))


@click.command()
@ref_argument
@click.option("--reason", required=True, help="The reason, for the writers and the record.")
def refuse(ref: str, *, reason: str) -> None:
    """Give draft REF, which was handed in, back to its writers."""
    service = open_dispatcher().drafts
    draft = service.refuse(find_draft(service, ref).id, reason=reason)
    say(f"draft {draft.reference} is refused: {draft.refusal}")
