"""The options of a campaign: a file of recipients, a text, and the rest."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

import click

from dispatcher.cli.exits import REJECTED
from dispatcher.cli.options import INSTANT, WRITTEN, list_options, other_campaigns, smoothing
from dispatcher.cli.progress_bar import with_progress_bar
from dispatcher.cli.rejects import LeftOut, rejects_path
from dispatcher.errors import InvalidCampaign, InvalidFile, InvalidText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta

    from dispatcher.campaigns.submission import Options
    from dispatcher.cli.progress_bar import Watched

_STDIN = "-"
#: bytes; a template may be longer than the texts that it makes
_LONGEST_TEXT = 1 << 16
_Command = TypeVar("_Command", bound="Callable[..., None]")

_TEXT = (
    click.option(
        "--text",
        type=WRITTEN,
        help='The text; may hold {{ column }}, {{ column | default("…") }}, and \\n for a break.',
    ),
    click.option("--text-file", metavar="FILE", help="A UTF-8 file that holds the text instead."),
)
_REST = (
    click.option("--account", help="The account it goes through; see DISPATCHER_ACCOUNTS."),
    click.option("--sender", help="3 to 11 letters or digits."),
    click.option("--from-number", help="A long number of the account, in place of a sender."),
    click.option("--survey", help="A survey of the gateway's dashboard, in place of a text."),
    click.option(
        "--not-before", type=INSTANT, help="Nothing leaves before (2027-03-27T20:00+01:00)."
    ),
    click.option("--not-after", type=INSTANT, help="What has not left by then expires."),
    click.option(
        "--transactional",
        is_flag=True,
        help="No advertising: no window, no STOP mention. Needs --reason.",
    ),
    click.option("--reason", default="", help="Why it is no advertising, for the record."),
    click.option(
        "--consent",
        metavar="SOURCE",
        help="ask: ask the application who consents before each batch leaves (DISPATCHER_CONSENT)."
        " column:NAME[,source:NAME][,wording:NAME]: columns of FILE; no date rejects the row.",
    ),
    click.option(
        "--priority",
        type=click.Choice(["low", "normal", "high"]),
        default="normal",
        help="Campaigns of higher priority leave first.",
    ),
    click.option(
        "--hand-over",
        is_flag=True,
        help="The gateway holds it until --not-before, when no worker need run.",
    ),
    *smoothing,
    *other_campaigns,
    click.option(
        "--tag",
        "tags",
        multiple=True,
        metavar="TAG",
        help="A word of yours, such as shop-lyon, to list and to add up by; up to 10.",
    ),
    click.option(
        "--territory", help="The territory whose clock and holidays count for every number."
    ),
    list_options,
    click.option("--territory-column", help="The column of territories."),
    click.option("--key-column", help="The column of your own keys, given back with results."),
    click.option("--last-contact-column", help="The column of the dates of last contacts."),
    click.option("--hidden", is_flag=True, help="Text rows that are hidden in their sheet, too."),
    click.option("--rejects", metavar="FILE", help="The file for rejected rows."),
    click.option("--strict", is_flag=True, help="Refuse the campaign if a row is rejected."),
    click.option(
        "--check-numbers", is_flag=True, help="Let the gateway check the form of each number."
    ),
)


def text_options(command: _Command) -> _Command:
    """``--text`` and ``--text-file``, for ``text_of``."""
    for option in reversed(_TEXT):
        command = option(command)
    return command


def campaign_options(command: _Command) -> _Command:
    """FILE and the options of ``CampaignArguments``."""
    for option in reversed(_REST):
        command = option(command)
    return click.argument("file")(text_options(command))


@dataclass(frozen=True, kw_only=True)
class CampaignArguments:
    """The values of ``campaign_options``."""

    file: str
    text: str | None
    text_file: str | None
    account: str | None
    sender: str | None
    from_number: str | None
    survey: str | None
    not_before: datetime | None
    not_after: datetime | None
    transactional: bool
    reason: str
    consent: str | None
    priority: str
    hand_over: bool
    per_hour: int | None
    over: timedelta | None
    except_campaign: tuple[str, ...]
    only_campaign: str | None
    tags: tuple[str, ...]
    territory: str | None
    column: str | None
    territory_column: str | None
    key_column: str | None
    last_contact_column: str | None
    encoding: str | None
    sheet: str | None
    skip_lines: int
    hidden: bool
    rejects: str | None
    strict: bool
    check_numbers: bool

    @cached_property
    def body(self) -> str:
        """The text; a survey has none here. Raises InvalidText."""
        if self.survey and self.text is None and self.text_file is None:
            return ""
        return text_of(self.text, self.text_file, but_not=self.file)

    @property
    def source(self) -> Path | None:
        """The file of recipients; None for standard input."""
        return None if self.file == _STDIN else Path(self.file)

    @property
    def options(self) -> Options:
        """The options for ``Dispatcher.submit`` and ``Dispatcher.plan``."""
        from dispatcher.campaigns.submission import Options

        known = Options.__annotations__
        same = {name: value for name, value in vars(self).items() if name in known}
        # what may be waited for, such as a pipe, is no regular file
        at_hand = self.file != _STDIN and Path(self.file).is_file()
        return cast("Options", same | {"commercial": not self.transactional, "at_hand": at_hand})

    @contextmanager
    def opened(self, *, done: str, write: bool, quiet: bool) -> Iterator[tuple[Watched, LeftOut]]:
        """The recipients, and the collector of rejected rows.

        They are written next to FILE when ``write``, else only where ``--rejects`` says;
        ``done`` is as in ``LeftOut``. ``quiet`` shows no bar. If the campaign is refused, the error
        names the file of rejects.
        """
        from dispatcher.campaigns.consent_column import columns_in
        from dispatcher.recipients.files import open_recipients
        from dispatcher.texts.templates import compile_template

        fields = (*compile_template(self.body).fields, *columns_in(self.consent))
        target = rejects_path(self.source, self.rejects)
        with ExitStack() as stack:
            source = self._source(stack)
            recipients = stack.enter_context(
                open_recipients(
                    source,
                    column=self.column,
                    territory_column=self.territory_column,
                    key_column=self.key_column,
                    last_contact_column=self.last_contact_column,
                    encoding=self.encoding,
                    sheet=self.sheet,
                    skip_lines=self.skip_lines,
                    hidden=self.hidden,
                    keep=fields,
                )
            )
            path = target if write or self.rejects is not None else None
            left_out = stack.enter_context(LeftOut(path, recipients, done=done))
            click.get_current_context().meta[REJECTED] = left_out.as_json
            rows = stack.enter_context(with_progress_bar(recipients, source, quiet=quiet))
            try:
                yield rows, left_out
            except InvalidCampaign as error:
                if not left_out.count or path is None:
                    raise
                raise InvalidCampaign(f"{error}; the reasons are in {path}") from None

    def _source(self, stack: ExitStack) -> str | BinaryIO:
        if self.file == _STDIN:
            return self.file
        try:
            return stack.enter_context(Path(self.file).open("rb"))
        except OSError as error:
            raise InvalidFile(f"cannot open {self.file}: {error.strerror}") from None


def text_of(text: str | None, text_file: str | None, *, but_not: str | None = None) -> str:
    """The text of ``text_options``. Raises InvalidText.

    ``but_not`` is a file that may be standard input, too.
    """
    if (text is None) == (text_file is None):
        raise click.UsageError("give either --text or --text-file")
    if text_file is None:
        return text or ""
    if text_file == but_not == _STDIN:
        raise click.UsageError("FILE and --text-file cannot both be standard input")
    try:
        with ExitStack() as stack:
            stdin = text_file == _STDIN
            file = sys.stdin.buffer if stdin else stack.enter_context(Path(text_file).open("rb"))
            content = file.read(_LONGEST_TEXT + 1)
        if len(content) > _LONGEST_TEXT:
            raise InvalidText(f"--text-file {text_file} is over 64 KB long: no SMS is")
        # an editor's last line break is not part of what is sent
        return content.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise InvalidText(f"--text-file {text_file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidText(f"--text-file {text_file} is not UTF-8 text") from None
