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


def named(by: str | None) -> str:
    """Who acts: ``by``, or the user of this system. Raises InvalidCampaign for a control character.

    What no database stores, NUL and half of a surrogate pair, is not printable either.
    """
    if not by:
        return printable(actor())
    if not by.isprintable():
        raise InvalidCampaign("the name of who acts may hold printable characters only")
    return by


def printable(words: str) -> str:
    """The same on one line, without control characters."""
    return " ".join("".join(filter(str.isprintable, word)) for word in words.split()).strip()


def checked_reason(reason: str) -> str:
    """A reason on one line, without control characters. Raises InvalidCampaign for an empty one."""
    line = printable(reason)
    if not line:
        raise InvalidCampaign("a reason is needed: it goes on record")
    return line
