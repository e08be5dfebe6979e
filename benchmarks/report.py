"""Shows what was measured, and writes it to docs/performance.md between two marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from benchmarks import plot
from benchmarks.figures import Table
from benchmarks.processes import ROOT

DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN = "<!-- what make bench has found; written by it -->"
#: the keys of the tables, in the order of the document
ORDER = (
    *("send-50", "send-0", "steps", "life", "memory", "ingest", "evidence"),
    *("polling", "latency", "throttle", "workers", "simulation"),
)
END = "<!-- the end of what make bench has found -->"


def show(console: Console, table: Table) -> None:
    """Print them on a terminal."""
    grid = Grid(title=table.title, title_justify="left")
    for heading in ("", *table.headings):
        grid.add_column(heading, justify="left" if not heading else "right")
    for row in table.rows:
        grid.add_row(row.name, *row.figures)
    console.print(grid)


def write(tables: Sequence[Table], document: Path = DOCUMENT) -> str:
    """Put the tables between the marks of the document, and the plots beside it.

    Returns the document's name.
    """
    kept = document.read_text(encoding="utf-8") if document.exists() else f"{BEGIN}\n{END}\n"
    generated = "\n".join([BEGIN, "", *_lines(tables, document.parent), END])
    between = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    document.write_text(between.sub(lambda _: generated, kept), encoding="utf-8")
    return document.name


def _place(table: Table) -> int:
    return ORDER.index(table.key) if table.key in ORDER else len(ORDER)


def _lines(tables: Sequence[Table], directory: Path) -> Iterator[str]:
    for table in sorted(tables, key=_place):
        yield f"### {table.title}\n"
        drawn = plot.bars(table)
        if drawn:
            name = f"performance-{table.key}.svg"
            (directory / name).write_text(drawn, encoding="utf-8")
            yield f"![{table.title}: {table.unit}]({name})\n"
        yield f"| | {' | '.join(table.headings)} |"
        yield f"|---|{'---:|' * len(table.headings)}"
        for row in table.rows:
            yield f"| {row.name} | {' | '.join(row.figures)} |"
        yield ""
        for note in table.notes:
            yield f"- {note}"
        yield f"- `{table.command}` on {table.machine}.\n"
