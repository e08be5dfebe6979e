"""The workers' app on a host whose clock is four days ahead."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from dispatcher.settings import clock
from workers.celery import app

__all__ = ["app"]

AHEAD = timedelta(days=4)


class Ahead(datetime):
    """The class of instants, with another present."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + AHEAD


setattr(clock, "datetime", Ahead)  # noqa: B010 - the name is an import there
