"""Compares the answers of the fake gateway with a transcript, by their shapes."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from dispatcher.sandbox.gateway.behaviour import CHOICES, Behaviour
from dispatcher.sandbox.gateway.http_server import Request
from dispatcher.sandbox.gateway.ledger import Ledger
from dispatcher.sandbox.gateway.routes import Gateway
from dispatcher.sandbox.gateway.state import State
from dispatcher.sandbox.recording import outlines
from dispatcher.sandbox.recording.recorder import WRONG_KEY, tomorrow
from dispatcher.sandbox.recording.script import Step, filled, kept_from
from dispatcher.sandbox.recording.transcript import Answered, Transcript

_KEY = "f" * 40


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the fake gateway's answer differs; ``step`` counts from 1."""

    step: int
    call: str
    where: str
    recorded: str
    fake: str

    def __str__(self) -> str:
        return (
            f"step {self.step}, {self.call}: {self.where} is {self.recorded} in the transcript,"
            f" {self.fake} in the fake gateway"
        )


def compare(transcript: Transcript, switches: Mapping[str, Any] | None = None) -> list[Difference]:
    """The differences of a fake gateway with ``switches`` from a transcript.

    Steps without a recorded answer are not compared. Raises ValueError for a wrong switch.
    """
    behaviour = Behaviour().changed(dict(switches or {}))
    with tempfile.TemporaryDirectory(prefix="comparison-") as directory:
        book = Ledger(Path(directory) / "ledger.jsonl")
        try:
            gateway = Gateway(State(_KEY, time.time, book, behaviour))
            return _compared(transcript, gateway)
        finally:
            book.close()


def closest(
    transcript: Transcript, switches: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], list[Difference]]:
    """The switches with the fewest differences, the given ones included, and those differences.

    They are found one by one: each time the one that removes most. Raises ValueError for a wrong
    switch.
    """
    found: dict[str, Any] = dict(switches or {})
    left = compare(transcript, found)
    while left:
        tried = [
            (len(compare(transcript, found | {name: value})), name, value)
            for name, values in _shape_switches().items()
            if name not in found
            for value in values
        ]
        fewest, name, value = min(tried, key=lambda each: each[0], default=(len(left), "", None))
        if fewest >= len(left):
            break
        found[name] = value
        left = compare(transcript, found)
    return found, left


def _shape_switches() -> dict[str, tuple[Any, ...]]:
    """The switches that change the shape of an answer, each with its other values."""
    standard = Behaviour()
    flags = {name: (not getattr(standard, name),) for name in _FLAGS}
    return flags | {
        name: tuple(value for value in values if value != getattr(standard, name))
        for name, values in CHOICES.items()
        if name not in _OF_BEHAVIOUR
    }


_FLAGS: Final = ("old_counters", "bulk_tells_schedule", "tag_ignores_page")
#: choices that change no shape of these answers
_OF_BEHAVIOUR: Final = frozenset({"credit_runs_out", "marketing_window", "webhook_form"})


def _compared(transcript: Transcript, gateway: Gateway) -> list[Difference]:
    kept: dict[str, Any] = {"tomorrow": tomorrow()}
    found = []
    for number, (step, recorded) in enumerate(transcript.steps, 1):
        fake = _played(gateway, step, kept, number)
        if not recorded.status:
            continue
        places = []
        if recorded.status != fake.status:
            places.append(("the HTTP status", str(recorded.status), str(fake.status)))
        if recorded.kind != fake.kind:
            places.append(("the content type", recorded.kind or "absent", fake.kind or "absent"))
        places += outlines.differences(recorded.outline, fake.outline)
        found += [Difference(number, step.call, *place) for place in places]
    return found


def _played(gateway: Gateway, step: Step, kept: dict[str, Any], number: int) -> Answered:
    key = {"right": _KEY, "wrong": WRONG_KEY, "none": ""}[step.key]
    query, body = "", b""
    if step.method == "GET":
        query = urlencode({"apiKey": key, **filled(step.query, kept)})
    else:
        body = json.dumps({"apiKey": key, **filled(step.fields, kept)}).encode()
    request = Request(step.method, f"/v1{step.path}", query, {}, body)
    answer = gateway.answer(request, number=number)
    kept_from(step, answer.document, kept)
    response = answer.response()
    kind = dict(response.headers).get("Content-Type", "")
    return Answered(response.status, kind, outlines.of_body(response.body))
