"""The faults that can be asked for, and which differences to the plan each of them explains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dispatcher.errors import InvalidCampaign
from dispatcher.rehearsal.comparison import LATE, MISSING

_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong in a rehearsal, by its name."""

    name: str
    meaning: str
    #: the kinds of differences to the plan that it explains
    explains: frozenset[str] = frozenset()
    #: switches of the fake gateway
    switches: Mapping[str, Any] = field(default_factory=dict)


_LATER, _NEVER, _EITHER = frozenset({LATE}), frozenset({MISSING}), frozenset({LATE, MISSING})

#: by name, in the order in which people read of them
FAULTS: Final[Mapping[str, Fault]] = {
    fault.name: fault
    for fault in (
        Fault(
            "no-reports",
            "no delivery report ever comes",
            switches={"share_waiting": 1.0},
        ),
        Fault(
            "undelivered",
            "one message in ten is reported as not delivered",
            switches={"share_not_delivered": _SHARE},
        ),
        Fault(
            "stops",
            "one person in ten answers STOP to the message",
            switches={"share_stop": _SHARE},
        ),
        Fault(
            "stop-list",
            "one person in ten is on the gateway's STOP list before the campaign begins",
            _NEVER,
        ),
        Fault("refusals", "the gateway refuses one number in ten", _NEVER),
        Fault(
            "unreachable",
            "the gateway cannot be reached for an hour from the first planned departure on",
            _EITHER,
        ),
        Fault(
            "busy",
            "the gateway asks to wait for ten minutes from the first planned departure on",
            _EITHER,
        ),
        Fault("slow", "each send takes 20 seconds", _EITHER),
        Fault(
            "lost-answers",
            "the gateway takes one send in ten, and its answer is lost",
            _EITHER,
        ),
        Fault(
            "lost-requests",
            "one send in ten is lost on its way, and nobody can tell",
            _EITHER,
        ),
        Fault("blocked", "the gateway blocks the account after half of the sends", _NEVER),
        Fault("no-credit", "the account can pay for half of the campaign", _NEVER),
    )
}


def chosen(names: Iterable[str]) -> tuple[Fault, ...]:
    """The faults with these names, each once. Raises InvalidCampaign for an unknown one."""
    unknown = [name for name in dict.fromkeys(names) if name not in FAULTS]
    if unknown:
        raise InvalidCampaign(f"there is no fault {unknown[0]!r}: there are {', '.join(FAULTS)}")
    return tuple(FAULTS[name] for name in dict.fromkeys(names))
