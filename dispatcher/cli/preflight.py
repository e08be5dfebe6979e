"""Checks that ``dispatcher run`` makes before it starts anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dispatcher.cli.output import complain
from dispatcher.errors import ConfigurationError, GatewayError

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
