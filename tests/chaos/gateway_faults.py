"""The faults of the gateway, each with its share of the requests."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, get_args

from dispatcher.sandbox.gateway.faults import How
from dispatcher.sandbox.process import Sandbox

#: how long a message does not show under its tag (seconds), usually and for a while
TAG_LAG, LATE_TAG_LAG = 1.5, 4.0
#: how long after its client has gone the gateway may take a request (seconds)
LATEST = 5.0

#: a success that names nothing, as on every path in July 2026
GENERIC = '{"success": true, "code": 200, "message": "Request queued for processing"}'

#: (percent of the sends, kind, the rest)
_SENDS: list[tuple[float, str, dict[str, Any]]] = [
    # taken, without a good answer
    (1.5, "reset_after_read", {}),
    (1.5, "close_after_read", {}),
    (1.0, "hang", {"seconds": LATEST}),
    (1.0, "hang", {"seconds": LATEST, "processed": "after"}),
    (1.0, "slow_head", {}),
    (1.0, "slow_body", {}),
    (1.0, "truncated_head", {}),
    (1.0, "truncated_body", {}),
    (0.5, "content_length_lie", {}),
    (0.5, "big_body", {"megabytes": 5}),
    (1.0, "not_json", {}),
    (1.0, "not_json", {"body": GENERIC}),
    (1.0, "empty", {}),
    # the rest of the body comes after the client has gone, or never
    (1.5, "unread", {"seconds": LATEST}),
    (1.0, "status", {"status": 500}),
    (1.0, "status", {"status": 502}),
    (1.0, "status", {"status": 504}),
    (0.5, "status", {"status": 307, "headers": {"Location": "http://127.0.0.1:9/"}}),
    (1.0, "status", {"status": 429}),
    # longer than the lag of tags: after a shorter wait a lookup would not find the batch
    (1.0, "status", {"status": 429, "headers": {"Retry-After": "6"}}),
    (0.5, "code", {"code": 500}),
    *((0.4, "corrupt", {"how": how}) for how in get_args(How)),
    # taken, with a good answer that comes late
    (2.0, "unread", {"seconds": 1}),
    (15.0, "hang", {"seconds": 0.7}),
    (15.0, "hang", {"seconds": 0.7, "processed": "after"}),
    (3.0, "hang", {"seconds": 2, "processed": "after"}),
    # not taken
    (2.0, "reset_before_read", {}),
    (1.0, "reset_after_read", {"processed": False}),
    (1.0, "close_after_read", {"processed": False}),
    (0.5, "hang", {"seconds": LATEST, "processed": False}),
    (1.0, "not_json", {"processed": False}),
    (1.0, "not_json", {"body": GENERIC, "processed": False}),
    (0.7, "status", {"status": 500, "processed": False}),
    (0.7, "status", {"status": 502, "processed": False}),
    (0.7, "status", {"status": 504, "processed": False}),
    (1.0, "status", {"status": 429, "processed": False}),
    (1.0, "status", {"status": 429, "processed": False, "headers": {"Retry-After": "1"}}),
    (1.0, "code", {"code": 500, "processed": False}),
    # refused with a code of the gateway
    (1.5, "code", {"code": 11, "processed": False, "shape": "D"}),
    (0.7, "code", {"code": 20, "processed": False}),
    (1.0, "code", {"code": 22, "processed": False}),
    (0.7, "code", {"code": 9, "processed": False, "shape": "C"}),
    (0.5, "code", {"code": 777, "processed": False}),
]
#: (percent of the questions, kind, the rest)
_QUESTIONS: list[tuple[float, str, dict[str, Any]]] = [
    (2.0, "status", {"status": 500}),
    (1.0, "status", {"status": 429}),
    (2.0, "reset_after_read", {}),
    (1.0, "hang", {"seconds": 4}),
    (1.0, "truncated_head", {}),
    (1.0, "truncated_body", {}),
    (1.0, "not_json", {}),
    (1.0, "empty", {}),
    (1.0, "code", {"code": 500}),
    (1.0, "not_json", {"body": GENERIC, "processed": False}),
    *((0.5, "corrupt", {"how": how}) for how in get_args(How)),
]
#: the same, of questions by tag: it is late, shows a part, or shows others
_TAGS: list[tuple[float, str, dict[str, Any]]] = [
    (3.0, "code", {"code": 4, "processed": False}),
    (3.0, "corrupt", {"how": "short_list"}),
    (3.0, "corrupt", {"how": "foreign_numbers"}),
    *_QUESTIONS,
]
PATHS = {
    "/v1/bulk-send": _SENDS,
    "/v1/vn/send": _SENDS,
    "/v1/bulk-status-by-tag": _TAGS,
    "/v1/multi-status": _QUESTIONS,
    "/v1/message-cancel": _QUESTIONS,
}


def switches(stops: list[str]) -> dict[str, Any]:
    """The gateway's behaviour; the people of ``stops`` answer STOP to their first text."""
    return {
        "tag_lag_seconds": TAG_LAG,
        # what the gateway does not read stays with the sender
        "receive_buffer": 4096,
        "share_not_delivered": 0.03,
        "share_ko": 0.01,
        "share_waiting": 0.005,
        "share_stop": 0.001,
        "answers_stop": stops,
        "reorder_lines": True,
    }


def all_faults(rng: random.Random) -> Iterator[dict[str, Any]]:
    """Every fault as arguments of ``Sandbox.fault``, each with a seed of its own."""
    for path, faults in PATHS.items():
        for percent, kind, parts in faults:
            seed = rng.randrange(2**32)
            yield {
                "kind": kind,
                "path": path,
                "probability": percent / 100,
                "times": None,
                "seed": seed,
                **parts,
            }


def inject(gateway: Sandbox, rng: random.Random) -> None:
    """Have the gateway fail from now on."""
    for fault in all_faults(rng):
        gateway.fault(**fault)
