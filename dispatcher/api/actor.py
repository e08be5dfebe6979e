"""Who acts, and why, as the record of actions names it."""

from __future__ import annotations

import getpass

from dispatcher.errors import InvalidCampaign


def actor() -> str:
    """The user of this system; "unknown" in a container without a user name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def checked_reason(reason: str) -> str:
    """A reason on one line, without control characters. Raises InvalidCampaign for an empty one."""
    line = " ".join("".join(filter(str.isprintable, word)) for word in reason.split()).strip()
    if not line:
        raise InvalidCampaign("a reason is needed: it goes on record")
    return line
