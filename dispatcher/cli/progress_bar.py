"""A progress bar on the terminal while a file is read and its recipients are stored."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from dispatcher.cli.output import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.progress import Progress

    from dispatcher.recipients import Recipient
    from dispatcher.recipients.files import RecipientFile

#: rows between two updates of the bar
_STRIDE = 500


class Watched:
    """Recipients, to be read once, without a bar."""

    def __init__(self, recipients: Iterable[Recipient]) -> None:
        self._recipients = recipients

    def __iter__(self) -> Iterator[Recipient]:
        return iter(self._recipients)

    def stored(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` recipients were sent to the database."""


@contextmanager
def with_progress_bar(
    recipients: RecipientFile, source: str | BinaryIO, *, quiet: bool = False
) -> Iterator[Watched]:
    """The recipients, with a progress bar on stderr if it is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal or not sys.stdout.isatty():
        yield Watched(recipients)
        return
    rows = in_words("rows")
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    # a workbook is not read in order, standard input has no size: only their rows are counted
    stream = None if isinstance(source, str) or recipients.encoding is None else source
    with Progress(
        SpinnerColumn(),
        TextColumn(f"{{task.description}} {{task.fields[rows]:,}} {rows}"),
        BarColumn(),
        TextColumn(f"{{task.fields[rate]:,.0f}} {rows}/s"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        yield _Bar(recipients, bar, stream)


class _Bar(Watched):
    """The same with a bar: for reading the file, then for storing its recipients."""

    def __init__(
        self, recipients: Iterable[Recipient], bar: Progress, stream: BinaryIO | None
    ) -> None:
        super().__init__(recipients)
        self._bar = bar
        self._stream = stream
        size = os.fstat(stream.fileno()).st_size if stream else None
        self._task = bar.add_task(in_words("reading"), total=size, rows=0, rate=0.0)
        self._since = time.monotonic()
        self._is_read = self._is_storing = False

    def __iter__(self) -> Iterator[Recipient]:
        for row, recipient in enumerate(self._recipients, start=1):
            if row % _STRIDE == 0:
                self._show(row, self._stream.tell() if self._stream else 0)
            yield recipient
        self._is_read = True
        self._since = time.monotonic()

    def stored(self, done: int, total: int) -> None:
        if not self._is_read:  # they are stored as they are read
            return
        if not self._is_storing:
            self._is_storing = True
            self._bar.update(self._task, visible=False)
            self._task = self._bar.add_task(in_words("storing"), total=total, rows=0, rate=0.0)
        self._show(done, done)

    def _show(self, rows: int, completed: int) -> None:
        rate = rows / (time.monotonic() - self._since or 1e-9)
        self._bar.update(self._task, completed=completed, rows=rows, rate=rate)
