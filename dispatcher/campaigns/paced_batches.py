"""The batches of a smoothed campaign: who is in which, and when each may first leave. Pure.

The people are put in the order of a hash of their numbers, and cut into batches of about five
minutes. Each batch has an instant of its own, and the next one comes once the share of the hour
that it takes has passed. Whoever plans again finds the same people in the same order.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from dispatcher.campaigns.batch import PlannedBatch, unpacked
from dispatcher.campaigns.forecast import forecast
from dispatcher.campaigns.smoothing import Smoothing, an_hour
from dispatcher.window import Hold, Windows

#: what a batch waits for that nothing holds but its own instant
WHY: Final = "smoothed"
#: in so many parts a list is unpacked and sorted
_PARTS: Final = 32
#: a message: its batch, and its position there
_Message = tuple[PlannedBatch, int]
#: the fastest that a forecast may walk, in batches a second
_AT_ONCE: Final = 1e6


@dataclass(frozen=True)
class PacedHold(Hold):
    """The instant of a smoothed batch, and what its window alone would hold it for."""

    window: Hold


def place_of(phone: str) -> bytes:
    """What orders the people of a smoothed campaign: a hash of the number (E.164)."""
    return blake2b(phone.encode(), digest_size=8).digest()


class Ordered:
    """The messages of a campaign in the order of their places, once all of them are read.

    They wait packed, in parts by the first bits of their places, and one part after the other is
    unpacked: a list may have a million people.
    """

    def __init__(self, batches: Iterable[PlannedBatch]) -> None:
        #: how many messages there are
        self.kept = 0
        self._parts: list[list[bytes]] = [[] for _ in range(_PARTS)]
        for batch in batches:
            self.kept += len(batch.messages)
            shares: dict[int, list[_Message]] = defaultdict(list)
            for position, (phone, _) in enumerate(batch.messages):
                shares[place_of(phone)[0] * _PARTS >> 8].append((batch, position))
            for part, some in shares.items():
                self._parts[part].append(_picked(some).packed)

    def cut(self, size: int) -> Iterator[PlannedBatch]:
        """Batches of at most ``size``. They can be cut once."""
        # a call says for all of its texts whether they are Unicode and get the STOP mention
        filling: dict[tuple[str, int], list[_Message]] = defaultdict(list)
        for part in self._parts:
            shares = [unpacked(packed) for packed in part]
            part.clear()
            order = sorted(
                (place_of(phone), number, position)
                for number, share in enumerate(shares)
                for position, (phone, _) in enumerate(share.messages)
            )
            for _, number, position in order:
                share = shares[number]
                some = filling[share.territory, share.kind]
                some.append((share, position))
                if len(some) == size:
                    yield _picked(filling.pop((share.territory, share.kind)))
        # in the order of who is first in each
        for some in filling.values():
            yield _picked(some)


def _picked(some: Sequence[_Message]) -> PlannedBatch:
    first = some[0][0]
    keys = tuple(batch.keys[at] if batch.keys else None for batch, at in some)
    return PlannedBatch(
        first.territory,
        tuple(batch.messages[at] for batch, at in some),
        tuple(batch.segments[at] for batch, at in some),
        keys if any(keys) else (),
        tuple(batch.consents[at] for batch, at in some if batch.consents),
        tuple(batch.rows[at] for batch, at in some if batch.rows),
        first.kind,
    )


def holds(
    batches: Iterable[tuple[str, int]],
    *,
    start: datetime,
    pace: float,
    windows: Windows | None,
    first: Callable[[str], Hold],
) -> list[PacedHold]:
    """The instants of batches, which are (territory, messages), in the order of the batches.

    ``first`` says what the window of a territory holds its first batch for. ``windows`` is None
    for messages that may leave at any hour.
    """
    sizes: dict[str, list[int]] = defaultdict(list)
    numbers: dict[str, list[int]] = defaultdict(list)
    order = []
    for number, (territory, messages) in enumerate(batches):
        order.append((territory, len(sizes[territory])))
        sizes[territory].append(messages)
        numbers[territory].append(number)
    found = forecast(sizes, start=start, rate=_AT_ONCE, windows=windows, numbers=numbers, pace=pace)
    held = []
    for territory, place in order:
        at = found.leaves[territory][place]
        window = first(territory)
        why = found.whys[territory][place] or WHY
        held.append(
            PacedHold(at or window.until, window.why if at == window.until else why, window)
        )
    return held


class PacedBatches:
    """The batches of one smoothed campaign. ``pace`` is in messages an hour, once they are cut."""

    def __init__(self, smoothing: Smoothing, call_size: int) -> None:
        """``call_size`` is the most recipients of one call."""
        self._smoothing, self._call_size = smoothing, call_size
        self._sizes: list[tuple[str, int]] = []
        self._holds: list[PacedHold] = []
        self.pace = 0.0

    @property
    def per_hour(self) -> int | None:
        """About how many messages leave in an hour, for people."""
        return an_hour(self._smoothing.per_hour, self.pace)

    def cut(self, batches: Iterable[PlannedBatch]) -> Iterator[PlannedBatch]:
        """The same messages, each at its place, once all are read. Raises InvalidCampaign."""
        ordered = Ordered(batches)
        if kept := ordered.kept:
            self._smoothing.check(kept)
            self.pace = self._smoothing.pace(kept)
            found: deque[bytes] = deque()
            for batch in ordered.cut(self._smoothing.size(kept, self._call_size)):
                self._sizes.append((batch.territory, len(batch.messages)))
                found.append(batch.packed)
            while found:
                yield unpacked(found.popleft())

    def scheduled(
        self,
        batches: Iterable[PlannedBatch],
        *,
        start: datetime,
        windows: Windows | None,
        first: Callable[[str], Hold],
    ) -> Iterator[tuple[PlannedBatch, Hold]]:
        """The batches, from the first one on, each with its instant, as in ``holds``."""
        for number, batch in enumerate(batches):
            if not self._holds:  # all are cut once the first one comes
                self._holds = holds(
                    self._sizes, start=start, pace=self.pace, windows=windows, first=first
                )
            yield batch, self._holds[number]


def open_time(windows: Windows, territory: str, start: datetime, end: datetime) -> timedelta:
    """For how long messages may leave between two instants. Raises NeverOpen."""
    total, at = timedelta(0), start
    while at < end:
        hold = windows.hold(at, territory)
        at = at if hold is None else hold.until
        if at < end:
            closes = windows.closes_at(at, territory)
            total += min(closes, end) - at
            at = closes
    return total
