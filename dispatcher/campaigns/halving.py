"""Halving: whom the next attempt carries after a call was refused because of some number. Pure.

A refusal of a whole call that names nobody condemns nobody. The batch is asked for again in
halves, each by an attempt of its own, until the gateway takes a half, or refuses a single person.
The attempts themselves say how far this has come, so that it goes on after a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

#: outcomes of refused calls: nobody was named, some were named, all of it is refused for good
HALVED: Final = "halved"
NAMED: Final = "named"
REFUSED: Final = "refused"
_TAKEN: Final = "sent"
#: by how much the next call is smaller for each person in a row who was refused alone
_FEWER: Final = 16


@dataclass(frozen=True, slots=True)
class Carried:
    """An attempt, and whom it carried."""

    number: int
    outcome: str | None
    tag: str
    #: None for everybody in the batch
    positions: frozenset[int] | None = None
    #: the detail of its outcome
    why: str = ""


def part(waiting: Sequence[int], attempts: Iterable[Carried]) -> Sequence[int]:
    """Whom of the positions that are ``waiting`` the next attempt carries.

    After a refusal that named nobody it is half of those whom that call carried and who still
    wait: one of them is the reason. Once the reason is known it is everybody, and fewer and fewer
    while one after the other is refused alone and nobody is taken.
    """
    last: Carried | None = None
    alone = 0
    for one in sorted(attempts, key=lambda one: one.number):
        if one.outcome in (HALVED, NAMED, REFUSED):
            last = one
            alone += (
                one.outcome == REFUSED and one.positions is not None and len(one.positions) == 1
            )
        elif one.outcome == _TAKEN:
            alone = 0
    suspects = []
    if last is not None and last.outcome == HALVED:
        suspects = [p for p in waiting if last.positions is None or p in last.positions]
    if last is None or not suspects:
        return waiting[: max(len(waiting) // _FEWER ** max(alone - 1, 0), 1)]
    half = (len(suspects) + 1) // 2
    # first and second halves in turn: wherever the reason is, a half without it is soon found
    return suspects[:half] if last.number % 2 else suspects[len(suspects) - half :]


def refused_alone(attempts: Iterable[Carried], size: int) -> dict[int, str]:
    """The positions of a batch of ``size`` that a call for nobody else was refused for, and why."""
    found: dict[int, str] = {}
    for one in attempts:
        whom = range(size) if one.positions is None else one.positions
        if one.outcome == REFUSED and len(whom) == 1:
            found |= dict.fromkeys(whom, one.why)
    return found
