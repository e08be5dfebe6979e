"""Departures: when the batches of a campaign leave, and how many of them too late."""

from __future__ import annotations

from decimal import Decimal

from dispatcher.api.installation import Installation
from dispatcher.api.intake import Intake
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.caps import Day, Usage, caps_of
from dispatcher.campaigns.forecast import Forecast, forecast
from dispatcher.window.slots import next_slot

#: batches a second that a forecast assumes if no rate is set: eight send loops, 1.6 s a call
_USUAL_RATE = 5.0
#: the same for a campaign that is handed over: the gateway has all of it before its hour
_AT_ONCE = 1e6


class Departures:
    """The batches of one campaign, in the order of their numbers, and their forecast."""

    def __init__(self, installation: Installation, intake: Intake) -> None:
        self._windows = installation.windows
        self._intake = intake
        #: messages of each batch, by territory
        self.sizes: dict[str, list[int]] = {}
        self._euros: dict[str, list[Decimal]] = {}
        self._numbers: dict[str, list[int]] = {}
        self._count = 0

    def add(self, batch: PlannedBatch) -> None:
        """Add the next batch; its price only if there is a daily cap in euros."""
        settings = self._intake.settings
        capped = settings.daily_euros is not None
        euros = batch.cost(settings.prices) if capped else None
        self.sizes.setdefault(batch.territory, []).append(len(batch.messages))
        self._euros.setdefault(batch.territory, []).append(euros or Decimal(0))
        self._count += 1
        self._numbers.setdefault(batch.territory, []).append(self._count)

    def forecast(self, left_today: Usage) -> Forecast:
        """When they leave, if ``left_today`` has left already on the day of the first."""
        intake, submission, start = (
            self._intake,
            self._intake.submission,
            self._intake.schedule.start,
        )
        handed_over = submission.hand_over
        return forecast(
            self.sizes,
            start=next_slot(start) if handed_over else start,
            rate=_AT_ONCE if handed_over else intake.settings.rate or _USUAL_RATE,
            windows=self._windows if submission.commercial else None,
            not_after=submission.not_after,
            day=Day(caps_of(intake.settings)[1], start, left_today),
            euros=self._euros,
            numbers=self._numbers,
            pace=intake.paced.pace if intake.paced else None,
        )
