"""The checks of the installation itself: database, broker, clocks, beat and workers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from dispatcher.api import Dispatcher
from dispatcher.campaigns.progress import longest_silence
from dispatcher.dispatch import broker as broker_check
from dispatcher.dispatch import consent_source
from dispatcher.dispatch.events import signals
from dispatcher.dispatch.hints import QUEUES, TICK
from dispatcher.errors import ConfigurationError, DispatcherError
from dispatcher.monitoring.finding import CheckFailed, NotLookedAt, Warned

#: clocks that differ by more cannot agree on whether the window is open
_SKEW = timedelta(seconds=30)
_START_WORKER = "start a worker: dispatcher run, or dispatcher celery worker"
_START_BEAT = "start a beat: dispatcher run, or dispatcher celery beat"
_START_AGAIN = (
    "start it again: dispatcher celery beat; one that you took away is forgotten a day after its"
    " last tick"
)
_BY_NTP = "by NTP: timedatectl set-ntp true"


def database(dispatcher: Dispatcher) -> str:
    """Check that it keeps what it takes, and that workers accept it. Nothing is created."""
    version = dispatcher.look_at_database()
    if objection := dispatcher.objection():
        raise CheckFailed(objection)
    return f"schema {version}"


def tables(dispatcher: Dispatcher) -> str:
    """Check that it has our tables."""
    return f"schema {dispatcher.look_at_tables()}"


def broker(dispatcher: Dispatcher) -> str:
    """Check that hints can be queued."""
    address = dispatcher.settings.broker
    if address is None:
        return "none set: dispatcher run embeds one"
    return broker_check.check(address, set(QUEUES.values()))


def consent(dispatcher: Dispatcher) -> str:
    """Check that the function that knows who consents can be called."""
    settings = dispatcher.settings
    if not settings.consent:
        return "no function of yours is asked (DISPATCHER_CONSENT)"
    signals.load(settings.receivers)
    try:
        consent_source.load(settings.consent)
    except ConfigurationError as error:
        raise CheckFailed(str(error), "set DISPATCHER_CONSENT to module:function") from None
    return settings.consent


def clock(dispatcher: Dispatcher, failed: Collection[str]) -> str:
    """Compare this host's clock with the others that judge the window.

    If two of the three agree, the third is wrong.
    """
    others = {}
    if "database" not in failed:
        others["the database"] = dispatcher.database.clock()
    if "gateway" not in failed:
        others["the gateway"] = _gateways(dispatcher)
    now = datetime.now(UTC)
    skews = {name: abs(now - at) for name, at in others.items() if at is not None}
    wrong = {name: skew for name, skew in skews.items() if skew > _SKEW}
    if len(wrong) == 1 and len(skews) == 2 and "the database" in wrong:
        skew = wrong["the database"]
        says = f"that of the database's host is wrong by {skew}: gateway and this host agree"
        raise CheckFailed(says, f"set the clock of the database's host {_BY_NTP}")
    for name, skew in wrong.items():
        raise CheckFailed(
            f"it differs from that of {name} by {skew}", f"set this host's clock {_BY_NTP}"
        )
    if not skews and "gateway" in failed:
        raise NotLookedAt("nothing to compare it with while the gateway fails")
    shift = timedelta(seconds=dispatcher.settings.clock_offset)
    says = f"agrees with {' and '.join(skews)}" if skews else "nothing to compare it with"
    return says + (f"; shifted by {shift} to try things" if shift else "")


def _gateways(dispatcher: Dispatcher) -> datetime | None:
    try:
        return dispatcher.account().at
    except DispatcherError:
        return None  # the check of the gateway reports it


def beat(dispatcher: Dispatcher) -> str:
    """Check that ticks are queued."""
    says, is_late = _last_tick(dispatcher)
    if is_late:
        if _beats_waiting(dispatcher):
            return "it queues ticks"
        raise CheckFailed(says, _START_BEAT)
    if missing := dispatcher.missing_beats():
        now = dispatcher.clock()
        silent = ", ".join(f"{it.name} for {now - it.at} (host and process)" for it in missing)
        raise Warned(f"{says}, but of several beats some are silent: {silent}", _START_AGAIN)
    return says


def workers(dispatcher: Dispatcher) -> str:
    """Check that somebody takes the ticks that are queued."""
    says, is_late = _last_tick(dispatcher)
    if is_late:
        raise CheckFailed(f"none takes the tick that waits; {says}", _START_WORKER)
    return says


def _last_tick(dispatcher: Dispatcher) -> tuple[str, bool]:
    """When a worker last ticked, in words, and whether that is too long ago."""
    last = dispatcher.last_tick()
    if last is None:
        return "no worker has ever ticked", True
    age = dispatcher.clock() - last
    if age > longest_silence(dispatcher.settings.tick):
        return f"the last tick was {age} ago", True
    return f"ticked {age.total_seconds():.0f} s ago", False


def _beats_waiting(dispatcher: Dispatcher) -> list[str]:
    address = dispatcher.settings.broker
    return [] if address is None else broker_check.beats_waiting(address, QUEUES[TICK])


def place_of(name: str, dispatcher: Dispatcher) -> str:
    """Where a check looks, without a password; empty for what is in no single place."""
    settings = dispatcher.settings
    if name == "database":
        return dispatcher.database.place
    if name == "gateway":
        return settings.api_url
    if name == "broker" and settings.broker is not None:
        return settings.broker.place
    return ""
