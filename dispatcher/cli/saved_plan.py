"""A plan that was saved for approval; a submission is compared with it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dispatcher.campaigns.wording import counted
from dispatcher.cli.exits import Refusal
from dispatcher.errors import InvalidFile, PlanChanged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dispatcher.campaigns.plan import Plan


#: bytes; a larger file is not a plan
_LARGEST_PLAN = 1 << 20


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a file of ``dispatcher plan --save`` says of the plan that was approved."""

    fingerprint: str
    kept: int
    segments: int | None
    cost: str | None

    @classmethod
    def read(cls, path: str) -> Self:
        """The plan in that file. Raises InvalidFile."""
        try:
            with Path(path).open("rb") as file:
                values = json.loads(file.read(_LARGEST_PLAN))
            read = cls(*(values[name] for name in ("fingerprint", "kept", "segments", "cost")))
        except OSError as error:
            raise InvalidFile(f"--plan {path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _no_plan(path) from None
        kinds = (str, int, int | None, str | None)
        whole = (read.fingerprint, read.kept, read.segments, read.cost)
        if not all(isinstance(value, kind) for value, kind in zip(whole, kinds, strict=True)):
            raise _no_plan(path)
        return read

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Add what was approved to a PlanChanged that is raised inside."""
        try:
            yield
        except PlanChanged as error:
            price = "unpriced" if self.cost is None else f"{self.cost} €"
            bill = (
                "" if self.segments is None else f", {counted(self.segments, 'segment')}, {price}"
            )
            raise PlanChanged(
                f"{error}; approved were {counted(self.kept, 'recipient')}{bill}."
                " Nothing was stored"
            ) from None


def save(plan: Plan, path: str) -> None:
    """Write a plan where only its owner reads it: it shows texts. Raises Refusal."""
    write_private(path, json.dumps(plan.as_json(), ensure_ascii=False, indent=2) + "\n")


def write_private(path: str, content: str) -> None:
    """Write a text file that only its owner may read. Raises Refusal."""
    from dispatcher.recipients.files import NewFile

    try:
        file = NewFile(path)
        file.stream.write(content.encode())
        file.close()
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}") from None


def _no_plan(path: str) -> InvalidFile:
    return InvalidFile(f"--plan {path} is not a plan; make one by dispatcher plan … --save {path}")
