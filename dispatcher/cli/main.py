"""The group of all commands, and how they end."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from dispatcher.cli.command_table import COMMANDS
from dispatcher.cli.exits import UnexpectedError, print_refusal, refusal_of, speak
from dispatcher.cli.help_text import Context, in_language
from dispatcher.cli.options import give_settings
from dispatcher.cli.output import complain, reader
from dispatcher.errors import DispatcherError
from dispatcher.settings import origin
from dispatcher.settings.visible import visible

if TYPE_CHECKING:
    from dispatcher.api import Dispatcher
    from dispatcher.settings import Settings

_EPILOG = """\b
Exit codes:
  0   done
  1   cannot be done: no such campaign, its state forbids it, the reference is taken
  2   wrong usage, unusable input or a wrong setting; nothing was stored
  3   the database, Redis or the gateway is out of reach; doctor: a check failed
  4   doctor --strict: there are warnings
  70  a bug

Settings are DISPATCHER_* variables: see `dispatcher settings`. Errors go to stderr.
"""


class Commands(click.Group):
    """Turns every exception of a command into one sentence and an exit code.

    ``settings`` returns an app's settings; without it they come from the environment.
    ``dispatcher`` returns the app's own dispatcher; without it one is made with the settings.
    """

    context_class = Context

    def __init__(
        self,
        *args: Any,
        settings: Callable[[], Settings] | None = None,
        dispatcher: Callable[[], Dispatcher] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._settings = settings
        self._dispatcher = dispatcher

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the group's own options; an app's settings also say in which language."""
        if self._settings is not None:
            give_settings(self._settings, self._dispatcher)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the arguments name."""
        try:
            with origin.acting("the shell"):
                return super().invoke(ctx)
        except DispatcherError as error:
            refusal = refusal_of(error)
            print_refusal(refusal, ctx)
            speak(refusal, reader(ctx))
            raise refusal from None
        except click.ClickException as error:
            vars(error).update(message=visible(error.message, lines=True))
            print_refusal(error, ctx)
            speak(error, reader(ctx))
            raise
        except click.Abort:
            if (language := reader(ctx)).code == "en":
                raise
            complain("Aborted!", language)
            raise click.exceptions.Exit(1) from None
        except (click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - its words must not be printed
            unexpected = UnexpectedError(error)
            print_refusal(unexpected, ctx)
            speak(unexpected, reader(ctx))
            raise unexpected from None

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """The context of these arguments. Raises UsageError, which shows what it quotes."""
        try:
            return super().make_context(*args, **extra)
        except click.UsageError as error:
            vars(error).update(message=visible(error.message, lines=True))
            speak(error, reader(error.ctx))
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a campaign needs them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, whose module is loaded now; None if there is none."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            module = import_module(f"dispatcher.cli.commands.{COMMANDS[cmd_name][0]}")
            self.commands[cmd_name] = getattr(module, cmd_name.replace("-", "_"))
        found = self.commands.get(cmd_name)
        return found and in_language(found, reader(ctx))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; a misspelt name is compared with all of them."""
        if args and args[0] not in COMMANDS:
            for name in COMMANDS:
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, without loading them; those without a sentence are hidden."""
        exact = reader(ctx).exact
        shown = {name: exact(says) for name, (_, says) in COMMANDS.items() if says}
        width = formatter.width - 6 - max(map(len, shown))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, click.Command(name, help=says).get_short_help_str(width))
                    for name, says in shown.items()
                ]
            )


@click.group(cls=Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sms-campaign-dispatcher", prog_name="dispatcher")
def cli() -> None:
    """SMS campaigns for France: inside the legal window, nobody twice, nobody lost."""


def commands_of(
    settings: Callable[[], Settings], dispatcher: Callable[[], Dispatcher] | None = None
) -> Commands:
    """The same commands with an app's own settings, to be added to its command line."""
    return Commands(
        "dispatcher",
        settings=settings,
        dispatcher=dispatcher,
        help=cli.help,
        epilog=_EPILOG,
        context_settings=cli.context_settings,
    )


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no accents
    cli(prog_name="dispatcher")
