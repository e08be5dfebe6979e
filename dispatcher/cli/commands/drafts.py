"""``dispatcher drafts``: campaigns that are written, planned and handed in before they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dispatcher.campaigns.wording import counted, moment
from dispatcher.cli.campaign_options import CampaignArguments, campaign_options
from dispatcher.cli.confirm import confirm
from dispatcher.cli.draft_text import about, find_draft, next_step, state_of, tell_campaign
from dispatcher.cli.options import (
    json_option,
    limit_option,
    open_dispatcher,
    ref_argument,
    yes_option,
)
from dispatcher.cli.output import print_json, print_table, quote, reader, say
from dispatcher.cli.text_report import warning_lines
from dispatcher.errors import NotFound

if TYPE_CHECKING:
    from dispatcher.api.drafts import Drafts
    from dispatcher.campaigns.draft import Draft


@click.group(invoke_without_command=True)
@limit_option(most=1000, default=100)
@json_option
@click.pass_context
def drafts(context: click.Context, *, limit: int, as_json: bool) -> None:
    """List the drafts; write one, plan it, hand it in."""
    if context.invoked_subcommand is not None:
        return
    dispatcher = open_dispatcher()
    found = dispatcher.drafts.all(limit=limit)
    if as_json:
        print_json([draft.as_json() for draft in found])
        return
    if not found:
        say("there is no draft: dispatcher drafts write REF FILE writes one")
        return
    now, words = dispatcher.clock(), reader().say
    print_table(
        ["draft", "state", "rows", "euros", "written by", "changed"],
        [
            [
                draft.reference,
                words(state_of(draft)),
                f"{draft.rows:,}",
                str((draft.plan or {}).get("cost") or ""),
                ", ".join(draft.writers),
                words(moment(draft.changed_at, now)),
            ]
            for draft in found
        ],
        right=("rows", "euros"),
    )


@drafts.command()
@ref_argument
@campaign_options
@json_option
def write(ref: str, *, as_json: bool, **params: Any) -> None:
    """Write draft REF for the recipients in FILE, or in place of what it has, and plan it.

    Rejected rows are stored, too, and written to a file only where --rejects says.
    """
    from dispatcher.campaigns.draft import OPTIONS

    arguments = CampaignArguments(**params)
    dispatcher = open_dispatcher(needs_tables=False)
    service = dispatcher.drafts
    options: dict[str, Any] = {
        name: value for name, value in arguments.options.items() if name in OPTIONS
    }
    with arguments.opened(done="the draft is written", write=False, quiet=as_json) as opened:
        rows, left_out = opened
        draft = _saved(service, ref, arguments.body, options)
        source = "" if arguments.source is None else arguments.source.name
        draft = service.set_list(draft.id, rows, version=draft.version, source=source)
        for rejected in service.rejected(draft.id):
            left_out(rejected)
        draft, plan = service.plan(draft.id, version=draft.version)
    if as_json:
        print_json(draft.as_json() | left_out.as_json() | {"warnings": list(plan.warnings)})
        return
    for line in (*about(draft, dispatcher.clock()), *left_out.lines, *warning_lines(plan.warnings)):
        say(line)
    say(next_step(draft))


@drafts.command()
@ref_argument
@json_option
def show(ref: str, *, as_json: bool) -> None:
    """Show draft REF: its plan, who wrote it, and what has changed since."""
    dispatcher = open_dispatcher()
    draft = find_draft(dispatcher.drafts, ref)
    if as_json:
        print_json(draft.as_json())
        return
    quote(draft.text) if draft.text else say("no text yet")
    for line in about(draft, dispatcher.clock()):
        say(line)
    say(next_step(draft))


@drafts.command()
@ref_argument
@json_option
def plan(ref: str, *, as_json: bool) -> None:
    """Plan draft REF, and store what its approval is about."""
    dispatcher = open_dispatcher()
    service = dispatcher.drafts
    draft = find_draft(service, ref)
    draft, planned = service.plan(draft.id, version=draft.version)
    if as_json:
        print_json(draft.as_json() | {"warnings": list(planned.warnings)})
        return
    for line in (*about(draft, dispatcher.clock()), *warning_lines(planned.warnings)):
        say(line)
    say(next_step(draft))


@drafts.command("hand-in")
@ref_argument
def hand_in(ref: str) -> None:
    """Ask for the approval of draft REF by somebody who has written none of it."""
    service = open_dispatcher().drafts
    draft = find_draft(service, ref)
    say(next_step(service.hand_in(draft.id, version=draft.version)))


@drafts.command("take-back")
@ref_argument
def take_back(ref: str) -> None:
    """Take back draft REF, which was handed in."""
    service = open_dispatcher().drafts
    draft = find_draft(service, ref)
    say(next_step(service.take_back(draft.id, version=draft.version)))


@drafts.command()
@ref_argument
def submit(ref: str) -> None:
    """Submit draft REF as planned, where no approval is required."""
    service = open_dispatcher().drafts
    draft = find_draft(service, ref)
    tell_campaign(service.submit(draft.id, version=draft.version))


@drafts.command()
@ref_argument
@click.option("--reason", default="", help="The reason, for the record.")
@yes_option
def discard(ref: str, *, reason: str, yes: bool) -> None:
    """Delete draft REF and its list."""
    service = open_dispatcher().drafts
    draft = find_draft(service, ref)
    confirm(
        f"Delete draft {draft.reference} with {counted(draft.rows, 'row')}?",
        yes=yes,
        else_=f"draft {draft.reference} would be gone for good: confirm it by --yes",
    )
    service.discard(draft.id, version=draft.version, reason=reason)
    say(f"draft {draft.reference} is deleted")


def _saved(service: Drafts, ref: str, text: str, options: dict[str, Any]) -> Draft:
    """The draft with this text and these options, new or not."""
    try:
        draft = service.get(ref)
    except NotFound:
        return service.create(ref, text, **options)
    if options.get("account") is None:  # that of a draft stays
        options["account"] = draft.account or None
    return service.save(draft.id, version=draft.version, text=text, options=options)
