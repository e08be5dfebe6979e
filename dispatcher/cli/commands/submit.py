"""``dispatcher submit``: a campaign from a file."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from dispatcher.campaigns.wording import counted, standing
from dispatcher.cli.campaign_options import CampaignArguments, campaign_options
from dispatcher.cli.options import json_option, open_dispatcher
from dispatcher.cli.output import print_json, say
from dispatcher.cli.preflight import warn_if_unused
from dispatcher.cli.saved_plan import SavedPlan
from dispatcher.cli.text_report import warning_lines
from dispatcher.errors import NotFound

if TYPE_CHECKING:
    from dispatcher.api import Dispatcher
    from dispatcher.campaigns.progress import Progress
    from dispatcher.cli.rejects import LeftOut


@click.command()
@click.option("--reference", required=True, help="Your own name for the campaign; only once.")
@campaign_options
@click.option("--plan", "plan_file", metavar="FILE", help="What was approved (plan --save FILE).")
@json_option
def submit(*, reference: str, plan_file: str | None, as_json: bool, **params: Any) -> None:
    """Store a campaign for the recipients in FILE.

    FILE is CSV or XLSX, plain or gzipped; "-" is standard input. The same reference with the
    same text and recipients is the same campaign, and stored once. Unusable rows go to
    FILE.rejects.csv.
    """
    arguments = CampaignArguments(**params)
    dispatcher = open_dispatcher(needs_tables=False)
    options = arguments.options
    saved = None if plan_file is None else SavedPlan.read(plan_file)
    if saved:
        options["approved"] = saved.fingerprint
    with arguments.opened(done="the campaign is stored", write=True, quiet=as_json) as opened:
        rows, left_out = opened
        options["stored"] = rows.stored
        known = _is_known(dispatcher, reference)
        with saved.enforced() if saved else nullcontext():
            campaign = dispatcher.submit(
                reference, arguments.body, rows, reject=left_out, **options
            )
    progress = dispatcher.progress(campaign)
    if dispatcher.database.is_relative:
        warn_if_unused(
            dispatcher, "the campaign waits until dispatcher run is started in this folder"
        )
    checked = "" if known or not arguments.check_numbers else _checked(dispatcher, campaign)
    if as_json:
        print_json(
            progress.as_json()
            | left_out.as_json()
            | {
                "rejects": str(left_out.path) if left_out.count else None,
                "already_submitted": known,
                "warnings": list(campaign.warnings),
            }
            | ({"number_checks": checked} if checked else {})
        )
        return
    warnings = warning_lines(campaign.warnings)
    for line in _summary(dispatcher, progress, left_out, warnings, known=known):
        say(line)
    if checked:
        say(f"the numbers, as the gateway reads them: {checked}")


def _is_known(dispatcher: Dispatcher, reference: str) -> bool:
    try:
        dispatcher.progress(reference)
    except NotFound:
        return False
    return True


def _checked(dispatcher: Dispatcher, campaign: int) -> str:
    """What the gateway said of the numbers, as it went on record."""
    actions = dispatcher.actions(campaign).items
    return next((one.reason for one in actions if one.verb == "check numbers"), "")


def _summary(
    dispatcher: Dispatcher,
    progress: Progress,
    left_out: LeftOut,
    warnings: list[str],
    *,
    known: bool,
) -> list[str]:
    lines = [f"{progress.reference} is campaign {progress.id}"]
    if known:
        lines[0] += ", submitted before: nothing was added"
    batches = sum(progress.batches.values())
    lines.append(
        f"{counted(progress.recipients, 'recipient')} kept of {counted(progress.rows, 'row')},"
        f" {counted(progress.duplicates, 'duplicate')}, {counted(progress.unusable, 'reject')},"
        f" {counted(batches, 'batch', 'batches')}"
    )
    lines += left_out.lines
    if left_out.count:
        lines.append(f"rejected rows, with line and reason: {left_out.path}")
    lines += left_out.notes
    lines += warnings
    lines.append(standing(progress, dispatcher.clock()) or _unheld(progress))
    return lines


def _unheld(progress: Progress) -> str:
    if progress.messages["pending"]:
        return "waits for nothing: it leaves as soon as a worker sees it (dispatcher run)"
    return f"it is {progress.state}: dispatcher progress {progress.reference}"
