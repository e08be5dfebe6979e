"""``dispatcher check-numbers``: checks of a list by the gateway and the networks."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from dispatcher.campaigns.amounts import amount_of
from dispatcher.campaigns.wording import counted
from dispatcher.cli.exits import Refusal
from dispatcher.cli.options import json_option, list_options, open_dispatcher
from dispatcher.cli.output import print_json, say
from dispatcher.cli.progress_bar import with_progress_bar
from dispatcher.errors import InvalidCampaign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatcher.api.number_checks import NumberReport

_SAID = {
    "in_service": "in service",
    "out_of_service": "out of service",
    "undecided": "neither: off, barred, or a network in trouble",
    "waiting": "ordered, and without a result so far",
    "opted_out": "opted out: nobody is asked about them",
}


class Cap(click.ParamType[Decimal]):
    """An amount in euros."""

    name = "EUROS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """The amount, above nothing and finite."""
        try:
            cap = amount_of(value, decimals=4)  # a check costs half a cent
        except InvalidCampaign as error:
            self.fail(str(error), param, ctx)
        if cap is None or cap <= 0:
            self.fail("is no amount in euros; write it like 12.50", param, ctx)
        return cap


@click.command("check-numbers")
@click.argument("file")
@list_options
@click.option("--hlr", is_flag=True, help="Order checks by the networks, which cost money.")
@click.option("--max-cost", type=Cap(), help="The most that this may cost, in euros.")
@click.option("--account", metavar="NAME", help="The account that pays.")
@click.option("--again", is_flag=True, help="Order again the checks without a result.")
@json_option
def check_numbers(
    *,
    file: str,
    column: str | None,
    encoding: str | None,
    sheet: str | None,
    skip_lines: int,
    hlr: bool,
    max_cost: Decimal | None,
    account: str | None,
    again: bool,
    as_json: bool,
) -> None:
    """Tell what the gateway and the networks say of the numbers in FILE.

    Their form is asked for free. With --hlr --max-cost the networks are asked whether numbers
    are in service; the results come to the webhooks, and plan and submit heed them.
    """
    if not hlr and (max_cost is not None or again):
        raise click.UsageError("--max-cost and --again are about an order: give --hlr, too")
    from dispatcher.recipients.files import open_recipients

    checks = open_dispatcher(account, needs_tables=False).number_checks
    with (
        open_recipients(
            file, column=column, encoding=encoding, sheet=sheet, skip_lines=skip_lines, keep=()
        ) as recipients,
        with_progress_bar(recipients, file) as rows,
    ):
        report = checks.survey(rows, look_up=not hlr)
    if not as_json:
        for line in _lines(report, again=again, hlr=hlr):
            say(line)
    if not hlr:
        if as_json:
            print_json(report.as_json())
        return
    if max_cost is None:
        if as_json:
            print_json(report.as_json())
        raise Refusal("nothing was ordered: say what it may cost by --max-cost EUROS")
    ordered = checks.order(report, max_cost=max_cost, again=again)
    if as_json:
        order = asdict(ordered) | {"cost": str(ordered.cost)}
        print_json(report.as_json() | {"order": order})
    elif ordered.ordered:
        reckoned = report.price * ordered.ordered
        other = f", as the gateway says: {_euros(reckoned)} by our own count"
        price = "" if ordered.cost == reckoned else other
        say(f"{counted(ordered.ordered, 'check')} ordered for {_euros(ordered.cost)}{price}")
    if ordered.lost:
        raise Refusal(
            f"of {ordered.lost:,} nobody knows whether they were ordered, and paid:"
            f" {ordered.why}. They are not ordered again by themselves; {ordered.left:,} more"
            " were not ordered"
        )
    if ordered.left:
        raise Refusal(f"{counted(ordered.left, 'check')} not ordered: {ordered.why}")


def _lines(report: NumberReport, *, again: bool, hlr: bool) -> Iterator[str]:
    rejected = sum(report.rejected.values())
    duplicates = report.rows - report.numbers - rejected
    yield (
        f"{counted(report.numbers, 'number')} in {counted(report.rows, 'row')},"
        f" {counted(duplicates, 'duplicate')}, {counted(rejected, 'reject')}"
    )
    yield from (f"  {count:,} × {reason}" for reason, count in report.rejected.items())
    if report.lookups is not None:
        yield ""
        yield "the numbers, as the gateway reads them"
        yield from (f"  {sentence}" for sentence in report.lookups.sentences())
    yield ""
    yield "the numbers, as the networks know them"
    yield from (f"  {count:,} × {_SAID[name]}" for name, count in report.known.items())
    yield f"  {len(report.unknown):,} × not checked"
    if report.to_order(again=again):
        checks = counted(len(report.to_order(again=again)), "check")
        yield f"{checks} at {_euros(report.price)}: {_euros(report.cost(again=again))}"
    elif hlr:
        yield "nothing to order"


def _euros(amount: Decimal) -> str:
    from dispatcher.campaigns.prices import shown

    return shown(amount)
