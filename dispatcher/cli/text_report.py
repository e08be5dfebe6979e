"""Segments of a text and what happens to its characters, in sentences."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dispatcher.campaigns.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dispatcher.texts.lint import Finding
    from dispatcher.texts.segments import Measure

#: no segment holds more
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class TextReport:
    """A text as it arrives, with ``stop`` characters kept free for the STOP mention."""

    measured: Measure
    stop: int
    #: characters that can be added before it costs another segment
    spare: int

    def __str__(self) -> str:
        """Segments, encoding and length in one sentence."""
        stop = f" with {self.stop} for the STOP mention" if self.stop else ""
        return (
            f"{counted(self.measured.segments, 'segment')} of {self.measured.encoding}:"
            f" {counted(self.measured.units, 'character')}{stop}, {self.spare} to spare"
        )

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return self.measured._asdict() | {"stop": self.stop, "spare": self.spare}


def report_of(arrives: str, budget: int) -> TextReport:
    """The report of a text as it arrives; ``budget`` is the length of a STOP mention."""
    from dispatcher.texts import has_stop
    from dispatcher.texts.segments import measure

    stop = 0 if has_stop(arrives) else budget
    text = arrives + "x" * stop
    measured = measure(text)
    more = (measure(text + "x" * n).segments > measured.segments for n in range(1, _LONGEST + 1))
    return TextReport(measured, stop, next(n for n, dearer in enumerate(more) if dearer))


def warning_lines(warnings: Sequence[str]) -> list[str]:
    """What a person should read, under a heading; nothing if there is nothing."""
    return ["warnings", *(f"  {warning}" for warning in warnings)] if warnings else []


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding."""
    return [
        f"{each.message}" + (f" ({each.count} times)" if each.count > 1 else "")
        for each in findings
    ]


def findings_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Findings as JSON values."""
    return [asdict(each) for each in findings]
