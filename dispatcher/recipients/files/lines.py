"""The physical lines of a text file, decoded while they are read.

A file without a byte order mark is read as UTF-8 until a byte proves otherwise. If everything
before that byte is ASCII, the encoding is what ``encodings`` decides. Otherwise it mixes two
encodings, and a guess could text "HÃ©lÃ¨ne" to somebody: the error names the line instead.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.encodings import decided
from dispatcher.recipients.files.sources import damage_named

_BLOCK = 1 << 16
#: bytes from which an encoding is decided
_SAMPLE = 1 << 20
#: in characters: a line is held in memory, and no spreadsheet writes a longer one
LONGEST_LINE = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# an accented letter in UTF-8 whose two bytes are read as cp1252
_MISREAD = re.compile("Ã[" + re.escape(bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")) + "]")


_UTF_8 = re.compile(rb"\xc3[\x80-\xbf]")
_ONE = "save the file in one encoding, or name it (--encoding)"


class TextLines:
    """Iterates over lines with their ends (LF, CRLF or CR). Raises InvalidFile."""

    def __init__(self, head: bytes, stream: BinaryIO, *, encoding: str | None = None) -> None:
        self._stream = stream
        marked = next((name for mark, name in _MARKS if head.startswith(mark)), _utf_16(head))
        #: blocks that were read to decide the encoding
        self._ahead: deque[bytes] = deque()
        #: whether nobody named the encoding
        self.guessed = encoding is None
        self._guessing = self.guessed and marked is None
        self._use(_known(encoding) if encoding else marked or "utf-8")
        self._before = 0
        self._block: list[str] = []
        self._ascii = True

    def _use(self, encoding: str) -> None:
        #: as far as known: "utf-8" while a file without a mark held only ASCII
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def __iter__(self) -> Iterator[str]:
        begun = ""
        while True:
            block = self._ahead.popleft() if self._ahead else self._read()
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
            self._block = lines
            yield from lines
            self._before += len(lines)
            if not block:
                return

    def line(self, number: int) -> str:
        """A line, of which ``number`` counts from 1; it must be close to the last one read."""
        return self._block[number - self._before - 1]

    def _read(self) -> bytes:
        with damage_named():
            return self._stream.read(_BLOCK)

    def _decide(self, begun: bytes) -> str:
        """The encoding of a text that begins so. Raises InvalidFile if it is not clear."""
        blocks = [begun]
        while sum(map(len, blocks)) < _SAMPLE and (block := self._read()):
            blocks.append(block)
        self._ahead.extend(blocks[1:])
        sample = b"".join(blocks)
        mixed = _UTF_8.search(sample)
        doubt = mixed[0] if mixed else decided(sample)
        if isinstance(doubt, str):
            return doubt
        word = doubt if isinstance(doubt, bytes) else doubt.word
        line = self._line_after(sample[: sample.index(word)].decode("latin-1"))
        if isinstance(doubt, bytes):
            raise InvalidFile(f"line {line} mixes UTF-8 with another encoding; {_ONE}")
        says = f", it may say {' or '.join(map(repr, doubt.readings))}" if doubt.readings else ""
        raise InvalidFile(
            f"line {line} is not UTF-8 and its encoding is not clear{says}; save the file as"
            " UTF-8, or name its encoding (--encoding)"
        )

    def _decoded(self, block: bytes, begun: str) -> str:
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            fine = error.object[: error.start]
            guessed = self._guessing and self.encoding == "utf-8"
            if guessed and self._ascii and fine.isascii():
                # what was read before is ASCII
                self._use(self._decide(begun.encode("ascii") + error.object))
                return self._decoded(error.object, begun)
            with suppress(LookupError, UnicodeError):  # that of "unicode-escape" names no codec
                begun += fine.decode(error.encoding, "replace")
            raise self._invalid(begun) from None
        except UnicodeError:  # of no byte: a mark is missing, or the codec is not for such text
            raise self._invalid(begun) from None
        self._ascii = self._ascii and text.isascii()
        return text

    def _invalid(self, fine: str) -> InvalidFile:
        cure = "save the file as UTF-8, or name its encoding (--encoding)"
        line = self._line_after(fine)
        return InvalidFile(f"line {line} is not valid {self.encoding}; {cure}")

    def _check(self, text: str) -> None:
        if "\0" in text:
            before = text[: text.index("\0")]
            line = self._line_after(before)
            at = len(before) - max(before.rfind("\n"), before.rfind("\r"))
            cure = "this is not text, or UTF-16 without a mark: save it as CSV in UTF-8"
            raise InvalidFile(f"line {line} holds a NUL byte, its character {at}; {cure}")
        western = self.encoding in ("cp1252", "iso8859-15")
        if self._guessing and western and (misread := _MISREAD.search(text)):
            line = self._line_after(text[: misread.start()])
            raise InvalidFile(f"line {line} mixes UTF-8 with {self.encoding}; {_ONE}")

    def _line_after(self, text: str) -> int:
        ends = text.count("\n") + text.count("\r") - text.count("\r\n")
        return self._before + ends + 1


def _utf_16(head: bytes) -> str | None:
    """The encoding of a text in UTF-16 without a mark: every other byte is zero."""
    for name, zeros, others in (
        ("utf-16-le", head[1::2], head[::2]),
        ("utf-16-be", head[::2], head[1::2]),
    ):
        if len(zeros) > 8 and zeros.count(0) > 0.8 * len(zeros) and 0 not in others:
            return name
    return None


def _known(encoding: str) -> str:
    try:
        " ".encode(encoding)  # raises for codecs that are not for text
        codecs.getincrementaldecoder(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):  # with a NUL in its name, or for no text at all
        raise InvalidFile(f"unknown encoding {encoding!r}") from None
