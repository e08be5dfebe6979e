"""Options of Celery's worker that do not fit our workers, which send with threads."""

from __future__ import annotations

from collections.abc import Sequence

from dispatcher.errors import ConfigurationError

_INSTEAD = "a worker has as many threads as DISPATCHER_CONNECTIONS needs; start more workers"


def refuse_unfit(arguments: Sequence[str]) -> None:
    """Raise ConfigurationError for another pool than threads, and for autoscaling.

    Celery would ignore some of them in silence, and crash on others.
    """
    following = [*arguments[1:], ""]
    for word, after in zip(arguments, following, strict=True):
        name, _, value = word.partition("=")
        if name == "--autoscale":
            raise ConfigurationError(f"leave out --autoscale: {_INSTEAD}")
        if name == "--pool":
            pool = value or after
        elif word.startswith("-P"):
            pool = word[2:].removeprefix("=") or after
        else:
            continue
        if pool != "threads":
            raise ConfigurationError(f"leave out the pool {pool}: {_INSTEAD}")
