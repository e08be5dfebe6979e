"""A plan as text."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dispatcher.campaigns.wording import counted, moment
from dispatcher.cli.output import in_words, reader
from dispatcher.cli.rejects import reason_lines
from dispatcher.cli.text_report import finding_lines, report_of, warning_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from dispatcher.api import Dispatcher
    from dispatcher.campaigns.forecast import Departure
    from dispatcher.campaigns.plan import Group, Plan
    from dispatcher.cli.campaign_options import CampaignArguments
    from dispatcher.texts.lint import Finding


def not_texted(plan: Plan, weekly: int | None) -> Iterator[str]:
    """Who of the recipients is not texted, or not yet; ``weekly`` is the weekly cap."""
    if plan.opted_out:
        yield f"  {plan.opted_out:,} of them opted out: nothing is sent to them or paid"
    for reference, count in plan.left_out.items():
        yield f"  {count:,} of them left out because of campaign {reference!r}, as of now"
    if plan.undecided:
        says = "wait until it is certain what becomes of them in that campaign"
        yield f"  {plan.undecided:,} of them {says}"
    if plan.capped:
        says = f"will have had {counted(weekly or 0, 'message')} in 7 days"
        yield f"  {plan.capped:,} of them {says}: nothing more is sent to them"
    if plan.unreachable:
        yield f"  {plan.unreachable:,} of them unreachable, as of now: nothing is sent to them"


def pace_line(plan: Plan) -> Iterator[str]:
    """How many messages leave in an hour, if they are smoothed."""
    if plan.per_hour is not None:
        yield f"  smoothed: about {counted(plan.per_hour, 'message')} an hour"


class PlanText:
    """The sentences about one plan, before and after its timeline."""

    def __init__(self, plan: Plan, dispatcher: Dispatcher, arguments: CampaignArguments) -> None:
        self._plan = plan
        self._settings = dispatcher.settings.of_account(plan.account)
        self._windows = dispatcher.windows
        self._now = dispatcher.clock()
        self._commercial = not arguments.transactional
        self._survey = arguments.survey
        self._budget = self._settings.stop_budget if self._commercial else 0

    def before(self, notes: Sequence[str]) -> Iterator[str]:
        """Recipients, cost, texts, and when the first batches may leave.

        ``notes`` are about the file.
        """
        yield from self._people()
        yield from (f"  {note}" for note in notes)
        yield ""
        yield from self._money()
        yield ""
        yield from self._texts()
        yield ""
        yield from self._groups()
        yield ""

    def after(self, findings: Sequence[Finding]) -> Iterator[str]:
        """The forecast, warnings, and findings about the text."""
        yield ""
        yield from self._forecast()
        if self._plan.warnings:
            yield ""
            yield from warning_lines(self._plan.warnings)
        if findings:
            yield ""
            yield "the text on its way"
            yield from (f"  {line}" for line in finding_lines(findings))
        yield ""
        yield "nothing is stored: dispatcher submit does that"

    def _people(self) -> Iterator[str]:
        plan = self._plan
        rejected = sum(plan.rejected.values())
        yield (
            f"{counted(plan.kept, 'recipient')} kept of {counted(plan.rows, 'row')},"
            f" {counted(plan.duplicates, 'duplicate')}, {counted(rejected, 'reject')},"
            f" {counted(plan.batches, 'batch', 'batches')}"
        )
        if plan.account:
            yield f"  through account {plan.account}"
        yield from pace_line(plan)
        yield from not_texted(plan, self._settings.weekly_messages)
        yield from reason_lines(plan.rejected)
        if plan.lookups is not None:
            yield ""
            yield "the numbers, as the gateway reads them"
            yield from (f"  {sentence}" for sentence in plan.lookups.sentences())

    def _money(self) -> Iterator[str]:
        from dispatcher.campaigns.prices import euros_of, to_cents, unpriced

        plan = self._plan
        prices = self._settings.prices
        if plan.segments is None:
            yield "segments and cost are not known here: progress tells what the gateway charges"
            return
        missing = unpriced(plan.billed, prices)
        priced = {place: count for place, count in plan.billed.items() if place not in missing}
        rest = plan.segments - sum(priced.values())
        known = (
            f"{_euros(to_cents(euros_of(priced, prices)))} and {rest:,} segments without a price"
        )
        whole = _euros(plan.cost) if not rest or not priced else known
        yield f"{counted(plan.segments, 'segment')}, {whole}"
        widest = max(map(len, plan.billed))
        for place, count in plan.billed.items():
            cost = to_cents(euros_of({place: count}, prices))
            yield f"  {place:{widest}}  {count:>9,}  {_euros(cost):>12}"

    def _texts(self) -> Iterator[str]:
        if self._survey:
            yield f"the survey {self._survey}, as it is in the gateway's dashboard"
            return
        one = len(self._plan.longest) == 1
        yield "the longest text, as it arrives" if one else "the longest texts, as they arrive"
        for text in self._plan.longest:
            first, *rest = text.splitlines()
            yield f"  “{first}" + ("" if rest else "”")
            yield from (f"   {line}" for line in rest[:-1])
            yield from (f"   {line}”" for line in rest[-1:])
            yield f"     {report_of(text, self._budget)}"

    def _groups(self) -> Iterator[str]:
        yield "from when on, on the clock of each place"
        label = partial(reader().word, "territory")
        names = [label(_label(group.territory)) for group in self._plan.groups]
        widest = max(map(len, names))
        for name, group in zip(names, self._plan.groups, strict=True):
            yield (
                f"  {name:{widest}}  "
                + in_words(
                    f"{counted(group.batches, 'batch', 'batches')},"
                    f" {counted(group.messages, 'message')}: {self._from(group)}"
                )
            )

    def _from(self, group: Group) -> str:
        if group.opens_at <= self._now:
            return "now"
        why = f" ({group.why})" if group.why else ""
        return f"{self._local(group.opens_at, group.territory)}{why}"

    def _forecast(self) -> Iterator[str]:
        forecast = self._plan.forecast
        unset = "" if self._settings.rate else ", which is usual: no rate is set"
        if self._plan.per_hour is None:
            yield f"forecast, at {forecast.rate:g} batches a second{unset}"
        else:
            yield f"forecast, at about {counted(self._plan.per_hour, 'message')} an hour"
        for group in self._plan.groups:
            leaving = [one for one in forecast.departures if one.territory == group.territory]
            for turn, departure in enumerate(leaving):
                tail = departure is leaving[-1]
                yield f"  {_label(group.territory)}: {self._departure(departure, turn, tail=tail)}"
        if forecast.late:
            yield f"  {counted(forecast.late, 'message')} would be too late and expire"
        if forecast.ends and forecast.reported:
            yield f"  all have left about {moment(forecast.ends, self._now)} in Paris"
            yield (f"  the last report can be expected by {moment(forecast.reported, self._now)}")

    def _departure(self, departure: Departure, turn: int, *, tail: bool) -> str:
        where = departure.territory
        says = f"{departure.messages:,} leave {self._local(departure.starts, where)}"
        if turn and departure.why:
            says += f" ({departure.why})"
        if not tail and self._commercial:
            closes = self._windows.closes_at(departure.starts, where)
            says += f", before it closes {self._local(closes, where)}"
        return says

    def _local(self, at: datetime, territory: str) -> str:
        from dispatcher.window.territories import find

        return moment(at, self._now, ZoneInfo(find(territory).zone))


def _label(territory: str) -> str:
    from dispatcher.window.territories import find

    return find(territory).label


def _euros(cost: object) -> str:
    return "no price is set" if cost is None else f"{cost:,.2f} €"
