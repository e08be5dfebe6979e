"""The doctor: looks at what a dispatcher needs, in order of causes, and names each one's cure.

What depends on a failed thing is not looked at, so that one cause makes one finding. Looking
creates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from dispatcher.api import Dispatcher
from dispatcher.errors import DispatcherError, NotAnAnswer, StorageError
from dispatcher.monitoring import campaign_checks as campaigns
from dispatcher.monitoring import cures, message_checks, person_checks
from dispatcher.monitoring import installation_checks as installation
from dispatcher.monitoring.finding import CheckFailed, Finding, Level, NotLookedAt
from dispatcher.settings.accounts import DEFAULT

__all__ = ["CHECKS", "PROGRESS", "Finding", "Level", "examine"]

_UNUSABLE = "ask SMS Partner; until it answers well nothing is believed, and all is asked again"


@dataclass(frozen=True, slots=True)
class _Check:
    """A check, and the checks that must not have failed before it is made."""

    make: Callable[[Dispatcher, Collection[str]], str]
    needs: tuple[str, ...] = ()
    #: it is made for each account, and needs the gateway of the account alone
    of_account: bool = False


def _plain(check: Callable[[Dispatcher], str]) -> Callable[[Dispatcher, Collection[str]], str]:
    return lambda dispatcher, _: check(dispatcher)


_STORED = ("database",)
_TICKS = ("database", "broker", "clock")
_CHECKS = {
    "database": _Check(_plain(installation.database)),
    "broker": _Check(_plain(installation.broker)),
    "gateway": _Check(_plain(campaigns.gateway), of_account=True),
    "clock": _Check(installation.clock),
    "beat": _Check(_plain(installation.beat), _TICKS),
    "workers": _Check(_plain(installation.workers), (*_TICKS, "beat")),
    "pause": _Check(_plain(campaigns.pause), _STORED),
    "accounts": _Check(_plain(campaigns.orphans), _STORED),
    "doubts": _Check(_plain(campaigns.doubts), _STORED, of_account=True),
    "credit": _Check(_plain(campaigns.credit), ("database", "gateway"), of_account=True),
    "costs": _Check(_plain(campaigns.costs), _STORED, of_account=True),
    "budgets": _Check(_plain(campaigns.budgets), _STORED),
    "stops": _Check(
        _plain(campaigns.stops), ("database", "gateway", *_TICKS, "beat", "workers"), True
    ),
    "refusals": _Check(_plain(campaigns.refusals), _STORED),
    "webhooks": _Check(_plain(campaigns.webhooks), _STORED),
    "series": _Check(_plain(campaigns.series), _STORED),
    "messages": _Check(_plain(message_checks.messages), _STORED),
    "consent": _Check(_plain(installation.consent)),
    "people": _Check(_plain(person_checks.people), _STORED),
}
#: what is looked at for those that need a database
_TABLES = _Check(_plain(installation.tables))
#: all checks, in order of causes
CHECKS = tuple(_CHECKS)
#: if one of these fails, a worker makes no progress
PROGRESS = ("database", "broker", "beat", "workers")


def examine(dispatcher: Dispatcher, names: Collection[str] = CHECKS) -> Iterator[Finding]:
    """Make the checks of ``names`` in order of causes.

    Whether a database that they need has our tables is looked at, too, and shows if it has not.
    """
    accounts = (DEFAULT, *dispatcher.settings.accounts)
    failed: set[str] = set()
    needed = {need for name in names for need in _CHECKS[name].needs}
    for name, check in _CHECKS.items():
        if name not in names:
            if name != "database" or name not in needed:
                continue
            check = _TABLES
        each = accounts if check.of_account and len(accounts) > 1 else (None,)
        for account in each:
            ours = dispatcher if account is None else dispatcher.for_account(account)
            found = _run(" ".join(filter(None, [name, account])), ours, check, failed)
            if not found.ok:
                failed.add(found.name)
            if name in names or not found.ok:
                yield found


def _run(called: str, dispatcher: Dispatcher, check: _Check, failed: Collection[str]) -> Finding:
    name, _, account = called.partition(" ")
    wanting = [
        need
        for need in dict.fromkeys(check.needs)
        if (" ".join(filter(None, [need, account])) if _CHECKS[need].of_account else need) in failed
    ]
    if wanting:
        says = f"not looked at: needs the {wanting[0]}"
        return Finding(called, Level.SKIPPED, says)
    place = installation.place_of(name, dispatcher)

    def found(level: Level, says: str, remedy: str = "") -> Finding:
        says = re.sub(rf": (run )?{re.escape(remedy)}$", "", says) if remedy else says
        said = says if place and says.startswith(place) else ": ".join(filter(None, [place, says]))
        return Finding(called, level, said, remedy)

    def cure(says: str) -> str:
        match name:
            case "gateway":
                return cures.of_gateway(says, campaigns.key_of(account))
            case "broker":
                return cures.of_broker(says)
        return cures.of_database(says, dispatcher.database.setting)

    try:
        return found(Level.OK, check.make(dispatcher, failed))
    except NotLookedAt as error:
        return found(Level.SKIPPED, f"not looked at: {error}")
    except CheckFailed as error:
        return found(error.level, str(error), error.remedy or cure(str(error)))
    except NotAnAnswer as error:
        says = f"the gateway answers, but not what was asked: {error}"
        return found(Level.FAILED, says, _UNUSABLE)
    except StorageError as error:
        return found(
            Level.FAILED, str(error), cures.of_database(str(error), dispatcher.database.setting)
        )
    except DispatcherError as error:
        return found(Level.FAILED, str(error), cure(str(error)))
