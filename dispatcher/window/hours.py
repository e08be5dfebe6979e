"""Opening hours, as a named week from Monday to Sunday."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from types import MappingProxyType

from dispatcher.errors import ConfigurationError
from dispatcher.window.rules import HOURS

_RULE = HOURS[-1]
_DAILY = (time(8), time(20))


@dataclass(frozen=True)
class Hours:
    """The opening hours of one day, ``[opens, closes)`` on the local wall clock.

    Raises ConfigurationError unless 08:00 <= opens < closes <= 21:30, which the
    latest rule of ``rules.HOURS`` allows.
    """

    opens: time
    closes: time

    def __post_init__(self) -> None:
        zoned = self.opens.tzinfo or self.closes.tzinfo
        if zoned or not _RULE.opens <= self.opens < self.closes <= _RULE.closes:
            raise ConfigurationError(
                f"opening hours {self.opens} to {self.closes}: they must be local, in order,"
                f" and within {_RULE.opens:%H:%M} to {_RULE.closes:%H:%M} ({_RULE})"
            )


@dataclass(frozen=True)
class Profile:
    """A named week of opening hours, Monday to Sunday, ``None`` for a day that stays closed.

    ``version`` increases when the hours of a name change.
    """

    name: str
    version: int
    days: tuple[Hours | None, ...]


_STRICT = (*[Hours(time(8, 30), time(20))] * 5, Hours(time(10), time(18)), None)
#: "strict" is a choice and no rule: some operators deliver only from 08:30
PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "default": Profile("default", 1, (*[Hours(*_DAILY)] * 6, None)),
        "strict": Profile("strict", 1, _STRICT),
    }
)


def profile_of(name: str, opens: time = time(8), closes: time = time(20)) -> Profile:
    """The named profile, or these hours on Monday to Saturday. Raises ConfigurationError."""
    if name not in PROFILES:
        raise ConfigurationError(f"unknown window profile {name!r}; known: {', '.join(PROFILES)}")
    if (opens, closes) == _DAILY:
        return PROFILES[name]
    if name != "default":
        raise ConfigurationError(f"the window profile {name!r} has its own hours: set only one")
    return Profile("custom", 1, (*[Hours(opens, closes)] * 6, None))
