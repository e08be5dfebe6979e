"""A certificate authority of the tests' own, and a certificate of 127.0.0.1 that it has signed."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_NAMES = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"


@dataclass(frozen=True)
class OwnCA:
    """Paths of files: the authority's certificate, a server's certificate and its key."""

    ca: Path
    certificate: Path
    key: Path


def own_ca(folder: Path) -> OwnCA:
    """Make it in a folder. Skips where there is no openssl."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("there is no openssl (Debian: apt install openssl)")
    folder.mkdir(parents=True, exist_ok=True)
    made = OwnCA(folder / "ca.pem", folder / "server.pem", folder / "server.key")

    def run(*arguments: str | Path) -> None:
        subprocess.run([program, *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    lasts = ("-days", "30")
    run("req", "-x509", *key, *lasts, "-subj", "/CN=our CA", "-keyout", "ca.key", "-out", made.ca)
    run("req", *key, "-subj", "/CN=127.0.0.1", "-keyout", made.key, "-out", "server.csr")
    (folder / "names").write_text(_NAMES)
    signed_by = ("-CA", made.ca, "-CAkey", "ca.key", "-CAcreateserial")
    run(
        *("x509", "-req", "-in", "server.csr", *signed_by, *lasts),
        *("-extfile", "names", "-out", made.certificate),
    )
    for path in (made.ca, made.certificate, made.key):
        path.chmod(0o644)  # a server that left root reads them
    return made
