"""Opens a file of evidence that anybody may have made, within bounds, and checks its bytes.

Nothing is unpacked to disk, no name in it is used as a path, and no member is held in memory.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

import orjson

from dispatcher.campaigns.evidence_file.layout import (
    LARGEST_DOCUMENT,
    LARGEST_RATIO,
    MANIFEST,
    MEMBERS,
    SEAL_LENGTH,
    SIGNATURE,
    SIGNATURE_BYTES,
    VERSION,
)
from dispatcher.campaigns.evidence_file.signing import PublicKey, file_message
from dispatcher.settings.visible import visible

#: what ``zipfile`` raises for bytes that are none of its own
UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
    UnicodeError,
    ValueError,
)
#: other ways ask for far more memory
_COMPRESSED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK: Final = 1 << 20
#: the end of a ZIP: disks, entries here and in all, bytes and place of the directory, comment
_END: Final = struct.Struct("<4s4H2LH")
_END_MAGIC, _LARGE_MAGIC = b"PK\x05\x06", b"PK\x06\x07"
_LARGE_LOCATOR: Final = 20
_MOST_ENTRIES, _LARGEST_DIRECTORY = 64, 1 << 14


class Altered(Exception):
    """Raised where a file cannot be looked at any further; the message says what is wrong."""


class Opened:
    """A file of evidence whose manifest could be read; its signature need not be right.

    Raises Altered.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        self._seal = self._ending()
        try:
            self._zip = zipfile.ZipFile(file)
        except UNREADABLE:
            raise Altered(_CUT) from None
        self._infos = {info.filename: info for info in self._zip.infolist()}
        self._check_expansion()
        self._manifest_bytes = self._document(MANIFEST)
        self.manifest: Mapping[str, Any] = self._read_manifest()
        self.key = self._key()

    def close(self) -> None:
        """Close the ZIP, and not the file."""
        self._zip.close()

    def faults(self, key: str | None) -> Iterator[str]:
        """What is wrong with names, signatures and hashes; ``key`` is the expected fingerprint."""
        yield from self._wrong_names()
        if key is not None and key != self.key.fingerprint:
            yield f"it was signed by another key: {self.key.fingerprint}, and {key} was expected"
        signature = self._document(SIGNATURE) if SIGNATURE in self._infos else b""
        signed = len(signature) == SIGNATURE_BYTES
        if not signed or not self.key.has_signed(self._manifest_bytes, signature):
            yield f"{MANIFEST} or {SIGNATURE} was altered: one does not sign the other"
        altered = [name for name in MEMBERS if name in self._infos and not self._is_whole(name)]
        yield from (
            f"{name} was altered: its bytes are not those that were signed" for name in altered
        )
        if not altered and not self.key.has_signed(file_message(self._digest()), self._seal):
            yield (
                "the file was altered outside of its members, in the bytes of the ZIP itself or in"
                " the signature at its end"
            )

    def document(self, name: str) -> Mapping[str, Any]:
        """A member that is one JSON object. Raises Altered."""
        data = self._document(name)
        document = _object(data, name)
        if f"{json.dumps(document, ensure_ascii=False, indent=1)}\n".encode() != data:
            raise Altered(_WRITTEN.format(name))
        return document

    def lines(self, name: str) -> Iterator[Mapping[str, Any]]:
        """The objects of a member, one a line. Raises Altered."""
        try:
            with self._zip.open(self._infos[name]) as stream:
                number = 0
                while line := stream.readline(LARGEST_DOCUMENT):
                    number += 1
                    row = _object(line, where := f"{name}, line {number},")
                    if orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) != line:
                        raise Altered(_WRITTEN.format(where))
                    yield row
        except UNREADABLE:
            raise Altered(f"{name} was altered: it cannot be unpacked") from None

    def _ending(self) -> bytes:
        """The signature at the end, if this is a ZIP that ends as ours do."""
        tail = SEAL_LENGTH + _END.size + _LARGE_LOCATOR
        if self._size < tail:
            raise Altered(_CUT)
        self._file.seek(-tail, 2)
        end = self._file.read(tail)
        try:
            seal = bytes.fromhex(end[-SEAL_LENGTH:].decode("ascii"))
        except ValueError:
            raise Altered(_CUT) from None
        magic, _, _, _, entries, directory, _, comment = _END.unpack(end[20 : 20 + _END.size])
        if magic != _END_MAGIC or comment != SEAL_LENGTH or len(seal) != SIGNATURE_BYTES:
            raise Altered(_CUT)
        too_many = entries > _MOST_ENTRIES or directory > _LARGEST_DIRECTORY
        if too_many or end.startswith(_LARGE_MAGIC):
            raise Altered("this is no evidence: the ZIP has more members than evidence has")
        return seal

    def _check_expansion(self) -> None:
        """Raise Altered if reading everything would take longer than such a file can need."""
        if any(info.compress_type not in _COMPRESSED for info in self._zip.infolist()):
            raise Altered("this is no evidence: a member is compressed in another way")
        whole = sum(info.file_size for info in self._zip.infolist())
        if whole > LARGEST_RATIO * self._size + LARGEST_DOCUMENT:
            raise Altered("its members expand to far more than rows of evidence do: not unpacked")

    def _wrong_names(self) -> Iterator[str]:
        for name, times in Counter(info.filename for info in self._zip.infolist()).items():
            if times > 1:
                yield f"the member {visible(name)!r} is there {times} times"
            if name not in (*MEMBERS, MANIFEST, SIGNATURE):
                yield f"the member {visible(name)!r} is none of evidence"
        for name in (*MEMBERS, SIGNATURE):
            if name not in self._infos:
                yield f"the member {name} is missing"

    def _document(self, name: str) -> bytes:
        info = self._infos.get(name)
        if info is None:
            raise Altered(f"the member {name} is missing: this is no evidence, or it was altered")
        if info.file_size > LARGEST_DOCUMENT:
            raise Altered(f"{name} is larger than evidence has it")
        try:
            return self._zip.read(info)
        except UNREADABLE:
            raise Altered(f"{name} was altered: it cannot be unpacked") from None

    def _read_manifest(self) -> Mapping[str, Any]:
        manifest = _object(self._manifest_bytes, MANIFEST)
        version = manifest.get("format")
        if isinstance(version, int) and version > VERSION:
            raise Altered(
                f"{MANIFEST} names format {version}, and this version of the dispatcher reads"
                f" {VERSION}: a newer one verifies it, unless it was altered"
            )
        if version != VERSION:
            raise Altered(f"{MANIFEST} was altered: it names no format")
        return manifest

    def _key(self) -> PublicKey:
        try:
            key = PublicKey.of(self.manifest["key"])
        except (AttributeError, KeyError, ValueError):
            raise Altered(f"{MANIFEST} was altered: it holds no public key") from None
        if key.fingerprint != self.manifest.get("fingerprint"):
            raise Altered(f"{MANIFEST} was altered: the fingerprint is not that of its key")
        return key

    def _is_whole(self, name: str) -> bool:
        """Whether a member has the bytes that the manifest names."""
        named = self.manifest.get("members")
        expected = named.get(name) if isinstance(named, dict) else None
        info = self._infos[name]
        if not isinstance(expected, dict) or info.file_size != expected.get("bytes"):
            return False
        digest = hashlib.sha256()
        try:
            with self._zip.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
        except UNREADABLE:
            return False
        return digest.hexdigest() == expected.get("sha256")

    def _digest(self) -> bytes:
        """The SHA-256 of all that stands before the signature at the end."""
        digest, left = hashlib.sha256(), self._size - SEAL_LENGTH
        self._file.seek(0)
        while left and (chunk := self._file.read(min(_CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
        return digest.digest()


#: of a key that is given twice, one program reads the first value and another the last
_WRITTEN: Final = "{} is not written as evidence is: it has a key twice, or other spaces"
_CUT: Final = "this is no file of evidence, or it was cut off"


def _object(data: bytes, where: str) -> Mapping[str, Any]:
    try:
        value = orjson.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Altered(f"{where} holds no JSON object")
    return value
