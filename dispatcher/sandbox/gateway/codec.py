"""JSON as the fake gateway reads and writes it, with orjson when it is installed."""

from __future__ import annotations

import importlib
import json
from typing import Any


def _load_orjson() -> Any:
    try:
        return importlib.import_module("orjson")
    except ImportError:
        return None


_orjson = _load_orjson()


def loads(body: bytes) -> Any:
    """The value of a JSON text in UTF-8; raises ``ValueError``."""
    return _orjson.loads(body) if _orjson else json.loads(body.decode("utf-8"))


def dumps(value: Any) -> bytes:
    r"""The JSON text of a value, in ASCII with ``\uXXXX`` escapes, as PHP writes it."""
    if _orjson:
        quick: bytes = _orjson.dumps(value)
        if quick.isascii():
            return quick
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def lines(value: Any) -> bytes:
    """The JSON text of a value in UTF-8, ended by a newline."""
    if _orjson:
        quick: bytes = _orjson.dumps(value)
        return quick + b"\n"
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
