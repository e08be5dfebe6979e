"""The log of our own processes: one line an event, as text or JSON, without secrets and numbers.

A web app that uses the library keeps its own logging.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from pydantic import SecretStr

from dispatcher.masking import masked
from dispatcher.settings.redaction import redactor
from dispatcher.settings.settings import Settings
from dispatcher.settings.visible import visible_json, visible_line

#: variables of other programs that hold a secret
_OTHERS = ("FLOWER_COOKIE_SECRET", "FLOWER_OAUTH2_SECRET", "PGPASSWORD")
#: a number below this is an id or a count, not a phone number
_SMALL = 10**8


def event(log: logging.Logger, level: int, name: str, **facts: Any) -> None:
    """Log that something happened: ``name key=value …``, and the same facts as JSON fields.

    Facts that are None are left out, and numbers in them are masked: the handlers may be an app's.
    """
    if not log.isEnabledFor(level):
        return
    facts = {
        key: masked(value) if isinstance(value, str) else value
        for key, value in facts.items()
        if value is not None
    }
    words = [name, *(f"{key}={_plain(value)}" for key, value in facts.items())]
    log.log(level, "%s", " ".join(words), extra={"event": name, "facts": facts}, stacklevel=2)


def harden(handlers: Iterable[logging.Handler], settings: Settings) -> None:
    """Let ``handlers`` write in the format of ``settings``, without keys, passwords or numbers."""
    redact = redactor(secrets_of(settings))
    for handler in handlers:
        if isinstance(handler.formatter, _Redacting | _Json):
            continue
        handler.setFormatter(
            _Json(redact)
            if settings.log_format == "json"
            else _Redacting(handler.formatter or logging.Formatter(), redact)
        )


def scrubber(settings: Settings) -> Callable[[Any], Any]:
    """A function that redacts every text within mappings and sequences.

    For reports of errors and traces to others: Sentry's ``before_send``, attributes of a span.
    """
    redact = redactor(secrets_of(settings))

    def scrub(value: Any) -> Any:
        if isinstance(value, str):
            return redact(value)
        if isinstance(value, Mapping):
            return {scrub(key): scrub(each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [scrub(each) for each in value]
        return redact(repr(value)) if isinstance(value, bytes) else value

    return scrub


def secrets_of(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Every secret of the settings, the passwords of their URLs, and those of Flower."""
    values = [
        value
        for own in (settings, *settings.accounts.values())
        for value in vars(own).values()
        if isinstance(value, SecretStr)
    ]
    for value in values:
        plain = value.get_secret_value()
        if "://" in plain:
            yield from _passwords(plain)
        else:
            yield from plain.splitlines()  # a ring of keys has one a line
    yield from (environ[name] for name in _OTHERS if environ.get(name))
    for pair in environ.get("FLOWER_BASIC_AUTH", "").split(","):
        yield pair.partition(":")[2]


def _passwords(urls: str) -> Iterator[str]:
    """What stands before the last @ of each URL, and in a parameter for a password."""
    for url in urls.split(";"):
        _, _, rest = url.partition("://")
        password = rest.rpartition("@")[0].partition(":")[2]
        query = parse_qsl(url.partition("?")[2])
        found = [password, *(value for name, value in query if "password" in name)]
        yield from (spelt for each in found if each for spelt in (each, unquote(each)))


def json_line(name: str, text: str) -> str:
    """A line of the process ``name`` as a JSON object, unless it is one already."""
    if text.startswith("{"):
        return text
    line = {"time": _iso(datetime.now(UTC)), "level": "info", "logger": name, "message": text}
    return visible_json(json.dumps(line, ensure_ascii=False))


class _Redacting(logging.Formatter):
    """The lines of another formatter, redacted: message, arguments and traceback."""

    def __init__(self, inner: logging.Formatter, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._inner = inner
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """The line of ``record``."""
        return visible_line(self._redact(self._inner.format(record)))


class _Json(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, process, thread, message, facts."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """The line of ``record``."""
        facts: Mapping[str, Any] = getattr(record, "facts", {})
        line = {
            "time": _iso(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "thread": record.threadName,
            "event": getattr(record, "event", None),
            "message": record.getMessage(),
            **facts,
            "exception": self.formatException(record.exc_info) if record.exc_info else None,
            "stack": self.formatStack(record.stack_info) if record.stack_info else None,
        }
        safe = {key: self._safe(value) for key, value in line.items() if value is not None}
        return visible_json(json.dumps(safe, ensure_ascii=False))

    def _safe(self, value: object) -> object:
        if isinstance(value, int | float) and abs(value) < _SMALL:
            return value
        return self._redact(str(value))


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _plain(value: object) -> str:
    """A value for ``key=value``: in quotes unless it is one word."""
    if isinstance(value, float):
        return f"{value:.3f}"
    words = str(value)
    return (
        words if words and not set(words) & set(' "=\n') else json.dumps(words, ensure_ascii=False)
    )
