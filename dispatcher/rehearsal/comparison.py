"""What left, beside what the plan had said. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

#: the kinds of differences: left before or after the planned minute, never, or without a plan
EARLY: Final = "early"
LATE: Final = "late"
MISSING: Final = "missing"
EXTRA: Final = "extra"
#: instants closer than this agree
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Messages of one territory that leave together at an instant (UTC)."""

    at: datetime
    messages: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Messages of one territory that did not leave as planned.

    ``kind`` is ``early``, ``late``, ``missing`` or ``extra``. The instants (UTC, whole minutes)
    are None where nothing was planned, or nothing left. ``explained_by`` are the faults that
    explain it.
    """

    kind: str
    territory: str
    messages: int
    planned_at: datetime | None
    left_at: datetime | None
    explained_by: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values; instants in ISO 8601."""
        return {
            "kind": self.kind,
            "territory": self.territory,
            "messages": self.messages,
            "planned_at": self.planned_at and self.planned_at.isoformat(),
            "left_at": self.left_at and self.left_at.isoformat(),
            "explained_by": list(self.explained_by),
        }


Leavings = Mapping[str, Sequence[Leaving]]


def differences(planned: Leavings, left: Leavings) -> list[Difference]:
    """Where what left differs from what was planned by a minute or more, by territory.

    The first message that left is compared with the first that was planned, and so on: which
    person it was does not count.
    """
    found: list[Difference] = []
    for territory in dict.fromkeys([*planned, *left]):
        for one in _paired(territory, planned.get(territory, ()), left.get(territory, ())):
            last = found[-1] if found else None
            if last and replace(last, messages=one.messages) == one:
                found[-1] = replace(last, messages=last.messages + one.messages)
            else:
                found.append(one)
    return found


def _paired(
    territory: str, planned: Sequence[Leaving], left: Sequence[Leaving]
) -> Iterator[Difference]:
    wanted, gone = _in_order(planned), _in_order(left)
    want, went = next(wanted, None), next(gone, None)
    while want or went:
        messages = min(one.messages for one in (want, went) if one)
        if kind := _kind(want, went):
            yield Difference(kind, territory, messages, _minute(want), _minute(went))
        want, went = _rest(want, messages, wanted), _rest(went, messages, gone)


def _in_order(leavings: Sequence[Leaving]) -> Iterator[Leaving]:
    return iter(sorted((one for one in leavings if one.messages), key=lambda one: one.at))


def _rest(one: Leaving | None, messages: int, others: Iterator[Leaving]) -> Leaving | None:
    if one is None or one.messages == messages:
        return next(others, None)
    return replace(one, messages=one.messages - messages)


def _kind(want: Leaving | None, went: Leaving | None) -> str:
    """How they differ; empty if they agree to the minute."""
    if want is None:
        return EXTRA
    if went is None:
        return MISSING
    if abs(went.at - want.at) < _MINUTE:
        return ""
    return LATE if went.at > want.at else EARLY


def _minute(one: Leaving | None) -> datetime | None:
    return None if one is None else one.at.replace(second=0, microsecond=0)
