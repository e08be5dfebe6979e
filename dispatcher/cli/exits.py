"""How a command fails: with one sentence and an exit code."""

from __future__ import annotations

import traceback
from typing import IO, Any

import click

from dispatcher.cli.output import complain, print_json
from dispatcher.errors import (
    BrokerError,
    ConfigurationError,
    DispatcherError,
    GatewayError,
    StorageError,
    UnusableInput,
    UnusableKey,
    code_of,
)

#: keys of a command's context: whether it prints JSON, and what returns the rows rejected so far
AS_JSON, REJECTED = "dispatcher.json", "dispatcher.rejected"


class Refusal(click.ClickException):
    """Ends the command with one sentence on stderr: it cannot be done."""

    exit_code = 1

    def __init__(self, message: str, *, code: str = "refused") -> None:
        super().__init__(" ".join(message.split()))
        #: the kind of the refusal, for programs
        self.code = code

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence."""
        complain(f"dispatcher: {self.message}", file)


class Unusable(Refusal):
    """The same for input, a setting or an option that cannot be used."""

    exit_code = 2


class OutOfReach(Refusal):
    """The same for a database, a Redis or a gateway that does not answer."""

    exit_code = 3


def refusal_of(error: DispatcherError) -> Refusal:
    """The exit for an error that was raised on purpose."""
    code = code_of(error)
    match error:
        case UnusableInput() | ConfigurationError():
            return Unusable(str(error), code=code)
        case UnusableKey():
            return OutOfReach(str(error), code=code)
        case StorageError():
            return OutOfReach(f"{error} (DISPATCHER_DATABASE_URL)", code=code)
        case GatewayError():
            return OutOfReach(f"{error} (DISPATCHER_API_URL)", code=code)
        case BrokerError():
            return OutOfReach(str(error), code=code)
        case _:
            return Refusal(str(error), code=code)


def print_refusal(error: click.ClickException, context: click.Context) -> None:
    """Print an error as the JSON API answers it, if the command was to print JSON."""
    if not context.meta.get(AS_JSON):
        return
    code = {"code": getattr(error, "code", "wrong_usage"), "detail": error.message, "row": None}
    rejected = context.meta.get(REJECTED)
    print_json(code if rejected is None else code | rejected())


class UnexpectedError(click.ClickException):
    """Ends the command with the traceback of a bug, without the message of the error.

    The message may quote a phone number or a key; the lines of code cannot.
    """

    #: EX_SOFTWARE of sysexits.h
    exit_code = 70
    code = "internal_error"

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"this is a bug: an unexpected {type(error).__name__}"
            " (its own words are left out, they may hold personal data)"
        )
        self._way = "".join(traceback.format_tb(error.__traceback__))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the lines of code, then the sentence."""
        complain(f"{self._way}dispatcher: {self.message}", file)
