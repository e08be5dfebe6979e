"""``dispatcher person``: what is stored about one person, its erasure, and who is stale."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

from dispatcher.api.persons import UNSEALED
from dispatcher.campaigns.wording import counted
from dispatcher.cli.commands.opt_out_decisions import normalised
from dispatcher.cli.commands.stale import stale
from dispatcher.cli.confirm import confirm
from dispatcher.cli.discreet import Discreet
from dispatcher.cli.exits import OutOfReach, Refusal, Unusable
from dispatcher.cli.options import json_option, open_dispatcher, yes_option
from dispatcher.cli.output import complain, print_json, quote, reader, say

if TYPE_CHECKING:
    from dispatcher.storage.erasures import WaitingBatch

_number = click.argument("number")
#: stands for standard output
_STREAM = "-"
_COLUMNS = ("table", "row", "column", "value")
_NOBODY = "nothing is stored about this number"


@click.group(cls=Discreet)
def person() -> None:
    """Show or erase what is stored about one person, and name who is stale.

    "-" reads NUMBER from standard input, where no list of processes shows it.
    """


person.add_command(stale)


@person.command()
@_number
@json_option
@click.option("--csv", "file", metavar="FILE", help="Write it as CSV; - is standard output.")
def show(number: str, *, as_json: bool, file: str | None) -> None:
    """Show all that is stored about NUMBER, table by table, in clear."""
    held = open_dispatcher().persons.show(normalised(number))
    if as_json:
        print_json(held)
    elif not held:
        raise Refusal(_NOBODY)
    elif file is not None:
        _write_csv(held, file)
    else:
        for table, rows in held.items():
            title = reader().word("stored_table", table)
            quote(f"{title}: {reader().say(counted(len(rows), 'row'))}")
            for row in rows:
                cells = (
                    f"{_column(name)} {_plain(value)}" for name, value in row.items() if value != ""
                )
                quote(f"  {', '.join(cells)}")


@person.command()
@_number
@click.option("--reason", required=True, help="The reason, for the record.")
@yes_option
def erase(number: str, *, reason: str, yes: bool) -> None:
    """Put a pseudonym in place of NUMBER and its fields everywhere; it is never texted again.

    Killed at any moment, it may be run again. What the gateway still has is done by workers later.
    """
    phone = normalised(number)
    persons = open_dispatcher().persons
    if not persons.is_stored(phone):
        raise Refusal(f"{_NOBODY}: nobody is erased")
    before = persons.is_erased(phone)
    confirm(
        "Erase this person for good?",
        yes=yes,
        else_="erasing cannot be undone: confirm it by --yes",
    )
    waiting = persons.erase(phone, reason=reason)
    _say_erased(waiting, before=before)
    if not waiting.overwritten:
        raise OutOfReach(
            "old pages of the database may still hold the number, because another program reads"
            " it: run this command again"
        )


def _say_erased(waiting: Sequence[WaitingBatch], *, before: bool) -> None:
    if not waiting:
        was = "was erased before" if before else "is erased"
        say(f"the person {was}: a pseudonym is stored, so that the number is never texted")
        return
    say(
        "the person is never texted again, and is erased but for"
        f" {counted(len(waiting), 'batch', 'batches')} that the gateway has, or may have:"
    )
    for batch in waiting:
        state = reader().word("batch", batch.state)
        say(f"  batch {batch.id} of {batch.reference}: {state}")
    say("workers erase the person there once its reports have come, or its doubt has ended")


@person.command("export-erasures")
@click.argument("file")
def export_erasures(file: str) -> None:
    """Write who was erased to FILE, as pseudonyms: keep it beside each backup."""
    from dispatcher.recipients.files.new_file import NewFile

    dispatcher = open_dispatcher()
    lines = dispatcher.persons.erasures()
    if not lines:
        raise Refusal(f"nobody was erased: {file} was not written")
    dispatcher.record.note("export", reason=f"the erasures, as pseudonyms, to {file}")
    written = NewFile(file)
    try:
        written.stream.write("".join(f"{json.dumps(line)}\n" for line in lines).encode())
    except OSError:
        written.discard()
        raise
    written.close()
    say(f"{counted(len(lines) - 2, 'erasure')} written to {file}")


@person.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
def replay(file: TextIO) -> None:
    """Erase again who is in FILE, after a restore; nobody of them is texted."""
    try:
        lines = [json.loads(line) for line in file if line.strip()]
    except ValueError:
        raise Unusable("this is no list of erasures; nothing was changed") from None
    new = open_dispatcher().persons.replay(lines)
    sealed = "seal" in lines[-1]
    count = len(lines) - 1 - sealed
    if not sealed:
        complain(f"warning: {UNSEALED}")
    say(f"{counted(count, 'erasure')} in the file, {new:,} of them missing here: all done")


@person.command("forget-key")
@click.option("--reason", required=True, help="How it was lost, for the record.")
@yes_option
def forget_key(*, reason: str, yes: bool) -> None:
    """Go on without a pseudonym key that is lost for ever; everything is paused.

    Who was erased under it is not recognised any more when a list brings the number.
    """
    persons = open_dispatcher().persons
    lost = persons.lost_keys()
    if not lost.count:
        raise Refusal("no pseudonym key is missing: nothing was changed")
    say(
        f"{counted(lost.count, 'pseudonym key')} missing. If there is a copy, set it again instead."
    )
    erased = counted(lost.erased, "erased person", "erased people")
    say(
        f"Without it, up to {erased} can no longer be recognised: who is on a later list is texted,"
    )
    say("unless the number comes to the opt-out list from elsewhere.")
    for batch in lost.waiting:
        state = reader().word("batch", batch.state)
        say(f"  batch {batch.id} of {batch.reference} ({state}) has somebody who was to be erased")
    confirm(
        "Forget the key for good?",
        yes=yes,
        else_="a forgotten key cannot be made again: confirm it by --yes",
    )
    persons.forget_keys(reason=reason)
    say("The key is forgotten. Everything is paused; workers accept the present key. Next:")
    say("1. dispatcher opt-outs sync; import opt-outs that you have elsewhere, such as")
    say("   dispatcher opt-outs import FILE with an export of the gateway's STOP list.")
    say("2. dispatcher person erase NUMBER --reason … for each request that you have in writing.")
    if lost.waiting:
        say("3. Erase the people in the batches above again, too; give up what is in doubt there.")
    say(f"{4 if lost.waiting else 3}. dispatcher resume --all")


def _write_csv(held: dict[str, list[dict[str, Any]]], file: str) -> None:
    from dispatcher.recipients.files.private_csv import PrivateTable

    count = sum(map(len, held.values()))
    with PrivateTable(sys.stdout.buffer if file == _STREAM else file, _COLUMNS) as csv:
        for table, rows in held.items():
            for place, row in enumerate(rows, start=1):
                for name, value in row.items():
                    csv.write((table, str(place), name, _plain(value)))
    if file != _STREAM:
        say(f"{counted(count, 'row')} written to {file}")


def _column(name: str) -> str:
    """A column for people; in English by its own name."""
    words = reader()
    return name if words.code == "en" else words.word("stored_column", name)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
