"""JSON as the fake gateway writes it."""

from __future__ import annotations

import json
from typing import Any

import orjson


def dumps(value: Any) -> bytes:
    r"""The JSON text of a value, in ASCII with ``\uXXXX`` escapes, as PHP writes it."""
    quick = orjson.dumps(value)
    return quick if quick.isascii() else json.dumps(value, separators=(",", ":")).encode()
