"""Files that we write are new and regular, and only their owner may read them."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dispatcher.recipients.files import NewFile, PrivateTable
from dispatcher.recipients.files.new_file import append_to, new_log

OLD = "old"


@contextmanager
def special(path: Path, kind: str) -> Iterator[None]:
    """Something that is no regular file, of that name."""
    other = path.with_name("other")
    other.write_text(OLD)
    other.chmod(0o644)
    if kind == "symbolic link":
        path.symlink_to(other)
    elif kind == "dangling symbolic link":
        path.symlink_to("nowhere")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listener:
        if kind == "socket":
            listener.bind(str(path))
        yield
    assert other.read_text() == OLD
    assert stat.S_IMODE(other.stat().st_mode) == 0o644
    assert not path.with_name("nowhere").exists()
    assert {one.name for one in path.parent.iterdir()} <= {path.name, "other"}


def whole(path: Path) -> None:
    file = NewFile(path)
    file.stream.write(b"new")
    file.close()


def table(path: Path) -> None:
    with PrivateTable(path, ["phone"]) as rows:
        rows.write(["new"])


def log(path: Path) -> None:
    with new_log(path) as file:
        file.write(b"new")


def ledger(path: Path) -> None:
    os.close(append_to(path))


WRITERS = pytest.mark.parametrize("write", [whole, table, log, ledger])


@WRITERS
@pytest.mark.parametrize(
    "kind", ["symbolic link", "dangling symbolic link", "folder", "pipe", "socket"]
)
def test_name_of_what_is_no_regular_file_is_refused(
    tmp_path: Path, write: Callable[[Path], None], kind: str
) -> None:
    path = tmp_path / "out"
    says = f"it is a {kind.removeprefix('dangling ')}: "
    with special(path, kind), pytest.raises(OSError, match=says):
        write(path)


@WRITERS
def test_device_is_refused_and_keeps_its_mode(write: Callable[[Path], None]) -> None:
    before = Path(os.devnull).stat()

    with pytest.raises(OSError, match="it is a device"):
        write(Path(os.devnull))

    assert Path(os.devnull).stat().st_mode == before.st_mode


@pytest.mark.parametrize("write", [whole, table, log])
def test_file_that_exists_is_replaced_and_its_other_names_keep_the_old(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    path, other = tmp_path / "out", tmp_path / "other"
    path.write_text(OLD)
    path.chmod(0o644)
    other.hardlink_to(path)

    write(path)

    assert b"new" in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert other.read_text() == OLD


def test_name_that_becomes_a_link_while_a_file_is_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out"
    file = NewFile(path)
    with special(path, "symbolic link"), pytest.raises(OSError, match="it is a symbolic link"):
        file.close()


def test_file_has_no_name_until_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text(OLD)
    file = NewFile(path)
    file.stream.write(b"half")
    file.stream.flush()
    assert path.read_text() == OLD

    file.discard()

    assert [one.name for one in tmp_path.iterdir()] == ["out"]
    assert path.read_text() == OLD


def test_table_of_a_failed_block_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text(OLD)

    with suppress(RuntimeError), PrivateTable(path, ["phone"]) as rows:
        rows.write(["new"])
        raise RuntimeError

    assert [one.name for one in tmp_path.iterdir()] == ["out"]
    assert path.read_text() == OLD


def test_file_that_must_be_new_replaces_none(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text(OLD)

    with pytest.raises(FileExistsError):
        NewFile(path, replaces=False)

    assert path.read_text() == OLD


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            NewFile(tmp_path / "out")
    finally:
        tmp_path.chmod(0o700)


def test_name_with_a_nul_is_an_error() -> None:
    with pytest.raises(OSError, match="holds a NUL"):
        NewFile("a\0b")
