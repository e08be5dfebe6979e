"""Counts of the outcomes of this process's calls to the gateway, since its start."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

#: connecting failed, or an earlier attempt could not be looked up: nothing was claimed
UNREACHABLE = "unreachable"
#: the outcomes of attempts (``outcome.name_of``), and that
VERDICTS = (
    "sent",
    "in_doubt",
    "refused",
    "blocked",
    "closed",
    "throttled",
    "not_sent",
    UNREACHABLE,
)
#: upper bounds (seconds) by which the lengths of calls are sorted
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts at one moment."""

    verdicts: Mapping[str, int]
    #: how many calls took at most ``BOUNDS[n]`` seconds; the last one counts all of them
    within: tuple[int, ...]
    #: how long all calls took together
    seconds: float
    #: answers to calls that do not send, without what the page of the call documents
    unusable: int = 0


class CallCounts:
    """Counts calls; safe for any number of threads."""

    def __init__(self, also: CallCounts | None = None) -> None:
        """``also`` counts the same calls."""
        self._also = also
        self._lock = threading.Lock()
        self._verdicts = Counter(dict.fromkeys(VERDICTS, 0))
        self._lengths = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0
        self._unusable = 0

    def count(self, verdict: str, seconds: float | None = None) -> None:
        """Count one verdict, and how long the call took if there was one."""
        with self._lock:
            self._verdicts[verdict] += 1
            if seconds is not None:
                self._lengths[sum(seconds > bound for bound in BOUNDS)] += 1
                self._seconds += seconds
        if self._also is not None:
            self._also.count(verdict, seconds)

    def count_unusable(self) -> None:
        """Count an answer that is none."""
        with self._lock:
            self._unusable += 1
        if self._also is not None:
            self._also.count_unusable()

    def counts(self) -> Counts:
        """The counts as they stand."""
        with self._lock:
            within = tuple(accumulate(self._lengths))
            return Counts(dict(self._verdicts), within, self._seconds, self._unusable)
