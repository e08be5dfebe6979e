"""The physical lines of a text file, decoded while they are read.

A file without a byte order mark is read as UTF-8 until a byte proves otherwise. If everything
before that byte is ASCII, the file is cp1252. Otherwise it mixes two encodings, and a guess could
text "HÃ©lÃ¨ne" to somebody: the error names the line instead.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.sources import damage_named

_BLOCK = 1 << 16
#: in characters: a line is held in memory, and no spreadsheet writes a longer one
LONGEST_LINE = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# an accented letter in UTF-8 whose two bytes are read as cp1252
_MISREAD = re.compile("Ã[" + re.escape(bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")) + "]")


class TextLines:
    """Iterates over lines with their ends (LF, CRLF or CR). Raises InvalidFile."""

    def __init__(self, head: bytes, stream: BinaryIO, *, encoding: str | None = None) -> None:
        self._stream = stream
        marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
        self._guessing = encoding is None and marked is None
        self._use(_known(encoding) if encoding else marked or "utf-8")
        self._before = 0
        self._ascii = True

    def _use(self, encoding: str) -> None:
        #: as far as known: "utf-8" while a file without a mark held only ASCII
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def __iter__(self) -> Iterator[str]:
        begun = ""
        while True:
            with damage_named():
                block = self._stream.read(_BLOCK)
            text = begun + self._decoded(block, begun)
            if self._before == 0:
                text = text.removeprefix("\ufeff")  # it may be there with any encoding
            self._check(text)
            lines = io.StringIO(text, newline="").readlines()
            begun = ""
            # the last line may continue in the next block, or end in half of a CRLF
            if block and lines and not lines[-1].endswith("\n"):
                begun = lines.pop()
                if len(begun) > LONGEST_LINE:
                    raise InvalidFile(f"line {self._before + len(lines) + 1} is over 1 MB long")
            yield from lines
            self._before += len(lines)
            if not block:
                return

    def _decoded(self, block: bytes, begun: str) -> str:
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            fine = error.object[: error.start]
            guessed = self._guessing and self.encoding == "utf-8"
            if guessed and self._ascii and fine.isascii():
                self._use("cp1252")
                return self._decoded(error.object, begun)
            line = self._line_after(begun + fine.decode(error.encoding, "replace"))
            cure = "save the file as UTF-8, or name its encoding"
            raise InvalidFile(f"line {line} is not valid {self.encoding}; {cure}") from None
        self._ascii = self._ascii and text.isascii()
        return text

    def _check(self, text: str) -> None:
        if "\0" in text:
            before = text[: text.index("\0")]
            line = self._line_after(before)
            at = len(before) - max(before.rfind("\n"), before.rfind("\r"))
            cure = "this is not text, or UTF-16 without a mark: save it as CSV in UTF-8"
            raise InvalidFile(f"line {line} holds a NUL byte, its character {at}; {cure}")
        if self._guessing and self.encoding == "cp1252" and (misread := _MISREAD.search(text)):
            line = self._line_after(text[: misread.start()])
            cure = "save the file in one encoding, or name it"
            raise InvalidFile(f"line {line} mixes UTF-8 with cp1252; {cure}")

    def _line_after(self, text: str) -> int:
        ends = text.count("\n") + text.count("\r") - text.count("\r\n")
        return self._before + ends + 1


def _known(encoding: str) -> str:
    try:
        " ".encode(encoding)  # raises for codecs that are not for text
        codecs.getincrementaldecoder(encoding)
        return codecs.lookup(encoding).name
    except LookupError:
        raise InvalidFile(f"unknown encoding {encoding!r}") from None
