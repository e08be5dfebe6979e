"""Files that we write: new regular files, which only their owner may read."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

#: a link is not followed, and a pipe is not waited for; Windows knows neither
_CAREFULLY = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)
_KINDS = (
    (stat.S_ISLNK, "it is a symbolic link"),
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a pipe"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISCHR, "it is a device"),
    (stat.S_ISBLK, "it is a device"),
)


class NewFile:
    """A file that gets its name when it is complete; a file of that name is replaced as a whole.

    Until then what is written to ``stream`` is in a hidden file of the same folder. With
    ``replaces`` false a file of that name is an error. Raises OSError, whose ``strerror`` says
    what is wrong with the name.
    """

    def __init__(self, path: str | Path, *, replaces: bool = True) -> None:
        self._path = Path(path)
        self._replaces = replaces
        self._check()
        self._hidden = self._path.with_name(f".{secrets.token_hex(8)}.part")
        self.stream: BinaryIO = os.fdopen(_create(self._hidden), "wb")

    def close(self) -> None:
        """Give the file its name; if that fails, nothing is left of it."""
        try:
            self.stream.flush()
            os.fsync(self.stream.fileno())
            self.stream.close()
            self._check()
            self._hidden.replace(self._path)
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Leave nothing of it, and the file of that name as it was."""
        self._hidden.unlink(missing_ok=True)
        with suppress(OSError):  # what could not be written is not wanted any more
            self.stream.close()

    def _check(self) -> None:
        there = regular(self._path)
        if there and not self._replaces:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


@contextmanager
def new_file(path: str | Path) -> Iterator[BinaryIO]:
    """The stream of a ``NewFile``, which has its name after the block; nothing after an exception.

    Raises OSError.
    """
    file = NewFile(path)
    try:
        yield file.stream
    except BaseException:
        file.discard()
        raise
    file.close()


def new_log(path: Path) -> BinaryIO:
    """A new file of that name, in which others read while it grows. Raises OSError."""
    if regular(path):
        path.unlink()
    return os.fdopen(_create(path), "wb")


def append_to(path: Path) -> int:
    """The descriptor of a file to append to, made if there is none. Raises OSError."""
    regular(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _CAREFULLY, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # exchanged meanwhile
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return descriptor


def regular(path: Path) -> bool:
    """Whether there is a regular file of that name. Raises OSError for anything else there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    except ValueError:
        raise OSError(errno.EINVAL, "its name holds a NUL") from None
    for is_kind, sentence in _KINDS:
        if is_kind(mode):
            raise OSError(errno.EINVAL, sentence, str(path))
    return True


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CAREFULLY, 0o600)
