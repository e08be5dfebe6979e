"""The ledger of the fake gateway: who was really texted what, and how many times.

A file of JSON lines, only appended to: one for each accepted send, written before the answer.
Nothing in it is merged: a number is listed as often as it was texted. The cancellation of a
message is a line of its own.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from dispatcher.recipients.files.new_file import append_to


@dataclass(frozen=True, slots=True)
class Text:
    """One SMS: the number in E.164, the text as it left, its billed segments."""

    phone: str
    text: str
    units: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted send; ``request`` is the number of its request at the gateway, from 1."""

    request: int
    at: datetime
    path: str
    sender: str
    tag: str
    message_id: int
    texts: tuple[Text, ...]
    cancelled: bool = False
    #: when it goes to the network, for a scheduled send
    leaves_at: datetime | None = None


class Ledger:
    """Writes the file, for one process."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = append_to(self.path)

    def accepted(
        self,
        lines: Sequence[tuple[str, str, int]],
        *,
        request: int,
        at: float,
        path: str,
        sender: str,
        tag: str,
        message_id: int,
        leaves_at: float | None = None,
    ) -> None:
        """Write that a send was accepted: number, text and segments of each SMS.

        ``at`` and ``leaves_at`` are epoch seconds; the latter is for a scheduled send.
        """
        scheduled = {} if leaves_at is None else {"leaves_at": _written(leaves_at)}
        self._write(
            {
                "request": request,
                "at": _written(at),
                "path": path,
                "sender": sender,
                "tag": tag,
                "message_id": message_id,
                "lines": lines,
                **scheduled,
            }
        )

    def cancelled(self, message_id: int, *, at: float) -> None:
        """Write that a scheduled message was cancelled."""
        self._write({"cancelled": message_id, "at": _written(at)})

    def sync(self) -> None:
        """Wait until every line is on the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, line: dict[str, Any]) -> None:
        left = memoryview(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        while left:
            left = left[os.write(self._file, left) :]


def entries(path: str | Path) -> list[Entry]:
    """The accepted sends of a ledger in their order; none when there is no file.

    Leaves out a last line that is still being written.
    """
    found: list[dict[str, Any]] = []
    cancelled: set[int] = set()
    for line in _lines(Path(path)):
        if "cancelled" in line:
            cancelled.add(line["cancelled"])
        else:
            found.append(line)
    return [
        Entry(
            request=line["request"],
            at=datetime.fromisoformat(line["at"]),
            path=line["path"],
            sender=line["sender"],
            tag=line["tag"],
            message_id=line["message_id"],
            texts=tuple(Text(*fields) for fields in line["lines"]),
            cancelled=line["message_id"] in cancelled,
            leaves_at=datetime.fromisoformat(line["leaves_at"]) if "leaves_at" in line else None,
        )
        for line in found
    ]


def texted(path: str | Path) -> Counter[str]:
    """How many times each number was texted; cancelled messages do not count."""
    return Counter(
        text.phone for entry in entries(path) if not entry.cancelled for text in entry.texts
    )


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open("rb") as file:
        for raw in file:
            if raw.endswith(b"\n"):
                yield json.loads(raw)
