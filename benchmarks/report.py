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
    *("send-50", "send-0", "steps", "life", "memory", "ingest", "evidence", "retention"),
    *("polling", "latency", "throttle", "workers", "simulation"),
)
END = "<!-- the end of what make bench has found -->"
#: before each table, with its key
_mark = re.compile(r"<!-- ([\w-]+) -->\n")


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

    Tables of other benchmarks stay. Returns the document's name.
    """
    text = document.read_text(encoding="utf-8") if document.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    found, _, after = rest.partition(END)
    _, *parts = _mark.split(found)
    sections = dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))
    sections |= {one.key: "\n".join(_lines(one, document.parent)) for one in tables}
    marked = (f"<!-- {key} -->\n{sections[key]}\n\n" for key in sorted(sections, key=_place))
    document.write_text(f"{before}{BEGIN}\n\n{''.join(marked)}{END}{after}", encoding="utf-8")
    return document.name


def _place(key: str) -> tuple[int, str]:
    return ORDER.index(key) if key in ORDER else len(ORDER), key


def _lines(table: Table, directory: Path) -> Iterator[str]:
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
    yield f"- `{table.command}` on {table.machine}."
