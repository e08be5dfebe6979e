"""The physical lines of a text file, decoded as they come.

A file that names no encoding is UTF-8 until a byte proves otherwise. When everything before that
byte is ASCII, the file is cp1252 and nothing was misread; otherwise two encodings are mixed, and
a guess would text "HÃ©lÃ¨ne" to somebody: the line is named instead.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import TYPE_CHECKING, BinaryIO

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.sources import damage_named

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 16
#: in characters; no spreadsheet writes a longer line, and a line is held in memory
LONGEST_LINE = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# what the two bytes of an accented letter in UTF-8 look like when they are read as cp1252
_MISREAD = re.compile("Ã[" + re.escape(bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")) + "]")


class TextLines:
    """Iterates over lines that keep their ends (LF, CRLF or CR); raises InvalidFile."""

    def __init__(self, head: bytes, stream: BinaryIO, *, encoding: str | None = None) -> None:
        self._stream = stream
        marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
        self._guessing = encoding is None and marked is None
        self._use(_known(encoding) if encoding else marked or "utf-8")
        self._before = 0
        self._ascii = True

    def _use(self, encoding: str) -> None:
        #: as known so far: an unmarked file in which only ASCII was seen is "utf-8"
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def __iter__(self) -> Iterator[str]:
        begun = ""
        while True:
            with damage_named():
                block = self._stream.read(_BLOCK)
            text = begun + self._decoded(block, begun)
            if self._before == 0:
                text = text.removeprefix("\ufeff")  # there whatever the caller said
            self._check(text)
            lines = io.StringIO(text, newline="").readlines()
            begun = ""
            # the last line may go on in the next block, or its CR be half of a CRLF
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
            proven = self._guessing and self.encoding == "utf-8"
            if proven and self._ascii and fine.isascii():
                self._use("cp1252")
                return self._decoded(error.object, begun)
            line = self._line_after(begun + fine.decode(error.encoding, "replace"))
            advice = "save the file as UTF-8, or name its encoding"
            raise InvalidFile(f"line {line} is not valid {self.encoding}; {advice}") from None
        self._ascii = self._ascii and text.isascii()
        return text

    def _check(self, text: str) -> None:
        if "\0" in text:
            before = text[: text.index("\0")]
            line = self._line_after(before)
            at = len(before) - max(before.rfind("\n"), before.rfind("\r"))
            advice = "this is no text, or UTF-16 that does not say so: save it as CSV in UTF-8"
            raise InvalidFile(f"line {line} holds a NUL byte, its character {at}; {advice}")
        if self._guessing and self.encoding == "cp1252" and (misread := _MISREAD.search(text)):
            line = self._line_after(text[: misread.start()])
            advice = "save the file in one encoding, or name it"
            raise InvalidFile(f"line {line} mixes UTF-8 with cp1252; {advice}")

    def _line_after(self, text: str) -> int:
        ends = text.count("\n") + text.count("\r") - text.count("\r\n")
        return self._before + ends + 1


def _known(encoding: str) -> str:
    try:
        " ".encode(encoding)  # refuses the codecs that make no text
        codecs.getincrementaldecoder(encoding)
        return codecs.lookup(encoding).name
    except LookupError:
        raise InvalidFile(f"unknown encoding {encoding!r}") from None
