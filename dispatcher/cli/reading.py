"""A bar on the terminal while a file is read."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dispatcher.files import RecipientFile
    from dispatcher.recipients import Recipient

#: rows between two looks at the file's position
_STRIDE = 500


@contextmanager
def shown_reading(
    recipients: RecipientFile, source: str | BinaryIO
) -> Iterator[Iterable[Recipient]]:
    """The recipients themselves; how far they are read shows on stderr, if it is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield recipients
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    # a workbook is read here and there, standard input has no end: only their rows are counted
    stream = None if isinstance(source, str) or recipients.encoding is None else source
    total = os.fstat(stream.fileno()).st_size if stream else None
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        BarColumn(),
        TextColumn("{task.fields[rate]:,.0f} rows/s"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("reading", total=total, rows=0, rate=0.0)

        def counted() -> Iterator[Recipient]:
            for row, recipient in enumerate(recipients, start=1):
                if row % _STRIDE == 0:
                    elapsed = bar.tasks[0].elapsed or 1e-9
                    done = stream.tell() if stream else 0
                    bar.update(task, completed=done, rows=row, rate=row / elapsed)
                yield recipient

        yield counted()
