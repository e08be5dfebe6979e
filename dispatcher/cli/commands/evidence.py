"""``dispatcher evidence``: all that is known of a campaign in one signed file, and its check."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from dispatcher.campaigns.wording import counted
from dispatcher.cli.exits import Refusal, Unusable
from dispatcher.cli.options import find_campaign, json_option, open_dispatcher
from dispatcher.cli.output import complain, print_json, quote, reader, say

#: stands for standard output
_STREAM = "-"
_WRITE = "write"
_ASKS_FOR_HELP = ("-h", "--help")


class _WritesByDefault(click.Group):
    """Takes a first word that is no command for the reference of a campaign."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; without a command they are those of ``write``."""
        if args and args[0] not in self.commands and args[0] not in _ASKS_FOR_HELP:
            args = [_WRITE, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which they are explained."""
        del ctx
        return list(self.commands)


@click.group(cls=_WritesByDefault)
def evidence() -> None:
    """All that is known of campaign REF in one signed file; verify such a file.

    "dispatcher evidence REF" writes it: a ZIP with text, sender, batches and their windows,
    attempts, answers, recipients and the record of actions.
    """


@evidence.command(_WRITE)
@click.argument("ref")
@click.option(
    "--output",
    metavar="FILE",
    help="The file to write; - is standard output. Without it: evidence-ID.zip, here.",
)
@click.option("--masked", is_flag=True, help="Hide the middle of each number.")
@json_option
def write(*, ref: str, output: str | None, masked: bool, as_json: bool) -> None:
    """Write the evidence of campaign REF, a file that only its owner may read.

    The export goes on record.
    """
    dispatcher = open_dispatcher()
    campaign = find_campaign(dispatcher, ref)
    file = output or f"evidence-{campaign.id}.zip"
    writer = dispatcher.evidence_writer
    try:
        if file == _STREAM:
            writer.write(campaign.id, sys.stdout.buffer, hides=masked)
            sys.stdout.buffer.flush()
            return
        sums = dispatcher.evidence(campaign.id, file, hides=masked)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Refusal(f"the evidence cannot be written to {file}: {error.strerror}") from None
    fingerprint = writer.key.fingerprint
    if as_json:
        print_json({"file": file, "fingerprint": fingerprint, "sums": sums})
        return
    people = counted(sums["recipients"], "recipient")
    batches, attempts = (
        counted(sums["batches"], "batch", "batches"),
        counted(sums["attempts"], "attempt"),
    )
    say(f"{people} in {batches} and {attempts}, written to {file}")
    say(f"signed with the key {fingerprint}")


@evidence.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key",
    "expected",
    metavar="KEY",
    help="The key that must have signed it: a fingerprint, or a file that 'key' wrote.",
)
@json_option
def verify(*, file: Path, expected: str | None, as_json: bool) -> None:
    """Check signature, hashes, sums, chain and windows of FILE; exit with 1 if any is wrong.

    It needs no database, no setting and no network. Without --key anybody may have signed it.
    """
    from dispatcher.campaigns.evidence_file import verifying

    fingerprint = None if expected is None else _fingerprint(expected)
    try:
        with file.open("rb") as stream:
            if not stream.seekable():
                raise Unusable(f"{file}: it is a pipe, and evidence is read from a file")
            found = verifying.verify(stream, key=fingerprint)
    except OSError as error:
        raise Unusable(f"{file}: {error.strerror}") from None
    if as_json:
        print_json(found.as_json())
    else:
        for line in (*found.problems, *found.remarks):
            say(line)
    if found.problems:
        raise Refusal(f"{file} is no proof: {counted(len(found.problems), 'problem')}")
    if not as_json:
        _say_right(found.sums, found.reference, found.made_at)
        by = "the expected key" if fingerprint else "the key"
        say(f"signed with {by} {found.fingerprint}")
        if not fingerprint:
            complain("compare this key with the one that you were given, or give it as --key")


@evidence.command()
@json_option
def key(*, as_json: bool) -> None:
    """Print the public key that evidence is verified by: give it to whoever verifies.

    It goes to standard output in PEM, its fingerprint to standard error.
    """
    public = open_dispatcher().evidence_writer.key
    if as_json:
        print_json({"key": public.pem, "fingerprint": public.fingerprint})
        return
    for line in public.pem.splitlines():
        quote(line)
    complain(f"fingerprint: {public.fingerprint}")


def _say_right(sums: Any, named: str, made_at: str) -> None:
    say(f"the evidence of {named}, made at {made_at}: nothing is wrong")
    states = reader().counts(sums["states"])
    say(
        f"{counted(sums['recipients'], 'recipient')} ({states}),"
        f" {counted(sums['batches'], 'batch', 'batches')}, {counted(sums['attempts'], 'attempt')},"
        f" {counted(sums['segments'], 'segment')}, {sums['cost']} €"
    )


def _fingerprint(word: str) -> str:
    """The fingerprint of a key that is named by it, or by a file in PEM."""
    from dispatcher.campaigns.evidence_file.signing import PublicKey, as_fingerprint

    if (plain := as_fingerprint(word)) is not None:
        return plain
    try:
        return PublicKey.of(Path(word).read_text(encoding="ascii")).fingerprint
    except OSError as error:
        raise Unusable(
            f"--key: no fingerprint (64 hexadecimal digits), and {word}: {error.strerror}"
        ) from None
    except ValueError:
        raise Unusable(f"--key: {word} holds no public key in PEM") from None
