"""Faults: which request fails, and how.

A fault selects its requests by path and count, or by chance with a seed. Most kinds may say
whether the gateway processed the request; if so, the ledger's line is on the disk before the
fault happens.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, get_args

Kind = Literal[
    "reset_before_read",  # the head was read, the body was not; a reset
    "unread",  # the head was read, and nothing more for `seconds`; then the body, if it still comes
    "reset_after_read",  # all was read; a reset
    "close_after_read",  # all was read; an orderly end without an answer
    "hang",  # nothing for `seconds`, or until released
    "slow_head",  # one byte each `interval` seconds from the first
    "slow_body",  # the head at once, then one byte each `interval` seconds
    "truncated_head",  # the status line, then the end
    "truncated_body",  # half of the announced body, then the end
    "content_length_lie",  # fewer bytes announced than sent, then the end
    "big_body",  # `megabytes` of blanks before the answer
    "status",  # an HTTP status with a page or body of any kind
    "code",  # an error in the gateway's own words
    "corrupt",  # the true answer, corrupted by `how`
    "not_json",  # HTTP 200 and text
    "empty",  # HTTP 200 and nothing
]
#: how a true answer is corrupted; see ``corruption.py``
How = Literal[
    "no_message_id",
    "success_as_text",
    "code_as_text",
    "nan",
    "list",
    "bom",
    "latin1",
    "short_list",
    "long_list",
    "duplicates",
    "foreign_numbers",
    "national_numbers",
    "reordered",
]
#: an error's form: message, `error` list, `errors` list, `error` object, message and `errors`
Shape = Literal["A", "B", "C", "D", "E"]

#: these change a true answer, so the request must be processed
_NEED_AN_ANSWER: Final = frozenset(
    {"slow_head", "slow_body", "truncated_body", "content_length_lie", "big_body", "corrupt"}
)
_NEVER_PROCESSED: Final = frozenset({"reset_before_read"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. Raises ValueError for fields that contradict each other.

    ``path`` is a path of the gateway ("/v1/bulk-send") or "*". The fault begins with the ``nth``
    request and happens ``times`` times (None: without end), each time with ``probability``.
    ``status`` is the HTTP status of "status" (500 unless set) and of "code" (that of the
    gateway's errors unless set). With ``processed="after"`` a hang processes the request at its
    end, even if the client has gone.
    """

    kind: Kind
    path: str = "*"
    nth: int = 1
    times: int | None = 1
    probability: float = 1.0
    seed: int = 0
    processed: bool | Literal["after"] = True
    seconds: float | None = None
    interval: float = 0.4
    megabytes: int = 10
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    code: int = 500
    shape: Shape = "A"
    how: How = "no_message_id"

    def __post_init__(self) -> None:
        for name, choices in (("kind", Kind), ("how", How), ("shape", Shape)):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(f"no fault has a {name} of {getattr(self, name)!r}")
        if self.processed is False and self.kind in _NEED_AN_ANSWER:
            raise ValueError(f"{self.kind} changes a true answer: the request must be processed")
        if self.processed == "after" and self.kind != "hang":
            raise ValueError("only a hang can be processed after")
        if self.processed and self.kind in _NEVER_PROCESSED:
            object.__setattr__(self, "processed", False)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Fault:
        """The fault that a JSON object describes. Raises ValueError."""
        unknown = values.keys() - {item.name for item in fields(cls)}
        if unknown or "kind" not in values:
            raise ValueError(f"a fault has a kind, and no {', '.join(sorted(unknown))}")
        headers = values.get("headers") or ()
        pairs = headers.items() if isinstance(headers, dict) else headers
        return cls(**{**values, "headers": tuple((str(name), str(text)) for name, text in pairs)})


@dataclass(slots=True)
class _Armed:
    fault: Fault
    luck: random.Random
    requests: int = 0
    done: int = 0


@dataclass(slots=True)
class FaultScript:
    """The faults in the order of their addition; a request gets the first that fits."""

    _armed: list[_Armed] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        """Add a fault for the requests to come."""
        self._armed.append(_Armed(fault, random.Random(fault.seed)))  # noqa: S311 - repeatable

    def clear(self) -> None:
        """Remove every fault."""
        self._armed.clear()

    def release(self) -> None:
        """Remove the hangs that last until they are released."""
        self._armed = [
            armed
            for armed in self._armed
            if armed.fault.kind != "hang" or armed.fault.seconds is not None
        ]

    def pick(self, path: str) -> Fault | None:
        """Count a request that has begun, and return its fault."""
        picked: Fault | None = None
        for armed in self._armed:
            if armed.fault.path not in ("*", path):
                continue
            armed.requests += 1
            if picked is None and self._happens(armed):
                armed.done += 1
                picked = armed.fault
        return picked

    def _happens(self, armed: _Armed) -> bool:
        fault = armed.fault
        if armed.requests < fault.nth or (fault.times is not None and armed.done >= fault.times):
            return False
        return fault.probability >= 1 or armed.luck.random() < fault.probability
