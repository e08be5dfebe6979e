"""The manifest of a plan: each recipient's batch, when it leaves, and what it costs."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from dispatcher.cli.exits import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from dispatcher.campaigns.batch import PlannedBatch
    from dispatcher.campaigns.forecast import Forecast

_COLUMNS = ("phone", "batch", "territory", "leaves_about", "segments", "cost")


class Manifest:
    """Takes the batches of a plan as they are cut; ``write`` adds when each leaves.

    A list may be longer than the memory: recipients wait in a file without a name until the
    last of them is known, because that decides when the first ones leave.
    """

    def __init__(self, path: str, prices: Mapping[str, Decimal]) -> None:
        self.path = path
        self._prices = prices
        with self._refusing():
            self._waiting: IO[str] = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115
        self._counts: Counter[str] = Counter()
        #: by number, the territory and the place among the batches of that territory
        self._batches: list[tuple[str, int]] = []

    def __call__(self, batch: PlannedBatch, opted_out: set[str]) -> None:
        """Take the next batch. Raises Refusal."""
        self._batches.append((batch.territory, self._counts[batch.territory]))
        self._counts[batch.territory] += 1
        number = len(self._batches)
        with self._refusing():
            self._waiting.writelines(
                f"{phone} {number} {segments} {int(phone in opted_out)}\n"
                for (phone, _), segments in zip(batch.messages, batch.segments, strict=True)
            )

    def write(self, forecast: Forecast) -> None:
        """Write the file. Raises Refusal."""
        from dispatcher.campaigns.prices import euros_of
        from dispatcher.recipients.files import PrivateTable
        from dispatcher.recipients.phones import destination_of

        times = [_local(forecast, *batch) for batch in self._batches]
        with self._refusing(), PrivateTable(Path(self.path), _COLUMNS) as table:
            self._waiting.seek(0)
            for line in self._waiting:
                phone, number, segments, gone = line.split()
                at = int(number) - 1
                when = times[at]
                if gone == "1":
                    when, segments = "opted out", "0"
                euros = euros_of({destination_of(phone): int(segments)}, self._prices)
                cost = "" if euros is None else str(euros)
                if segments == "0" and gone == "0":  # a survey: nobody here knows
                    segments = cost = ""
                table.write([phone, number, self._batches[at][0], when, segments, cost])

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Refusal(
                f"the manifest cannot be written to {self.path}: {error.strerror}"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.close()


def _local(forecast: Forecast, territory: str, place: int) -> str:
    """When a batch leaves, on the clock of its territory; "expires" if it would be too late."""
    from dispatcher.window.territories import find

    at = forecast.leaves[territory][place]
    if at is None:
        return "expires"
    return find(territory).local(at).isoformat(sep=" ", timespec="minutes")
