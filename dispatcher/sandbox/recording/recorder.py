"""Runs a script against a gateway, and records the outlines of its answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from dispatcher.errors import GatewayError, InvalidFile, InvalidRequest
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.transport import Answer, Transport
from dispatcher.gateway.smspartner.wire.schedule import PARIS
from dispatcher.sandbox.recording import outlines
from dispatcher.sandbox.recording.masks import Masks
from dispatcher.sandbox.recording.script import Step, filled, kept_from
from dispatcher.sandbox.recording.transcript import Answered, Transcript

#: characters; a shorter text may be a word of the transcript itself
_TELLING: Final = 12
#: has the form of a key, and belongs to nobody
WRONG_KEY: Final = "0" * 40


def check(steps: Sequence[Step], *, changes: bool) -> None:
    """Raise InvalidRequest for a script that may change something, unless ``changes`` is true."""
    for number, step in enumerate(steps, 1):
        if step.changes and not changes:
            raise InvalidRequest(
                f"step {number} ({step.call}) may cost money, text people or change the account"
            )


def record(
    steps: Sequence[Step],
    url: str,
    key: str,
    *,
    pace: float = 0.2,
    call_timeout: float = 30,
    sleep: Callable[[float], None] = time.sleep,
    on_step: Callable[[int, Step, Answered], None] = lambda *_: None,
) -> Transcript:
    """Run the steps in order, ``pace`` seconds apart, and return the transcript.

    A step without an answer is recorded as such. ``on_step`` is called after each step. Raises
    InvalidFile if the transcript would contain the key, or a number or text of the script, which
    would be a bug of ours.
    """
    ways = {
        name: Transport(url, known, call_timeout=call_timeout)
        for name, known in (("right", key), ("wrong", WRONG_KEY), ("none", ""))
    }
    kept: dict[str, Any] = {"tomorrow": tomorrow()}
    masks = Masks()
    played = []
    for number, step in enumerate(steps, 1):
        sleep(step.wait if step.wait else pace if number > 1 else 0)
        answered = _played(ways[step.key], step, kept)
        on_step(number, step, answered)
        played.append((_masked(step, masks), answered))
    transcript = Transcript(tuple(played))
    _check_secrecy(transcript.dumps(), steps, key)
    return transcript


def tomorrow() -> str:
    """Tomorrow's date in Paris, as the gateway writes it."""
    return f"{datetime.now(PARIS) + timedelta(days=1):%d/%m/%Y}"


def _played(way: Transport, step: Step, kept: dict[str, Any]) -> Answered:
    try:
        answer = _ask(way, step, kept)
    except GatewayError as error:
        return Answered(0, "", f"no answer: {error}")
    document = fields.json_object(answer.body)
    kept_from(step, document, kept)
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Answered(answer.status, kind, outlines.of_body(answer.body))


def _ask(way: Transport, step: Step, kept: Mapping[str, Any]) -> Answer:
    if step.method == "GET":
        return way.get(step.path, filled(step.query, kept))
    body = fields.encode({"apiKey": way.key, **filled(step.fields, kept)})
    return way.post(step.path, body, method=step.method)


def _masked(step: Step, masks: Masks) -> Step:
    body = None if step.body is None else masks.request(step.body)
    return replace(step, query=masks.request(step.query), body=body, wait=0.0)


def _check_secrecy(text: str, steps: Sequence[Step], key: str) -> None:
    secrets = {key, *(text for step in steps for text in _telling([step.query, step.body]))}
    if any(secret in text for secret in secrets if secret):
        raise InvalidFile("the transcript would contain personal data; it is not written")


def _telling(value: Any, name: str = "") -> list[str]:
    """The texts of a request that are personal data: real numbers, and messages."""
    if isinstance(value, Mapping):
        return [text for key, each in value.items() for text in _telling(each, key)]
    if isinstance(value, list):
        return [text for each in value for text in _telling(each, name)]
    if not isinstance(value, str):
        return []
    if name in ("message", "text") and len(value) >= _TELLING:
        return [value]
    digits = "".join(filter(str.isdigit, value))
    # numbers of the fiction block, and the landline of the masks, belong to nobody
    return [value] if len(digits) >= 9 and "63998" not in value and "199000001" not in value else []
