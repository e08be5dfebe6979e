"""Checks of the installation that commands share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dispatcher.cli.exits import OutOfReach
from dispatcher.cli.output import complain
from dispatcher.errors import ConfigurationError, GatewayError, StorageError, code_of

if TYPE_CHECKING:
    from dispatcher.api import Dispatcher

#: the gateway's codes for a key that is missing or wrong
_KEY_CODES = {"1", "10"}


def check_key(dispatcher: Dispatcher) -> None:
    """Raise ConfigurationError for a key that is missing or that the gateway refuses.

    A gateway that does not answer is a warning only: campaigns wait in the database.
    """
    try:
        dispatcher.account()
    except GatewayError as error:
        code = re.search(r"\bcode (\d+)\b", str(error))
        if code and code[1] in _KEY_CODES:
            raise ConfigurationError(
                f"DISPATCHER_API_KEY: the gateway refuses the key (code {code[1]})"
            ) from None
        complain(f"dispatcher: warning: the gateway cannot be asked: {error}")


def check_tables(dispatcher: Dispatcher) -> None:
    """Raise OutOfReach, with what to do, for a database without tables; creates nothing.

    It is another one than the workers': to pause it would stop nothing, and what it does not hold
    is no answer. Raises StorageError if the database cannot be used.
    """
    if not dispatcher.is_empty:
        return
    try:
        dispatcher.look_at_tables()
    except StorageError as error:
        from dispatcher.monitoring import cures

        cure = cures.of_database(str(error), dispatcher.database.setting)
        raise OutOfReach(f"{error}; {cure}", code=code_of(error)) from None


def warn_if_unused(dispatcher: Dispatcher, means: str) -> None:
    """Warn that no worker has ever used this database; ``means`` says what follows."""
    if dispatcher.last_tick() is None:
        place = dispatcher.database.place
        complain(f"dispatcher: warning: no worker has ever used {place}: {means}")
