"""The results of a campaign as a file: CSV, XLSX or JSON lines, in pieces that can be streamed."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, cast

from dispatcher.api.results import Results
from dispatcher.campaigns.results import ResultSums
from dispatcher.recipients.files.new_workbook import NewWorkbook
from dispatcher.recipients.files.private_csv import PrivateTable
from dispatcher.window.slots import PARIS

COLUMNS: Final = (
    "batch",
    "position",
    "row",
    "phone",
    "key",
    "state",
    "reason",
    "sent_at",
    "reported_at",
    "attempts",
    "segments",
    "cost",
)
SUM_COLUMNS: Final = ("what", "sum")
#: about how many bytes a piece has
_PIECE: Final = 1 << 16


def pieces(results: Results, form: str, *, hides: bool) -> Iterator[bytes]:
    """The file in pieces; ``form`` is one of ``FORMATS``, and ``hides`` masks numbers.

    JSON lines end with the sums, a workbook has a sheet of them, a CSV file holds rows alone.
    Raises as ``Results`` does, ConfigurationError without the library for XLSX, and OSError.
    """
    return FORMATS[form](results, hides)


def sums_of(sums: ResultSums) -> Iterator[tuple[str, str]]:
    """The sums as the rows of a table."""
    for name, value in sums.as_json().items():
        if isinstance(value, dict):
            yield from ((state, str(count)) for state, count in value.items())
        else:
            yield name, str(value)


def _csv(results: Results, hides: bool) -> Iterator[bytes]:
    buffer = io.BytesIO()
    table = PrivateTable(buffer, COLUMNS)
    table.begin()
    for result in results:
        row = result.as_json(hides=hides)
        table.write(["" if row[name] is None else str(row[name]) for name in COLUMNS])
        if buffer.tell() >= _PIECE:
            yield _taken(buffer)
    table.close()
    yield _taken(buffer)


def _jsonl(results: Results, hides: bool) -> Iterator[bytes]:
    buffer = io.BytesIO()
    for result in results:
        buffer.write(_line(result.as_json(hides=hides)))
        if buffer.tell() >= _PIECE:
            yield _taken(buffer)
    buffer.write(_line({"sums": results.sums.as_json()}))
    yield _taken(buffer)


def _line(value: object) -> bytes:
    return f"{json.dumps(value, ensure_ascii=False)}\n".encode()


def _xlsx(results: Results, hides: bool) -> Iterator[bytes]:
    book = NewWorkbook(PARIS)
    with tempfile.TemporaryFile() as file:
        try:
            book.begin("Results", COLUMNS)
            for result in results:
                book.write(
                    [
                        result.batch,
                        result.position,
                        result.row,
                        result.masked if hides else result.phone,
                        result.masked_key if hides else result.key,
                        result.state,
                        result.reason,
                        result.sent_at,
                        result.reported_at,
                        result.attempts,
                        result.segments,
                        result.cost,
                    ]
                )
            book.begin("Sums", SUM_COLUMNS)
            for name, value in sums_of(results.sums):
                book.write([name, value])
        except BaseException:
            book.discard()
            raise
        book.save(cast("BinaryIO", file))
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


def _taken(buffer: io.BytesIO) -> bytes:
    taken = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return taken


#: how a file is written, by the name of its format
FORMATS: Final[dict[str, Callable[[Results, bool], Iterator[bytes]]]] = {
    "csv": _csv,
    "xlsx": _xlsx,
    "jsonl": _jsonl,
}
