"""``dispatcher plan``: what submitting would do, without doing it."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from dispatcher.campaigns.wording import counted
from dispatcher.cli.campaign_options import CampaignArguments, campaign_options
from dispatcher.cli.manifest import Manifest
from dispatcher.cli.options import json_option, open_dispatcher
from dispatcher.cli.output import out, print_json, reader, say
from dispatcher.cli.plan_text import PlanText
from dispatcher.cli.rejects import spare
from dispatcher.cli.saved_plan import save, write_private
from dispatcher.cli.text_report import findings_json
from dispatcher.cli.timeline_view import drawn

if TYPE_CHECKING:
    from dispatcher.api import Dispatcher
    from dispatcher.campaigns.plan import Plan
    from dispatcher.cli.timeline import Timeline

#: days that a timeline shows: enough for the next opening, and not too many to read
_FEWEST, _MOST = 3, 14
#: a campaign that starts later is shown from its own first day on
_SOON = timedelta(days=7)


@click.command()
@campaign_options
@click.option("--svg", metavar="FILE", help="Draw when it leaves, as a picture.")
@click.option(
    "--manifest", metavar="FILE", help="Write each recipient's batch, departure and cost."
)
@click.option("--save", "saved", metavar="FILE", help="Keep the plan, for submit --plan FILE.")
@json_option
def plan(
    *, svg: str | None, manifest: str | None, saved: str | None, as_json: bool, **params: Any
) -> None:
    """Show what submitting FILE would do: who, what, when, for how much.

    Nothing is stored and nobody is asked. Rejected rows are counted, and written only where
    --rejects says.
    """
    from dispatcher.texts.lint import findings_in

    arguments = CampaignArguments(**params)
    spare(arguments.source, svg=svg, manifest=manifest, save=saved)
    dispatcher = open_dispatcher(needs_tables=False)
    with ExitStack() as stack:
        rows, left_out = stack.enter_context(
            arguments.opened(done="the plan is made", write=False, quiet=as_json)
        )
        prices = dispatcher.settings.prices
        listed = stack.enter_context(Manifest(manifest, prices)) if manifest else None
        planned = dispatcher.plan(
            arguments.body, rows, reject=left_out, each=listed, **arguments.options
        )
        if listed:
            listed.write(planned.forecast)
    line = timeline_of(dispatcher, planned, commercial=not arguments.transactional)
    if svg:
        from dispatcher.cli.timeline_svg import in_svg

        batches = counted(planned.batches, "batch", "batches")
        title = f"{counted(planned.kept, 'message')} in {batches}: when they leave"
        write_private(svg, in_svg(line, title=reader().say(title), language=reader()))
    if saved:
        save(planned, saved)
    findings = findings_in(arguments.body) if arguments.body else []
    if as_json:
        print_json(planned.as_json() | left_out.as_json() | {"advice": findings_json(findings)})
        return
    text = PlanText(planned, dispatcher, arguments)
    for sentence in text.before(left_out.notes):
        say(sentence)
    out().print(drawn(line, out()))
    for sentence in text.after(findings):
        say(sentence)
    for path, what in (
        (left_out.count and left_out.path, "rejected rows, with line and reason"),
        (manifest, "manifest"),
        (svg, "picture"),
        (saved, "plan, for submit --plan"),
    ):
        if path:
            say(f"{what}: {path}")


def timeline_of(dispatcher: Dispatcher, plan: Plan, *, commercial: bool) -> Timeline:
    """When the messages of a plan leave, in the days that show it."""
    from dispatcher.cli.timeline import PARIS, timeline

    now = dispatcher.clock()
    first = plan.forecast.starts or now
    start = first if first - now > _SOON else now
    last = plan.forecast.ends or start
    days = (PARIS.local(last).date() - PARIS.local(start).date()).days + 2
    return timeline(
        [group.territory for group in plan.groups],
        windows=dispatcher.windows if commercial else None,
        now=now,
        start=start,
        days=min(max(days, _FEWEST), _MOST),
        forecast=plan.forecast,
    )
