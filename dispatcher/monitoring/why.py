"""Why has it not left? The causes, whatever is down; looking changes and creates nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dispatcher.api import Dispatcher
from dispatcher.campaigns.causes import Cause, Name
from dispatcher.campaigns.progress import Progress
from dispatcher.campaigns.traffic import no_hints
from dispatcher.dispatch import broker, safeguards
from dispatcher.errors import BrokerError, ConfigurationError, DispatcherError, GatewayError
from dispatcher.storage import schema
from dispatcher.storage.driver_errors import CANNOT_BE_USED

_START_SERVER = "start it, or correct {}"
_SEE_FILE = "look at its disk and whom its folder belongs to, or correct {}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a campaign does not leave; ``progress`` is None if the database cannot be read."""

    causes: tuple[Cause, ...]
    progress: Progress | None = None

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        found = self.progress
        return {
            "reference": None if found is None else found.reference,
            "state": None if found is None else found.state.value,
            "causes": [cause.as_json() for cause in self.causes],
        }


def of_database(dispatcher: Dispatcher) -> list[Cause]:
    """Why campaigns cannot be read, and what else is broken then; none if they can."""
    database = dispatcher.database
    try:
        found = schema.version(database)
        if found is None:
            lacks = "does not exist" if database.is_missing else "has no tables"
            says = f"{database.place} {lacks}: nothing was ever submitted to it"
            cure = f"correct {database.setting}, if another is meant"
            return [Cause(Name.DATABASE, says, cure)]
        schema.check(database)
    except DispatcherError as error:
        says = str(error)
        if says.startswith(CANNOT_BE_USED):
            says = f"{database.place} cannot be used: {says.removeprefix(CANNOT_BE_USED)}"
            cure = _SEE_FILE if database.is_sqlite else _START_SERVER
            cure = cure.format(database.setting)
            return [Cause(Name.DATABASE, says, cure), *_of_broker(dispatcher)]
        cure = "dispatcher migrate, or install the version that the database has"
        return [Cause(Name.SCHEMA, f"{database.place}: {says}", cure)]
    return []


def explain(dispatcher: Dispatcher, progress: Progress) -> Explanation:
    """Every cause that keeps a campaign back, the one that has to end first at the head."""
    causes = dispatcher.causes(progress.id)
    if not progress.ended and all(cause.name is not Name.ACCOUNT for cause in causes):
        causes += _of_gateway(dispatcher.for_account(progress.account))
    return Explanation(tuple(causes), progress)


def nothing_found(progress: Progress) -> str:
    """What is so if nothing keeps a campaign back."""
    if progress.batches["sending"]:
        return "it is being sent now"
    if progress.messages["pending"] and not progress.ended:
        return "nothing keeps it back: it leaves within seconds"
    if progress.messages["sent"]:
        return "all of it has left; reports are still to come"
    return f"nothing is to leave any more: it is {progress.state}"


def _of_broker(dispatcher: Dispatcher) -> list[Cause]:
    address = dispatcher.settings.broker
    if address is None:
        return []
    try:
        broker.check(address)
    except (BrokerError, ConfigurationError) as error:
        return [no_hints(str(error), address.place)]
    return []


def _of_gateway(dispatcher: Dispatcher) -> list[Cause]:
    """What the gateway says to the account's key now, and whether its clock is ours."""
    try:
        account = dispatcher.account()
    except ConfigurationError:
        return []  # no key here: only workers need one
    except GatewayError as error:
        cure = "correct DISPATCHER_API_KEY or DISPATCHER_API_URL; what is down is tried again"
        says = f"the gateway at {dispatcher.settings.api_url}, asked now: {error}"
        return [Cause(Name.GATEWAY, says, cure)]
    if account.at is None or dispatcher.settings.clock_offset:
        return []  # whoever shifts the clock to try things has shifted it from the gateway's, too
    skew = abs(datetime.now(UTC) - account.at)
    if skew <= safeguards.MOST_SKEW:
        return []
    return [
        Cause(Name.CLOCK, f"this host's clock and the gateway's differ by {skew}", "set it by NTP")
    ]
