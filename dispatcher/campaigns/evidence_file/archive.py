"""Writes a file of evidence as a stream: a ZIP with a signed manifest, signed as a whole."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

from dispatcher.campaigns.evidence_file.layout import MANIFEST, SEAL_LENGTH, SIGNATURE, VERSION
from dispatcher.campaigns.evidence_file.signing import Signer, file_message

#: stands where the signature of the whole file is written
_SEAL: Final = b"0" * SEAL_LENGTH
#: the same date in every file: when it was made is in the manifest
_DATE: Final = (1980, 1, 1, 0, 0, 0)
#: rows are written this many bytes at a time
_CHUNK: Final = 1 << 16


class Output(Protocol):
    """What can be written to: a file, or a pipe."""

    def write(self, data: bytes, /) -> object:
        """Write bytes."""


class Archive:
    """One file on its way out; ``close`` completes it. Nothing is held but a few KB."""

    def __init__(self, output: Output, signer: Signer) -> None:
        self._signer = signer
        self._members: dict[str, dict[str, Any]] = {}
        self._zip = zipfile.ZipFile(_Sealed(output, signer), "w")

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the key that signs it."""
        return self._signer.public.fingerprint

    def add_document(self, name: str, document: Mapping[str, Any]) -> None:
        """Add a member that is one JSON object."""
        with self._member(name) as lines:
            lines.write(f"{json.dumps(document, ensure_ascii=False, indent=1)}\n".encode())

    def add_lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add a member with one line of JSON for each row."""
        for _ in self.adding_lines(name, rows):
            pass

    def adding_lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[None]:
        """The same, which pauses whenever some rows have gone to the output."""
        with self._member(name) as lines:
            for row in rows:
                text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
                if lines.write(f"{text}\n".encode()):
                    yield

    def add_text(self, name: str, parts: Iterable[str]) -> None:
        """Add a member of text."""
        with self._member(name) as lines:
            for part in parts:
                lines.write(part.encode())

    def close(self, facts: Mapping[str, Any]) -> None:
        """Write the manifest, with ``facts`` beside the hashes, and the signatures."""
        manifest = {
            "format": VERSION,
            **facts,
            "members": self._members,
            "key": self._signer.public.pem,
            "fingerprint": self.fingerprint,
        }
        body = f"{json.dumps(manifest, ensure_ascii=False, indent=1)}\n".encode()
        for name, data in ((MANIFEST, body), (SIGNATURE, self._signer.sign(body))):
            self._zip.writestr(_info(name), data)
        self._zip.comment = _SEAL
        self._zip.close()

    @contextmanager
    def _member(self, name: str) -> Iterator[_Lines]:
        # the size is not known before, and may exceed 4 GiB
        with self._zip.open(_info(name), "w", force_zip64=True) as stream:
            lines = _Lines(stream)
            yield lines
            lines.flush()
        self._members[name] = {"bytes": lines.size, "sha256": lines.digest.hexdigest()}


class _Lines:
    """Bytes of one member, hashed and passed on in pieces."""

    def __init__(self, stream: Output) -> None:
        self._stream = stream
        self._waiting = bytearray()
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> bool:
        """Take bytes; True if they have gone on, with what waited."""
        self._waiting += data
        if full := len(self._waiting) >= _CHUNK:
            self.flush()
        return full

    def flush(self) -> None:
        self.digest.update(self._waiting)
        self.size += len(self._waiting)
        self._stream.write(bytes(self._waiting))
        self._waiting.clear()


class _Sealed:
    """An output that cannot go back, so that all bytes before the seal are hashed on their way."""

    def __init__(self, output: Output, signer: Signer) -> None:
        self._output = output
        self._signer = signer
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write bytes; in place of the seal, the signature of all that came before."""
        if data == _SEAL:
            data = self._signer.sign(file_message(self._digest.digest())).hex().encode()
        self._digest.update(data)
        self._output.write(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: whoever opened the file closes it."""

    def close(self) -> None:
        """Do nothing, for the same reason."""


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info
