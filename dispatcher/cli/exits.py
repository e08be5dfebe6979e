"""How a command fails: with one sentence and an exit code."""

from __future__ import annotations

import io
import re
import traceback
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import click

from dispatcher.cli.output import complaint, print_json, write_error
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

if TYPE_CHECKING:
    from dispatcher.language import Language

#: keys of a command's context: whether it prints JSON, and what returns the rows rejected so far
AS_JSON, REJECTED = "dispatcher.json", "dispatcher.rejected"

#: the lines of an error that are sentences; usage, help and lines of code are as they should be
_sentence = re.compile(r"Error: |Try '|dispatcher: ")


class Refusal(click.ClickException):
    """Ends the command with one sentence on stderr: it cannot be done."""

    exit_code = 1

    def __init__(self, message: str, *, code: str = "refused") -> None:
        super().__init__(" ".join(message.split()))
        #: the kind of the refusal, for programs
        self.code = code

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence."""
        write_error(f"dispatcher: {self.message}", file)


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


def speak(error: click.ClickException, language: Language) -> None:
    """Have an error show itself in a language, though its context has ended by then."""
    if language.code != "en":
        vars(error).update(show=partial(_show, error, language))


def _show(error: click.ClickException, language: Language, file: IO[Any] | None = None) -> None:
    shown = io.StringIO()
    type(error).show(error, shown)
    lines = shown.getvalue().removesuffix("\n").split("\n")
    said = (complaint(line, language) if _sentence.match(line) else line for line in lines)
    write_error("\n".join(said), file)


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
        write_error(f"{self._way}dispatcher: {self.message}", file)
