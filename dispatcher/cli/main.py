"""The group of all commands, and how they end."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from dispatcher.cli.commands.campaigns import campaigns, cancel, pause, resume
from dispatcher.cli.commands.check_numbers import check_numbers
from dispatcher.cli.commands.demo import demo
from dispatcher.cli.commands.doctor import doctor
from dispatcher.cli.commands.doubts import doubts, give_up, resend
from dispatcher.cli.commands.lint import lint
from dispatcher.cli.commands.maintenance import migrate, settings, tick
from dispatcher.cli.commands.opt_outs import opt_outs
from dispatcher.cli.commands.person import person
from dispatcher.cli.commands.plan import plan
from dispatcher.cli.commands.progress import progress
from dispatcher.cli.commands.record import record
from dispatcher.cli.commands.recording import recording
from dispatcher.cli.commands.replies import replies
from dispatcher.cli.commands.run import celery, run
from dispatcher.cli.commands.sandbox import sandbox
from dispatcher.cli.commands.submit import submit
from dispatcher.cli.commands.unread import unread
from dispatcher.cli.commands.webhooks import webhooks
from dispatcher.cli.commands.why import why
from dispatcher.cli.commands.window import window
from dispatcher.cli.exits import UnexpectedError, print_refusal, refusal_of
from dispatcher.cli.options import give_settings
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

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the arguments name."""
        try:
            origin.ask(_shell)
            if self._settings is not None:
                give_settings(self._settings, self._dispatcher)
            return super().invoke(ctx)
        except DispatcherError as error:
            refusal = refusal_of(error)
            print_refusal(refusal, ctx)
            raise refusal from None
        except click.ClickException as error:
            vars(error).update(message=visible(error.message, lines=True))
            print_refusal(error, ctx)
            raise
        except (click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - its words must not be printed
            unexpected = UnexpectedError(error)
            print_refusal(unexpected, ctx)
            raise unexpected from None

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """The context of these arguments. Raises UsageError, which shows what it quotes."""
        try:
            return super().make_context(*args, **extra)
        except click.UsageError as error:
            vars(error).update(message=visible(error.message, lines=True))
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a campaign needs them."""
        del ctx
        return list(self.commands)


def _shell() -> str:
    return f"the shell of {origin.host()}"


@click.group(cls=Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sms-campaign-dispatcher", prog_name="dispatcher")
def cli() -> None:
    """SMS campaigns for France: inside the legal window, nobody twice, nobody lost."""


for _command in (
    lint,
    check_numbers,
    plan,
    submit,
    progress,
    why,
    campaigns,
    pause,
    resume,
    cancel,
    doubts,
    resend,
    give_up,
    opt_outs,
    person,
    replies,
    unread,
    window,
    run,
    celery,
    webhooks,
    tick,
    doctor,
    migrate,
    settings,
    sandbox,
    record,
    recording,
    demo,
):
    cli.add_command(_command)


def commands_of(
    settings: Callable[[], Settings], dispatcher: Callable[[], Dispatcher] | None = None
) -> Commands:
    """The same commands with an app's own settings, to be added to its command line."""
    return Commands(
        "dispatcher",
        commands=cli.commands,
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
