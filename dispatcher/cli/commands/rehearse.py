"""``dispatcher rehearse``: a whole campaign in seconds, beside its plan."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from dispatcher.cli.campaign_options import CampaignArguments, campaign_options
from dispatcher.cli.options import Instant, current_settings, json_option
from dispatcher.cli.output import print_json, print_table, quote, reader
from dispatcher.cli.rehearsal_text import HEADINGS, RIGHT, RehearsalText
from dispatcher.window.slots import PARIS

if TYPE_CHECKING:
    from dispatcher.recipients import Recipient

#: as of any other command that finds something wrong
_DIFFERS = 1


class ParisInstant(Instant):
    """An instant, which without a time zone is on the clock of Paris."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The aware datetime. Raises InvalidCampaign with what to write instead."""
        try:
            at = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            at = None
        if at is not None and at.utcoffset() is None:
            value = at.replace(tzinfo=PARIS).isoformat()
        return super().convert(value, param, ctx)


@click.command()
@campaign_options
@click.option(
    "--from",
    "start",
    type=ParisInstant(),
    help="When it begins, in Paris unless it says otherwise (2027-12-24T09:00); by default now.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME",
    help="Something that goes wrong, such as stops or unreachable; several may.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Chooses whom the faults meet."
)
@click.option("--opted-out", metavar="FILE", help="A list of those who have opted out before.")
@json_option
def rehearse(
    *,
    start: datetime | None,
    faults: tuple[str, ...],
    seed: int,
    opted_out: str | None,
    as_json: bool,
    **params: Any,
) -> None:
    """Send a campaign for FILE to nobody, on a clock of its own, and compare it with its plan.

    Database, gateway and clock are the rehearsal's own; hours, rates, caps and accounts are those
    of the settings. Ends with 1 if what left differs from the plan and no fault explains that.
    """
    from dispatcher.rehearsal import rehearse as rehearsed
    from dispatcher.settings.clock import shifted

    # what the steps have to say of made-up faults is in the result
    logging.getLogger("dispatcher").addHandler(logging.NullHandler())
    settings = current_settings()
    arguments = CampaignArguments(**params)
    with ExitStack() as stack:
        listed, left_out = stack.enter_context(
            arguments.opened(done="the rehearsal is over", write=False, quiet=as_json)
        )
        found = rehearsed(
            arguments.body,
            listed,
            start=start or shifted(settings.clock_offset)(),
            settings=settings,
            faults=faults,
            seed=seed,
            opted_out=_numbers(opted_out, stack),
            reject=left_out,
            **arguments.options,
        )
    if as_json:
        print_json(found.as_json() | left_out.as_json())
    else:
        text = RehearsalText(found, reader())
        for line in text.before():
            quote(line)
        print_table(HEADINGS, text.rows(), right=RIGHT)
        for line in text.after():
            quote(line)
    if not found.agrees:
        click.get_current_context().exit(_DIFFERS)


def _numbers(file: str | None, stack: ExitStack) -> list[Recipient]:
    """Those in a list of opt-outs. Raises InvalidFile."""
    if file is None:
        return []
    from dispatcher.recipients.files import open_recipients

    return list(stack.enter_context(open_recipients(file, keep=(), every_number=True)))
