"""A script of calls: a TOML file of steps. Each is one request, and may use earlier answers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final, Literal

from dispatcher.errors import InvalidFile

Key = Literal["right", "wrong", "none"]
Value = Any

_CALL: Final = re.compile(r"(GET|POST|DELETE) (/[a-z0-9/-]{1,60})")
_NAME: Final = re.compile(r"[A-Za-z_]{1,30}")
_LARGEST: Final = 256 * 1024
_MOST_STEPS: Final = 200
#: names that every script may use: ``tomorrow`` is a date in Paris, as the gateway writes it
GIVEN: Final = ("tomorrow",)

#: calls that accept sandbox=1, and get it
_TRIED_OUT: Final = frozenset({"/send", "/bulk-send", "/vn/send"})
_READ_ONLY: Final = frozenset(
    {
        "/me", "/message-status", "/multi-status", "/bulk-status", "/bulk-status-by-tag",
        "/statistics/cost-resume", "/stop-sms/list", "/lookup",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One request.

    ``keep`` maps names to fields of the answer. A text ``$name`` in ``query`` or ``body`` is
    replaced by the value that an earlier step kept. ``wait`` is seconds before the request.
    """

    call: str
    query: Mapping[str, Value] = field(default_factory=dict, repr=False)
    body: Mapping[str, Value] | None = field(default=None, repr=False)
    keep: Mapping[str, str] = field(default_factory=dict)
    key: Key = "right"
    wait: float = 0.0

    @property
    def method(self) -> str:
        """``GET``, ``POST`` or ``DELETE``."""
        return self.call.partition(" ")[0]

    @property
    def path(self) -> str:
        """The address below ``/v1``."""
        return self.call.partition(" ")[2]

    @property
    def changes(self) -> bool:
        """Whether it may cost money, text people or change the account."""
        if self.key != "right" or self.path in _READ_ONLY or self.path in _TRIED_OUT:
            return False
        # a message of the script itself, which was sent in sandbox mode
        own = str(self.query.get("messageId", "")).startswith("$")
        return not (self.path == "/message-cancel" and own)

    @property
    def fields(self) -> Mapping[str, Value]:
        """The body to send; sends get sandbox=1."""
        body = self.body or {}
        return {**body, "sandbox": 1} if self.path in _TRIED_OUT else body


def every_call() -> tuple[Step, ...]:
    """The script that comes with the product: every call that costs nothing."""
    return read_script(files(__package__).joinpath("every_call.toml").read_bytes())


def read_script(raw: bytes) -> tuple[Step, ...]:
    """The steps of a script. Raises InvalidFile, which names the step."""
    if len(raw) > _LARGEST:
        raise InvalidFile("the script is too large")
    try:
        found = tomllib.loads(raw.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise InvalidFile("the script is not TOML in UTF-8") from None
    steps = found.get("step")
    if not isinstance(steps, list) or not 0 < len(steps) <= _MOST_STEPS or len(found) > 1:
        raise InvalidFile(f"a script is 1 to {_MOST_STEPS} tables [[step]], and nothing else")
    known = set(GIVEN)
    read = []
    for number, raw_step in enumerate(steps, 1):
        try:
            step = read_step(raw_step)
            used(step, known)
        except ValueError as error:
            raise InvalidFile(f"step {number}: {error}") from None
        known |= set(step.keep)
        read.append(step)
    return tuple(read)


def read_step(raw: object) -> Step:
    """One step. Raises ValueError."""
    if not isinstance(raw, dict) or raw.keys() - {"call", "query", "body", "keep", "key", "wait"}:
        raise ValueError("a step has a call, a query or a body, keep, key and wait")
    call, keep, key = raw.get("call"), raw.get("keep", {}), raw.get("key", "right")
    query, body, wait = raw.get("query", {}), raw.get("body"), raw.get("wait", 0.0)
    if not isinstance(call, str) or not _CALL.fullmatch(call):
        raise ValueError('a call is a method and an address, such as "GET /me"')
    if not isinstance(query, dict) or not (body is None or isinstance(body, dict)):
        raise ValueError("query and body are tables")
    if "apiKey" in query or "apiKey" in (body or {}):
        raise ValueError("the key is never in a script")
    if not isinstance(keep, dict) or not all(
        _NAME.fullmatch(name) and isinstance(path, str) for name, path in keep.items()
    ):
        raise ValueError("keep is a table of names, each with the field of the answer")
    if key not in ("right", "wrong", "none"):
        raise ValueError("key is right, wrong or none")
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 <= wait <= 600:
        raise ValueError("wait is 0 to 600 seconds")
    return Step(call, query, body, keep, key, float(wait))


def used(step: Step, known: set[str]) -> None:
    """Raise ValueError for a step that uses a name that no earlier step keeps."""
    for text in _texts([step.query, step.body]):
        if text.startswith("$") and text[1:] not in known:
            raise ValueError("it uses a name that no earlier step keeps")


def _texts(value: Value) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts(each)]


def filled(value: Value, kept: Mapping[str, Value]) -> Value:
    """A query or a body with each ``$name`` replaced by its kept value, or None."""
    if isinstance(value, str):
        return kept.get(value[1:]) if value.startswith("$") else value
    if isinstance(value, Mapping):
        return {name: filled(each, kept) for name, each in value.items()}
    return [filled(each, kept) for each in value] if isinstance(value, list) else value


def kept_from(step: Step, answer: object, kept: dict[str, Value]) -> None:
    """Store in ``kept`` the values that a step keeps; a path has dots, and indexes of lists."""
    for name, path in step.keep.items():
        found = answer
        for part in path.split("."):
            if isinstance(found, dict):
                found = found.get(part)
            elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
                found = found[int(part)]
            else:
                found = None
        kept[name] = found if isinstance(found, int | str) else None
