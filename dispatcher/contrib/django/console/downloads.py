"""Files that people take from the pages: complete before their first byte leaves."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import BinaryIO, Final, cast

from django.http import FileResponse, HttpRequest

#: the kinds of files, by the end of their names
TYPES: Final = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
}
#: bytes in memory before a file is used
_IN_MEMORY: Final = 4 * 1024 * 1024


def kinds() -> list[str]:
    """The kinds of files that can be written here, the usual one first."""
    return [kind for kind in TYPES if kind != "xlsx" or find_spec("openpyxl")]


def kind_of(request: HttpRequest) -> str:
    """The kind that the query asks for, else the usual one."""
    asked = request.GET.get("format", "")
    return asked if asked in kinds() else kinds()[0]


def download(name: str, kind: str, pieces: Iterable[bytes]) -> FileResponse:
    """The pieces as a file; what goes wrong with one of them is raised here."""

    def write(stream: BinaryIO) -> None:
        for piece in pieces:
            stream.write(piece)

    return written(name, kind, write)


def written(name: str, kind: str, write: Callable[[BinaryIO], None]) -> FileResponse:
    """What ``write`` writes, as a file."""
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the answer closes it
    try:
        write(cast("BinaryIO", file))
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return FileResponse(
        file, as_attachment=True, filename=f"{name}.{kind}", content_type=TYPES[kind]
    )
