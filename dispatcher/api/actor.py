"""Who acts, and why, as the record of actions names it."""

from __future__ import annotations

import getpass
import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from dispatcher.campaigns.draft import SYSTEM, TOKEN
from dispatcher.errors import InvalidCampaign, NotAllowed
from dispatcher.storage import actions

#: on record where a web request does something and nobody is signed in
NOBODY: Final = "nobody signed in"
#: characters of a source or a reason of an opt-out
_LONGEST: Final = 500
#: who is signed in: a name, empty for nobody, None outside of a web request
_signed_in: list[Callable[[], str | None]] = []
#: the name of a program that has shown its token in this request
_holder: ContextVar[str] = ContextVar("dispatcher.token_holder", default="")


class Claimed(str):
    """A name that whoever has the token gave: on record, but nobody has checked it."""

    __slots__ = ()


def ask(signed_in: Callable[[], str | None]) -> None:
    """Ask this function, too, who is signed in: a web framework knows."""
    if signed_in not in _signed_in:
        _signed_in.append(signed_in)


def actor() -> str:
    """The user of this system; "unknown" in a container without a user name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def named(by: str | None) -> str:
    """Who acts: ``by``, else who is signed in, else, in a shell, the user of this system.

    Where somebody is signed in, ``by`` hides nobody: the record names both. A person who has the
    name of the dispatcher itself is marked. Raises InvalidCampaign for a control character.
    What no database stores, NUL and half of a surrogate pair, is not printable either.
    """
    name = _named(by)
    return f"{name} (by hand)" if name == actions.ITSELF else name


def _named(by: str | None) -> str:
    person = _person()
    if not by:
        return printable(actor() if person is None else person or NOBODY)
    if not by.isprintable():
        raise InvalidCampaign("the name of who acts may hold printable characters only")
    beside = f" (signed in: {printable(person)})" if person and person != by else ""
    return by if by.endswith(beside) else by + beside


def identity() -> str:
    """Who acts, as the login or the system says: for what not everybody may do.

    The user of this system is marked, and so is whoever has nothing but a token. Raises NotAllowed
    in a web request in which nobody is signed in.
    """
    person = _person()
    name = printable(person or "")
    while name.endswith((SYSTEM, TOKEN)):  # nobody gets a mark by the choice of a name
        name = name.removesuffix(SYSTEM).removesuffix(TOKEN)
    if name:
        return name + TOKEN if isinstance(person, Claimed) else name
    if holder := _holder.get():
        return holder + TOKEN
    if person is None:
        return _system_user() + SYSTEM
    raise NotAllowed("nobody is signed in: a draft needs to know who acts")


def _system_user() -> str:
    """Whose process this is. Not ``getpass``: it believes the environment, which anybody sets."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container
        return f"user {os.getuid()}"


@contextmanager
def holding_token(name: str) -> Iterator[None]:
    """Within it, where nobody is signed in, a program that has shown its token acts."""
    token = _holder.set(name)
    try:
        yield
    finally:
        _holder.reset(token)


def _person() -> str | None:
    """Who is signed in; empty for nobody, None outside of a web request."""
    asked = (signed_in() for signed_in in _signed_in)
    return next((name for name in asked if name is not None), None)


def printable(words: str) -> str:
    """The same on one line, without control characters."""
    return " ".join("".join(filter(str.isprintable, word)) for word in words.split()).strip()


def checked_reason(reason: str) -> str:
    """A reason on one line, without control characters. Raises InvalidCampaign for an empty one."""
    line = printable(reason)
    if not line:
        raise InvalidCampaign("a reason is needed: it goes on record")
    return line


def needed(reason: str) -> str:
    """A reason on one line. Raises InvalidCampaign if it is empty, too."""
    if not (line := on_record("a reason", reason)):
        raise InvalidCampaign("a reason is needed: it goes on record")
    return line


def on_record(what: str, words: str) -> str:
    """A person's words on one line. Raises InvalidCampaign for unprintable or too many of them."""
    line = " ".join(words.split())
    if len(line) > _LONGEST or not line.isprintable():
        raise InvalidCampaign(f"{what} has at most {_LONGEST} printable characters")
    return line
