"""Sources of bytes: a path, standard input or a stream, plain or gzipped."""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.bounds import Counted, Unpacked

#: bytes that tell what a file is
_HEAD = 1024
_GZIP = b"\x1f\x8b"


def open_source(source: str | Path | BinaryIO, stack: ExitStack) -> tuple[bytes, BinaryIO]:
    """The first bytes of a source, and the source from its beginning, decompressed.

    ``stack`` closes what is opened here; a stream of the caller and standard input stay open.
    Raises InvalidFile.
    """
    if isinstance(source, str | Path):
        stream = sys.stdin.buffer if source == "-" else _open_path(Path(source), stack)
    else:
        stream = source
    head, stream = _look_ahead(stream, returns=stream.seekable())
    if head.startswith(_GZIP):
        packed = Counted(stream)
        opened = gzip.GzipFile(fileobj=cast("BinaryIO", io.BufferedReader(packed)))
        unzipped = Unpacked(cast("BinaryIO", stack.enter_context(opened)), packed)
        head, stream = _look_ahead(cast("BinaryIO", unzipped), returns=False)
    return head, stream


def seekable(stream: BinaryIO, stack: ExitStack) -> BinaryIO:
    """The stream itself if it can seek, else its content in a temporary file."""
    if stream.seekable():
        return stream
    spool = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    with damage_named():
        shutil.copyfileobj(stream, spool)
    spool.seek(0)
    return cast("BinaryIO", spool)


@contextmanager
def damage_named() -> Iterator[None]:
    """Turn the errors of a broken or truncated source into InvalidFile."""
    try:
        yield
    except (EOFError, OSError, zlib.error):
        raise InvalidFile("the file is damaged or truncated, or cannot be read") from None


def _open_path(path: Path, stack: ExitStack) -> BinaryIO:
    try:
        return stack.enter_context(path.open("rb"))
    except OSError as error:
        raise InvalidFile(f"cannot open {path}: {error.strerror}") from None


def _look_ahead(stream: BinaryIO, *, returns: bool) -> tuple[bytes, BinaryIO]:
    head = b""
    try:
        with damage_named():
            # a pipe may return fewer bytes
            while len(head) < _HEAD and (more := stream.read(_HEAD - len(head))):
                head += more
    except TypeError:
        raise InvalidFile("a stream of text; open the file in binary mode") from None
    if returns:
        stream.seek(-len(head), io.SEEK_CUR)
        return head, stream
    return head, cast("BinaryIO", io.BufferedReader(_Rejoined(head, stream)))


class _Rejoined(io.RawIOBase):
    """A stream that cannot seek, preceded by the bytes that were read from it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        block = self._head or self._rest.read(len(target))
        size = min(len(block), len(target))
        target[:size] = block[:size]
        self._head = block[size:]
        return size
