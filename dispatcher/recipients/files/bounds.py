"""Bounds on what a file may unpack to, checked while it is read.

A few kilobytes of gzip or XLSX can unpack to gigabytes. Everything that is unpacked goes through
these streams, so that such a file is refused in seconds and with little memory.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import IO, BinaryIO

from dispatcher.errors import InvalidFile

#: rows of a sheet, as in Excel
MOST_ROWS = 1 << 20
MOST_COLUMNS = 1000
#: bytes that a file, or a part of a workbook, may unpack to
MOST_UNPACKED = 1 << 30
#: no list of people compresses better than this; small files are not judged
_MOST_RATIO, _FREE = 100, 1 << 23
#: bytes of XML of one row or one shared string
_LONGEST_ROW = 1 << 20
#: bytes of a part that is read whole: styles, names of sheets
_LARGEST_WHOLE = 1 << 23
_MOST_SHARED = 1 << 21
_BLOCK = 1 << 16
_STARTS = re.compile(
    rb"<(?:[\w.-]{1,20}:)?(row|si|table-row)[\s/>]|<!DOCTYPE|</(?:[\w.-]{1,20}:)?sheetData"
)
#: bytes of a tag that may be cut by the end of a block
_TAG = 32


def check_unpacked(unpacked: int, packed: int) -> None:
    """Raise InvalidFile if so many bytes cannot be a list of recipients."""
    if unpacked > MOST_UNPACKED:
        raise InvalidFile("the file unpacks to over 1 GB; split it")
    if unpacked > max(_FREE, packed * _MOST_RATIO):
        raise InvalidFile("the file unpacks to over 100 times its size, which no list does")


class Counted(io.RawIOBase):
    """A stream of the packed file, which counts the bytes that are read."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        """True, always."""
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        """The next bytes."""
        block = self._stream.read(len(target))
        target[: len(block)] = block
        self.count += len(block)
        return len(block)


class Unpacked(io.RawIOBase):
    """What a gzip stream unpacks to. Raises InvalidFile beyond the bounds."""

    def __init__(self, stream: BinaryIO, packed: Counted) -> None:
        super().__init__()
        self._stream, self._packed = stream, packed
        self._count = 0

    def readable(self) -> bool:
        """True, always."""
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        """The next bytes."""
        block = self._stream.read(len(target))
        target[: len(block)] = block
        self._count += len(block)
        check_unpacked(self._count, self._packed.count)
        return len(block)


class BoundedArchive(zipfile.ZipFile):
    """The archive of a workbook; every part is checked before it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self._checked: set[str] = set()

    def open(self, name: str | zipfile.ZipInfo, *_: object) -> IO[bytes]:  # type: ignore[override]
        """A part of the workbook. Raises InvalidFile beyond the bounds, or KeyError."""
        part = self.getinfo(name) if isinstance(name, str) else name
        if part.filename not in self._checked:
            bounds = _Bounds(part.compress_size)
            with super().open(part) as stream:
                while block := stream.read(_BLOCK):
                    bounds.check(block)
            self._checked.add(part.filename)
        return super().open(part)

    def read(self, name: str | zipfile.ZipInfo, *_: object) -> bytes:
        """A whole part. Raises InvalidFile if it is too large for that, or KeyError."""
        part = self.getinfo(name) if isinstance(name, str) else name
        if part.file_size > _LARGEST_WHOLE:
            raise InvalidFile("the workbook holds a style sheet or a list of sheets over 8 MB")
        return super().read(part)


class _Bounds:
    """Counts rows and shared strings in the XML of one part, and the bytes of each."""

    def __init__(self, packed: int) -> None:
        self._packed = packed
        self._count = self._since = self._rows = self._shared = 0
        self._in_row = False
        self._tail = b""

    def check(self, block: bytes) -> None:
        """Take the next bytes. Raises InvalidFile."""
        self._count += len(block)
        check_unpacked(self._count, self._packed)
        text = self._tail + block
        last = 0
        for found in _STARTS.finditer(text):
            self._start(found[0], found[1], self._since + found.start() - last)
            self._since, last = 0, found.end()
        self._since += len(text) - last
        cut = max(last, len(text) - _TAG)
        self._tail = text[cut:]
        self._since -= len(self._tail)
        self._check_length(self._since)

    def _start(self, tag: bytes, name: bytes | None, length: int) -> None:
        self._check_length(length)
        if tag.startswith(b"<!"):
            raise InvalidFile("the workbook holds a document type, which no spreadsheet writes")
        self._in_row = name is not None
        self._rows += name in (b"row", b"table-row")
        self._shared += name == b"si"
        if self._rows > MOST_ROWS:
            raise InvalidFile(f"the sheet has over {MOST_ROWS:,} rows; split it")
        if self._shared > _MOST_SHARED:
            raise InvalidFile(f"the workbook has over {_MOST_SHARED:,} texts; save it as CSV")

    def _check_length(self, length: int) -> None:
        if length > _LONGEST_ROW and self._in_row:
            raise InvalidFile(f"the workbook holds over 1 MB in row {self._rows or self._shared}")
        if length > _LARGEST_WHOLE:
            raise InvalidFile("the workbook holds a part over 8 MB without a row")
