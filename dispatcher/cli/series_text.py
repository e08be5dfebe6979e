"""A series as text: how it stands, what became of occurrences, and what comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dispatcher.campaigns.wording import counted, moment
from dispatcher.cli.output import say
from dispatcher.cli.plan_text import not_texted, pace_line
from dispatcher.cli.rejects import reason_lines
from dispatcher.cli.text_report import warning_lines
from dispatcher.window.slots import PARIS
from dispatcher.window.territories import find

if TYPE_CHECKING:
    from dispatcher.campaigns.plan import Plan
    from dispatcher.campaigns.recurrence import Coming
    from dispatcher.campaigns.series import Occurrence, Series


def about(series: Series, now: datetime) -> Iterator[str]:
    """How a series stands."""
    when = f", next on {moment(series.next_at, now)}" if series.next_at else ""
    yield f"series {series.name}: {series.state}{when}"
    yield f"  rule      {series.rule}, from {series.since}"
    yield f"  list      {series.source}, read {_lasting(series.lead)} before"
    expires = "never" if series.lasts is None else f"{_lasting(series.lasts)} after its hour"
    yield f"  expires   {expires}"
    yield f"  missed    {series.missed}"
    yield from _campaign_lines(series)
    yield f"  written   by {', '.join(series.writers)}"
    if approval := series.approval:
        on = moment(approval.at, now)
        yield f"  approved  by {approval.by} on {on}, up to {approval.cap} each"
    if series.problem:
        since = f" since {moment(series.problem_at, now)}" if series.problem_at else ""
        yield f"  problem   {series.problem}{since}: it is tried again by itself"


def _campaign_lines(series: Series) -> Iterator[str]:
    """What its campaigns are like."""
    said = series.options
    if series.commercial:
        yield "  kind      commercial, with a STOP mention"
    else:
        yield f"  kind      not commercial: {said.get('reason', '')}"
    if sender := said.get("sender"):
        yield f"  sender    {sender}"
    if account := series.account:
        yield f"  account   {account}"
    if tags := said.get("tags"):
        yield f"  tags      {', '.join(tags)}"
    for reference in said.get("except_campaign", ()):
        yield f"  without   the people of {reference}"
    if only := said.get("only_campaign"):
        yield f"  only      the people of {only}"
    if consent := said.get("consent"):
        yield f"  consents  {consent}"
    if territory := said.get("territory"):
        yield f"  where     {find(territory).label}"
    if per_hour := said.get("per_hour"):
        yield f"  smoothed  at most {counted(per_hour, 'message')} an hour"
    if over := said.get("over"):
        yield f"  smoothed  evenly over {_lasting(timedelta(seconds=over))} of opening hours"


def describe(series: Series, now: datetime) -> None:
    """Say how a series stands."""
    for line in about(series, now):
        say(line)


def tell(series: Series, now: datetime) -> None:
    """Say in one line how a series stands now."""
    when = f", next on {moment(series.next_at, now)}" if series.next_at else ""
    say(f"series {series.name} is {series.state}{when}")


def past_lines(past: Iterable[Occurrence]) -> Iterator[str]:
    """What became of occurrences."""
    title = "what became of the last ones"
    for one in past:
        if title:
            yield title
            title = ""
        yield f"  {_local(one.at)}  {_end_of(one)}"


def coming_lines(coming: Iterable[Coming]) -> Iterator[str]:
    """The occurrences to come, with closed days."""
    title = "what comes"
    for one in coming:
        if title:
            yield title
            title = ""
        yield f"  {_local(one.at)}" + (f"  closed: {one.closed}" if one.closed else "")


def plan_lines(plan: Plan, now: datetime, weekly: int | None) -> Iterator[str]:
    """What an occurrence would do; ``weekly`` is the weekly cap."""
    yield (
        f"{counted(plan.kept, 'recipient')} kept of {counted(plan.rows, 'row')},"
        f" {counted(plan.duplicates, 'duplicate')}, {counted(plan.batches, 'batch', 'batches')}"
    )
    yield from pace_line(plan)
    yield from reason_lines(plan.rejected)
    yield from not_texted(plan, weekly)
    cost = "no price is set" if plan.cost is None else f"{plan.cost:,.2f} €"
    yield "" if plan.segments is None else f"{counted(plan.segments, 'segment')}, {cost}"
    for group in plan.groups:
        why = f" ({group.why})" if group.why else ""
        many = counted(group.messages, "message")
        yield f"  {group.territory}: {many} from {moment(group.opens_at, now)} on{why}"
    yield from warning_lines(plan.warnings)
    yield "nothing is stored"


def _end_of(one: Occurrence) -> str:
    late = " (late)" if one.late and one.campaign is not None else ""
    match one.state.value, one.campaign:
        case "skipped", _:
            return f"skipped: {one.reason}"
        case "handed_in", None:
            why = f" ({one.reason})" if one.reason else ""
            return f"draft {one.reference} was handed in: somebody else decides{why}"
        case _:
            return f"campaign {one.campaign}, {one.reference}{late}"


def _local(at: datetime) -> str:
    return f"{at.astimezone(PARIS):%a %Y-%m-%d %H:%M}"


def _lasting(duration: timedelta) -> str:
    minutes = round(duration.total_seconds()) // 60
    if minutes % 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours // 24} d" if hours and hours % 24 == 0 else f"{hours} h"
