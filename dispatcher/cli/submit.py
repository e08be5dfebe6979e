"""``dispatcher submit``: a campaign from a file."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from dispatcher.cli.options import INSTANT, json_option, open_dispatcher
from dispatcher.cli.output import counted, print_json, say, standing
from dispatcher.cli.reading import shown_reading
from dispatcher.cli.rejects import LeftOut, rejects_path
from dispatcher.errors import InvalidCampaign, InvalidFile, InvalidText, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from dispatcher.api import Dispatcher
    from dispatcher.progress import Progress

_STDIN = "-"


@click.command()
@click.argument("file")
@click.option("--reference", required=True, help="Your own name for the campaign; only once.")
@click.option("--text", help='The text; may hold {{ column }} or {{ column | default("…") }}.')
@click.option("--text-file", metavar="FILE", help="A UTF-8 file that holds the text instead.")
@click.option("--sender", help="3 to 11 letters or digits.")
@click.option("--not-before", type=INSTANT, help="Nothing leaves before (2027-03-27T20:00+01:00).")
@click.option("--not-after", type=INSTANT, help="What has not left by then expires.")
@click.option("--transactional", is_flag=True, help="No advertising: no window, no STOP mention.")
@click.option("--territory", help="Whose clock and holidays, whatever the numbers say.")
@click.option("--column", help="The column of numbers: its name, or its position from 1.")
@click.option("--territory-column", help="The column of territories.")
@click.option("--encoding", help="The file's encoding, if it cannot be found out.")
@click.option("--rejects", metavar="FILE", help="Where unusable rows go (FILE.rejects.csv).")
@click.option("--strict", is_flag=True, help="Store nothing when any row is unusable.")
@json_option
def submit(
    file: str,
    *,
    reference: str,
    text: str | None,
    text_file: str | None,
    sender: str | None,
    not_before: datetime | None,
    not_after: datetime | None,
    transactional: bool,
    territory: str | None,
    column: str | None,
    territory_column: str | None,
    encoding: str | None,
    rejects: str | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Store a campaign for the recipients in FILE.

    FILE is CSV or XLSX, plain or gzipped; "-" is standard input. The same reference with the
    same text and recipients is the same campaign, and stored once.
    """
    from dispatcher.files import open_recipients
    from dispatcher.texts import compile_template

    dispatcher = open_dispatcher()
    text = _text(text, text_file, file)
    fields = compile_template(text).fields
    target = rejects_path(None if file == _STDIN else Path(file), rejects)
    with ExitStack() as stack:
        source = _opened(file, stack)
        recipients = stack.enter_context(
            open_recipients(
                source,
                column=column,
                territory_column=territory_column,
                encoding=encoding,
                keep=fields,
            )
        )
        left_out = stack.enter_context(LeftOut(target, recipients.columns))
        known = _is_known(dispatcher, reference)
        rows = stack.enter_context(shown_reading(recipients, source))
        try:
            campaign = dispatcher.submit(
                reference,
                text,
                rows,
                sender=sender,
                not_before=not_before,
                not_after=not_after,
                commercial=not transactional,
                territory=territory,
                strict=strict,
                reject=left_out,
            )
        except InvalidCampaign as error:
            if not left_out.count:
                raise
            raise InvalidCampaign(f"{error}; the reasons are in {left_out.path}") from None
    progress = dispatcher.progress(campaign)
    if as_json:
        print_json(
            progress.as_json()
            | {
                "rejected": dict(left_out.reasons),
                "rejects": str(left_out.path) if left_out.count else None,
                "already_submitted": known,
            }
        )
        return
    for line in _summary(dispatcher, progress, left_out, known=known):
        say(line)


def _text(text: str | None, text_file: str | None, file: str) -> str:
    if (text is None) == (text_file is None):
        raise click.UsageError("give either --text or --text-file")
    if text_file is None:
        return text or ""
    if text_file == file == _STDIN:
        raise click.UsageError("FILE and --text-file cannot both be standard input")
    try:
        stdin = text_file == _STDIN
        content = sys.stdin.buffer.read() if stdin else Path(text_file).read_bytes()
        # an editor's last line break is not part of what is sent
        return content.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise InvalidText(f"--text-file {text_file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidText(f"--text-file {text_file} is not UTF-8 text") from None


def _opened(file: str, stack: ExitStack) -> str | BinaryIO:
    if file == _STDIN:
        return file
    try:
        return stack.enter_context(Path(file).open("rb"))
    except OSError as error:
        raise InvalidFile(f"cannot open {file}: {error.strerror}") from None


def _is_known(dispatcher: Dispatcher, reference: str) -> bool:
    try:
        dispatcher.progress(reference)
    except NotFound:
        return False
    return True


def _summary(
    dispatcher: Dispatcher, progress: Progress, left_out: LeftOut, *, known: bool
) -> list[str]:
    lines = [f"{progress.reference} is campaign {progress.id}"]
    if known:
        lines[0] += ", submitted before: nothing was added"
    batches = sum(progress.batches.values())
    lines.append(
        f"{counted(progress.recipients, 'recipient')} kept of {counted(progress.rows, 'row')},"
        f" {counted(progress.duplicates, 'duplicate')}, {counted(progress.unusable, 'reject')},"
        f" {counted(batches, 'batch', 'batches')}"
    )
    lines += [f"  {count:,} × {reason}" for reason, count in left_out.reasons.most_common()]
    if left_out.count:
        lines.append(f"rejected rows, with line and reason: {left_out.path}")
    lines.append(standing(progress, dispatcher.clock()) or _unheld(progress))
    return lines


def _unheld(progress: Progress) -> str:
    if progress.messages["pending"]:
        return "waits for nothing: it leaves as soon as a worker sees it (dispatcher run)"
    return f"it is {progress.state}: dispatcher progress {progress.reference}"
