"""The file of rejected rows, and how many there are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dispatcher.cli.exits import Refusal
from dispatcher.errors import InvalidFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatcher.recipients import Rejection
    from dispatcher.recipients.files import RecipientFile


def rejects_path(source: Path | None, value: str | None) -> Path:
    """The file of rejects: the path in ``value``, else one next to the source.

    For standard input it is ``rejects.csv``. Raises InvalidFile if it is the source itself.
    """
    if value is not None:
        spare(source, rejects=value)
        return Path(value)
    if source is None:
        return Path("rejects.csv")
    plain = source.with_suffix("") if source.suffix == ".gz" else source
    return plain.with_name(f"{plain.stem}.rejects.csv")


def spare(source: Path | None, **outputs: str | None) -> None:
    """Raise InvalidFile if an option of ``outputs`` names the file of recipients itself."""
    if source is None or not source.exists():
        return
    for option, value in outputs.items():
        if value and Path(value).exists() and Path(value).samefile(source):
            raise InvalidFile(f"--{option} {value} is the file of recipients itself")


def reason_lines(reasons: Mapping[str, int]) -> list[str]:
    """How many rows were left out for each reason, and under each code what it means."""
    from dispatcher.recipients.reasons import EXPLANATIONS

    lines = []
    for reason, count in reasons.items():
        lines.append(f"  {count:,} × {reason}")
        if reason in EXPLANATIONS:
            lines.append(f"      {EXPLANATIONS[reason]}")
    return lines


class LeftOut:
    """Takes the rejections of one submission or plan; ``reasons`` counts them.

    Without a ``path`` it does no more than that. ``done`` is what is true when the file cannot
    be completed at the end.
    """

    def __init__(self, path: Path | None, file: RecipientFile, *, done: str) -> None:
        from dispatcher.recipients.files import RejectsWriter
        from dispatcher.recipients.recipient import MOST_REJECTED

        self.path = path
        self._file = file
        self._first: list[Rejection] = []
        self._most = MOST_REJECTED
        self.reasons: Counter[str] = Counter()
        self._done = done
        self._writer = None if path is None else RejectsWriter(path, file.columns)

    @property
    def count(self) -> int:
        """How many rows were rejected."""
        return self.reasons.total()

    def as_json(self) -> dict[str, Any]:
        """How many rows were rejected for each reason, the first of them, and notes."""
        return {
            "reasons": dict(self.reasons),
            "rejected": [one.as_json() for one in self._first],
            "notes": self.notes,
        }

    @property
    def notes(self) -> list[str]:
        """Sentences about how the file was read, once it is."""
        return self._file.notes

    @property
    def lines(self) -> list[str]:
        """Lines for each reason, the most frequent first."""
        return reason_lines(dict(self.reasons.most_common()))

    def __call__(self, rejection: Rejection) -> None:
        """Write one row. Raises InvalidFile if it cannot be written."""
        try:
            if self._writer is not None:
                self._writer.write(rejection)
        except OSError as error:
            raise InvalidFile(
                f"the rejects cannot be written to {self.path}: {error.strerror};"
                " name another file by --rejects"
            ) from None
        self.reasons[rejection.reason] += 1
        if len(self._first) < self._most:
            self._first.append(rejection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
        except OSError as failure:
            if error is None:
                raise Refusal(
                    f"{self._done}, but the rejects were not written to {self.path}:"
                    f" {failure.strerror}"
                ) from None
