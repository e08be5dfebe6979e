"""The longest texts of a campaign as they arrive, which a plan shows."""

from __future__ import annotations

from dispatcher.texts import Arrival

#: how many of them
_MOST = 3


class LongestTexts:
    """The longest of all texts that were added."""

    def __init__(self) -> None:
        self._added: list[tuple[int, int, str]] = []
        #: a text must exceed these (segments, characters with the STOP mention) to be one of them
        self.bar = (0, 0)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts as they arrive, the longest first."""
        return tuple(text for *_, text in self._added)

    def add(self, arrives: Arrival) -> None:
        """Add one text, which is shown if it is among the longest."""
        one = (arrives.measure.segments, arrives.length, arrives.text)
        if one[:2] > self.bar and one not in self._added:
            self._added.append(one)
            self._added.sort(key=lambda each: each[:2], reverse=True)
            del self._added[_MOST:]
            if len(self._added) == _MOST:
                self.bar = self._added[-1][:2]
