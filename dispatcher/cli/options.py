"""Options and arguments of several commands, and the dispatcher that they use."""

from __future__ import annotations

import gc
import os
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dispatcher.cli.exits import AS_JSON
from dispatcher.cli.output import GIVEN, complain
from dispatcher.cli.preflight import check_tables
from dispatcher.errors import InvalidCampaign, NotFound
from dispatcher.window.slots import PARIS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from dispatcher.api import Dispatcher
    from dispatcher.campaigns.progress import Progress
    from dispatcher.settings import Settings
    from dispatcher.storage.database import Database

_Command = TypeVar("_Command", bound="Callable[..., Any]")
#: larger than any id of a database
_MOST_DIGITS = 18
# no text loses anything: the gateway deletes every backslash
_break = re.compile(r"\\+r\\+n|\\+n")
#: keys of a command's context: an app's settings, and its dispatcher
_GIVEN, _MADE = GIVEN, "dispatcher.dispatcher"


class Instant(click.ParamType[datetime]):
    """An ISO 8601 date and time with its offset from UTC."""

    name = "ISO"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The aware datetime. Raises InvalidCampaign with what to write instead."""
        del ctx
        if isinstance(value, datetime):
            return value
        option = param.opts[0] if param else "the instant"
        try:
            at = datetime.fromisoformat(value)
            if at.utcoffset() is not None:
                at.astimezone(PARIS)
        except (ValueError, OverflowError):  # the latter at the ends of time
            raise InvalidCampaign(
                f"{option} {value!r} is no instant; write it like 2027-03-27T20:00+01:00"
            ) from None
        if at.utcoffset() is None:
            # not guessed: programs of one company may run in several time zones
            meant = at.replace(tzinfo=PARIS).isoformat(timespec="minutes")
            raise InvalidCampaign(f"{option} {value} has no time zone; write {meant}")
        return at


class Written(click.ParamType[str]):
    """A text as people write it in a shell, where a line break has to be a sign of its own."""

    name = "TEXT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text with its line breaks."""
        del param, ctx
        return _break.sub("\n", value)


def _note_json(context: click.Context, _: click.Parameter, value: bool) -> bool:
    context.meta[AS_JSON] = value
    return value


INSTANT = Instant()
WRITTEN = Written()
json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,  # so that what is wrong with another option is printed as JSON, too
    callback=_note_json,
    help="Print JSON and nothing else.",
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
reason_option = click.option("--reason", default="", help="The reason, for the record.")
ref_argument = click.argument("ref")
account_option = click.option(
    "--account", metavar="NAME", help="Show this account only; see DISPATCHER_ACCOUNTS."
)


_LIST = (
    click.option("--column", help="The column of numbers: its name, or its position from 1."),
    click.option("--encoding", help="The file's encoding, if it cannot be found out."),
    click.option("--sheet", metavar="NAME", help="The sheet of a workbook that is the list."),
    click.option(
        "--skip-lines",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="How many lines stand above the header.",
    ),
)


class Duration(click.ParamType["timedelta"]):
    """A duration as people write it: 90min, 6h, 2d."""

    name = "DURATION"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """The duration. Raises InvalidCampaign."""
        from dispatcher.campaigns.series_fields import duration_of

        del ctx
        option = param.opts[0] if param else "--over"
        return duration_of(option, value) if isinstance(value, str) else value


#: how a campaign is smoothed
smoothing = (
    click.option(
        "--per-hour",
        type=int,
        metavar="N",
        help="At most N messages leave in an hour, evenly over opening hours.",
    ),
    click.option(
        "--over", type=Duration(), help="All leave evenly over so much opening time: 90min, 6h."
    ),
)
#: campaigns whose people are left out
other_campaigns = (
    click.option(
        "--except-campaign",
        multiple=True,
        metavar="REF",
        help="Leave out whoever campaign REF texts, has texted or may have texted; repeatable.",
    ),
    click.option(
        "--only-campaign",
        metavar="REF[:WORD]",
        help="Text only whom REF has texted; WORD: delivered, undelivered or silent.",
    ),
)


def list_options(command: _Command) -> _Command:
    """How a file of recipients is read: options of ``open_recipients``."""
    for option in reversed(_LIST):
        command = option(command)
    return command


def limit_option(*, most: int, default: int) -> Callable[[_Command], _Command]:
    """``--limit``: how many entries a command lists."""
    return click.option(
        "--limit",
        type=click.IntRange(1, most),
        default=default,
        show_default=True,
        help="The most to list.",
    )


def give_settings(
    settings: Callable[[], Settings], dispatcher: Callable[[], Dispatcher] | None = None
) -> None:
    """Make this command and its subcommands use an app's settings, not the environment's."""
    click.get_current_context().meta.update({_GIVEN: settings, _MADE: dispatcher})


def current_settings() -> Settings:
    """The settings of this command. Raises ConfigurationError."""
    from dispatcher.settings import Settings

    read: Callable[[], Settings] = click.get_current_context().meta.get(_GIVEN, Settings.from_env)
    return read()


def environment() -> dict[str, str]:
    """The environment that gives a child process the settings of this command."""
    if _GIVEN not in click.get_current_context().meta:
        return dict(os.environ)
    from dispatcher.settings import PREFIX
    from dispatcher.settings.environment import to_environment

    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return others | to_environment(current_settings())


def open_dispatcher(account: str | None = None, *, needs_tables: bool = True) -> Dispatcher:
    """The dispatcher of these settings. Raises ConfigurationError, and OutOfReach without tables.

    ``needs_tables`` is false for a command that makes them, or that answers without them.
    With an ``account`` it shows no other account. Raises InvalidCampaign if it is unknown.
    """
    context = click.get_current_context()
    make: Callable[[], Dispatcher] | None = context.meta.get(_MADE)
    dispatcher = make() if make else _plain()
    context.call_on_close(dispatcher.database.close)
    if account is not None:
        dispatcher = dispatcher.for_account(account)
    if needs_tables:
        check_tables(dispatcher)
    elif dispatcher.database.is_relative and dispatcher.database.is_missing:
        context.call_on_close(lambda: _tell_of_new(dispatcher.database))
    return dispatcher


def _tell_of_new(database: Database) -> None:
    """Warn that a command has made the database of this folder: another may have been meant."""
    if not database.is_missing:
        complain(
            f"dispatcher: warning: a new database was made: {database.place}; to use one from"
            " every folder, set DISPATCHER_DATABASE_URL to its whole path"
        )


def _plain() -> Dispatcher:
    # here, not above: it loads the libraries of database, Redis and calendars, which --help
    # does not need
    looks = gc.isenabled()
    gc.disable()  # what is loaded stays: to look for garbage in it takes a quarter of the time
    try:
        from dispatcher.api import Dispatcher
    finally:
        if looks:
            gc.enable()
    return Dispatcher(current_settings())


def find_campaign(dispatcher: Dispatcher, ref: str) -> Progress:
    """The campaign with that reference or, for digits that are none, that id. Raises NotFound."""
    try:
        return dispatcher.progress(ref)
    except NotFound:
        if not ref.isdecimal() or len(ref) > _MOST_DIGITS:
            raise
    return dispatcher.progress(int(ref))
