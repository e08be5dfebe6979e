"""The checks of the installation itself: database, broker, clocks and beat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dispatcher.api import Dispatcher
from dispatcher.campaigns.progress import longest_silence
from dispatcher.dispatch import broker as broker_check
from dispatcher.dispatch.hints import QUEUES
from dispatcher.errors import DispatcherError
from dispatcher.monitoring.finding import CheckFailed

#: clocks that differ by more cannot agree on whether the window is open
_SKEW = timedelta(seconds=30)


def database(dispatcher: Dispatcher) -> str:
    """Check that it keeps what it takes, and that workers accept it."""
    dispatcher.check_database()
    if objection := dispatcher.objection():
        raise CheckFailed(objection, "dispatcher migrate --restored pauses all and says what next")
    return f"schema {dispatcher.schema()}"


def broker(dispatcher: Dispatcher) -> str:
    """Check that hints can be queued."""
    address = dispatcher.settings.broker
    if address is None:
        return "none set: dispatcher run embeds one"
    return broker_check.check(address, set(QUEUES.values()))


def clock(dispatcher: Dispatcher) -> str:
    """Compare this host's clock with the others that judge the window."""
    shift = timedelta(seconds=dispatcher.settings.clock_offset)
    others = {"the database": dispatcher.database_clock(), "the gateway": _gateways(dispatcher)}
    for name, clock in others.items():
        skew = None if clock is None else abs(datetime.now(UTC) - clock)
        if skew is not None and skew > _SKEW:
            raise CheckFailed(f"it differs from that of {name} by {skew}", "")
    compared = [name for name, clock in others.items() if clock is not None]
    says = f"agrees with {' and '.join(compared)}" if compared else "nothing to compare it with"
    return says + (f"; shifted by {shift} to try things" if shift else "")


def _gateways(dispatcher: Dispatcher) -> datetime | None:
    try:
        return dispatcher.account().at
    except DispatcherError:
        return None  # the check of the gateway reports it


def beat(dispatcher: Dispatcher) -> str:
    """Check that ticks are queued, and that workers take them."""
    if dispatcher.objection():
        raise CheckFailed("workers do not tick with this database", "see the database above")
    last = dispatcher.last_tick()
    if last is None:
        raise CheckFailed("it has never ticked", "")
    age = dispatcher.clock() - last
    if age > longest_silence(dispatcher.settings.tick):
        raise CheckFailed(f"the last tick was {age} ago", "")
    return f"ticked {age.total_seconds():.0f} s ago"


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
