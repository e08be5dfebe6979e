"""A transcript: the masked steps of a script, each with the outline of its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dispatcher.errors import InvalidFile
from dispatcher.sandbox.recording.outlines import Outline
from dispatcher.sandbox.recording.script import GIVEN, Step, read_step, used

_VERSION: Final = 1
_LARGEST: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a step: HTTP status (0 for no answer), content type, outline."""

    status: int
    kind: str
    outline: Outline


@dataclass(frozen=True, slots=True)
class Transcript:
    """Masked steps, each with its answer."""

    steps: tuple[tuple[Step, Answered], ...]

    def dumps(self) -> str:
        """The text of its file."""
        steps = [_written(step, answer) for step, answer in self.steps]
        document = {"transcript": _VERSION, "steps": steps}
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def loads(cls, raw: bytes) -> Transcript:
        """A transcript from its file. Raises InvalidFile."""
        if len(raw) > _LARGEST:
            raise InvalidFile("the transcript is too large")
        try:
            document = json.loads(raw)
        except (ValueError, RecursionError):
            raise InvalidFile("the transcript is not JSON") from None
        if not isinstance(document, dict) or document.get("transcript") != _VERSION:
            raise InvalidFile(f"this is no transcript of version {_VERSION}")
        listed = document.get("steps")
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            raise InvalidFile("the transcript has no list of steps")
        known = set(GIVEN)
        steps = []
        for number, each in enumerate(listed, 1):
            try:
                step, answer = _read(each)
                used(step, known)
            except ValueError as error:
                raise InvalidFile(f"step {number} of the transcript: {error}") from None
            known |= set(step.keep)
            steps.append((step, answer))
        return cls(tuple(steps))


def _written(step: Step, answer: Answered) -> dict[str, Any]:
    written: dict[str, Any] = {"call": step.call}
    for name in ("query", "body", "keep"):
        if value := getattr(step, name):
            written[name] = value
    if step.key != "right":
        written["key"] = step.key
    answered = {"status": answer.status, "type": answer.kind, "outline": answer.outline}
    return written | {"answer": answered}


def _read(raw: Mapping[str, Any]) -> tuple[Step, Answered]:
    answer = raw.get("answer")
    step = read_step({name: value for name, value in raw.items() if name != "answer"})
    if not isinstance(answer, dict) or "outline" not in answer:
        raise ValueError("it has no answer")
    status, kind = answer.get("status"), answer.get("type")
    if isinstance(status, int) and isinstance(kind, str):
        return step, Answered(status, kind, answer["outline"])
    raise ValueError("its answer has no status or type")
