"""The stage of a rehearsal: an installation of its own, with the settings of the real one."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Unpack

from dispatcher.api import Dispatcher
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.consent import ASK
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.states import CampaignState
from dispatcher.campaigns.submission import Options, RecipientInput
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.steps import Steps
from dispatcher.errors import InvalidCampaign
from dispatcher.gateway import Gateway
from dispatcher.recipients import Rejection
from dispatcher.rehearsal.clock import DrivenClock, Pace
from dispatcher.rehearsal.comparison import Leaving, differences
from dispatcher.rehearsal.driver import Driver
from dispatcher.rehearsal.faults import Fault, chosen
from dispatcher.rehearsal.gateway import FakePartner, Trouble, tenth
from dispatcher.rehearsal.own_settings import own_settings
from dispatcher.rehearsal.rehearsal import Rehearsal, days_of, explained
from dispatcher.sandbox.gateway import ledger
from dispatcher.settings import Settings
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage.engines import wait_for_no_disk

_REFERENCE: Final = "rehearsal"
_YEARS: Final = range(2000, 2101)
#: after the last report can come, what is still looked up does not change any more
_AFTERWARDS: Final = timedelta(days=1)


def rehearse(
    text: str,
    recipients: Iterable[RecipientInput],
    *,
    start: datetime,
    settings: Settings | None = None,
    faults: Iterable[str] = (),
    seed: int = 0,
    opted_out: Iterable[RecipientInput] = (),
    reject: Callable[[Rejection], None] | None = None,
    **options: Unpack[Options],
) -> Rehearsal:
    """Plan and send a campaign as if it were ``start`` (aware), and compare both.

    The steps are those of workers; database, gateway and clock are its own, and nothing is
    connected to. ``settings`` are those of the installation, by default from the environment:
    their hours, rates, caps and accounts count, and none of their secrets is used. ``faults`` are
    names of ``rehearsal.FAULTS``, ``seed`` chooses the people whom they meet, and ``opted_out``
    are numbers that have opted out before. The other arguments are those of ``Dispatcher.plan``.

    Raises InvalidCampaign, and UnusableInput as ``Dispatcher.plan`` does.
    """
    if start.utcoffset() is None:
        raise InvalidCampaign(f"the start {start.isoformat()} has no time zone")
    if start.year not in _YEARS:
        raise InvalidCampaign(f"the start is not in the years {_YEARS[0]} to {_YEARS[-1]}")
    if options.get("except_campaign") or options.get("only_campaign"):
        raise InvalidCampaign(
            "a rehearsal knows no other campaign: rehearse without except_campaign and"
            " only_campaign, with those who are left"
        )
    troubles = chosen(faults)
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        given = settings or Settings.from_env()
        stage = _Stage(Path(folder), given, start, troubles, seed)
        try:
            if listed := list(opted_out):
                stage.dispatcher.opt_outs.add_all(listed)
            return stage.play(text, list(recipients), reject, options)
        finally:
            stage.close()


class _Stage:
    """One rehearsal, before it is played."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        start: datetime,
        faults: Sequence[Fault],
        seed: int,
    ) -> None:
        self._faults, self._seed = faults, seed
        self._names = {fault.name for fault in faults}
        self._clock = DrivenClock(start)
        self._start = self._clock()
        self._settings = own_settings(settings, folder)
        self._accounts = (DEFAULT, *settings.accounts)
        self._ledger = folder / "ledger.jsonl"
        switches = {"seed": f"{seed} ", "delivery_seconds": (2.0, 20.0)}
        for fault in faults:
            switches |= fault.switches
        self._partner = FakePartner(self._ledger, self._clock, self._accounts, switches)
        # the plan asks no gateway that fails
        calm = Trouble((), self._clock, None, 0)
        self.dispatcher = Dispatcher(
            self._settings,
            clock=self._clock,
            gateways={name: self._partner.client(name, calm) for name in self._accounts},
        )
        wait_for_no_disk(self.dispatcher.database.engine)

    def close(self) -> None:
        """Close database and ledger."""
        self.dispatcher.database.close()
        self._partner.ledger.close()

    def play(
        self,
        text: str,
        recipients: Sequence[RecipientInput],
        reject: Callable[[Rejection], None] | None,
        options: Options,
    ) -> Rehearsal:
        """Plan, submit, and send to the end."""
        planned = _Planned()
        plan = self.dispatcher.plan(text, recipients, reject=reject, each=planned.add, **options)
        self._prepare(plan, list(planned.territories))
        refused = self._opted_out
        campaign = self.dispatcher.submit(_REFERENCE, text, recipients, **options)
        Driver(self._steps(plan), self.dispatcher.database, self._clock).run(self._until(plan))
        wanted = planned.leavings(plan)
        gone, twice = self._left(planned.territories)
        progress = self.dispatcher.progress(campaign)
        ended = progress.state == CampaignState.FINISHED
        causes = () if ended else self.dispatcher.causes(campaign)
        return Rehearsal(
            plan=plan,
            progress=progress,
            started_at=self._start,
            ended_at=self._clock(),
            days=days_of(wanted, gone),
            differences=explained(differences(wanted, gone), self._faults),
            twice=twice,
            stops=self._opted_out - refused,
            why=tuple(cause.says for cause in causes),
            faults=tuple(self._faults),
            seed=self._seed,
            assumed=self._assumed(plan, options),
        )

    @property
    def _opted_out(self) -> int:
        """How many people have opted out."""
        return self.dispatcher.opt_outs.page(limit=1).total

    def _prepare(self, plan: Plan, phones: list[str]) -> None:
        """Set the gateway up for the faults that concern people or money."""
        if "stop-list" in self._names:
            self._partner.stop(plan.account, tenth(phones, self._seed, "stop-list"))
        if "refusals" in self._names:
            self._partner.refuse(tenth(phones, self._seed, "refusals"))
        if "no-credit" in self._names:
            self._partner.pay_for(plan.account, (plan.segments or plan.kept) // 2)

    def _steps(self, plan: Plan) -> Steps:
        """The steps of every account, paced as the plan assumes."""
        trouble = Trouble(self._names, self._clock, plan.forecast.starts, plan.batches)
        return Steps(*(self._context(name, plan, trouble) for name in self._accounts))

    def _context(self, account: str, plan: Plan, trouble: Trouble) -> Context:
        gateway: Gateway = self._partner.client(account, trouble)
        return Context(
            settings=self._settings.of_account(account),
            database=self.dispatcher.database,
            gateway=gateway,
            windows=self.dispatcher.windows,
            clock=self._clock,
            rate_limit=Pace(self._clock, plan.forecast.rate),
            account=account,
            steady=self._clock.steady,
            sleep=self._clock.forward,
            choose=_in_order,
        )

    def _until(self, plan: Plan) -> datetime:
        reports = timedelta(seconds=self._settings.reports_within)
        return (plan.finishes_about or self._clock()) + reports + _AFTERWARDS

    def _left(self, territories: Mapping[str, str]) -> tuple[dict[str, list[Leaving]], int]:
        """By territory what the gateway's ledger says, and how many people are in it twice."""
        left: dict[str, list[Leaving]] = defaultdict(list)
        for entry in ledger.entries(self._ledger):
            if not entry.cancelled:
                counts = Counter(territories[one.phone] for one in entry.texts)
                for territory, messages in counts.items():
                    left[territory].append(Leaving(entry.leaves_at or entry.at, messages))
        texted = ledger.texted(self._ledger)
        return left, sum(count > 1 for count in texted.values())

    def _assumed(self, plan: Plan, options: Options) -> tuple[str, ...]:
        found = []
        by_itself = options.get("hand_over") or plan.per_hour is not None
        if self._settings.of_account(plan.account).rate is None and not by_itself:
            found.append(
                f"no rate is set: {plan.forecast.rate:g} batches leave in a second, as the plan"
                " assumes"
            )
        if options.get("consent") == ASK:
            found.append("everybody consents: the application is not asked")
        return tuple(found)


class _Planned:
    """What a plan wants to leave: the people of each batch."""

    def __init__(self) -> None:
        #: number (E.164) -> its territory
        self.territories: dict[str, str] = {}
        #: by territory, how many people each of its batches texts
        self._sizes: dict[str, list[int]] = defaultdict(list)

    def add(self, batch: PlannedBatch, opted_out: set[str]) -> None:
        """Take the next batch of the plan."""
        phones = [phone for phone, _ in batch.messages]
        self.territories.update(dict.fromkeys(phones, batch.territory))
        self._sizes[batch.territory].append(sum(phone not in opted_out for phone in phones))

    def leavings(self, plan: Plan) -> dict[str, list[Leaving]]:
        """By territory, when how many people are to be texted."""
        return {
            territory: [
                Leaving(at, size)
                for at, size in zip(plan.forecast.leaves[territory], sizes, strict=True)
                if at is not None
            ]
            for territory, sizes in self._sizes.items()
        }


def _in_order(batches: Sequence[int], most: int) -> list[int]:
    """The first ones; a send loop takes them from the end."""
    return list(reversed(batches[:most]))
