"""Signatures of evidence: Ed25519 (RFC 8032), under a key made of the installation's secret.

The key's fingerprint is the SHA-256 of its SubjectPublicKeyInfo (DER), which OpenSSL shows, too.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: what stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410)
_PREFIX: Final = bytes.fromhex("302a300506032b6570032100")
_BEGIN, _END = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
#: makes another key of the secret than any other use of it would
_PURPOSE: Final = b"sms-campaign-dispatcher evidence 1\0"
#: stands before the hash of a whole file, so that its signature is none of anything else
_FILE: Final = b"sms-campaign-dispatcher evidence file 1\n"
_fingerprint = re.compile(r"[0-9a-f]{64}").fullmatch


class PublicKey:
    """The key that evidence is verified by."""

    def __init__(self, raw: bytes) -> None:
        """Of its 32 bytes. Raises ValueError for any other number of them."""
        if len(raw) != 32:
            raise ValueError("an Ed25519 key has 32 bytes")
        self._raw = raw

    @classmethod
    def of(cls, pem: str) -> PublicKey:
        """The key in a PEM, as ``openssl`` writes it. Raises ValueError."""
        lines = [line.strip() for line in pem.strip().splitlines()]
        if len(lines) < 3 or (lines[0], lines[-1]) != (_BEGIN, _END):
            raise ValueError("this is no public key in PEM")
        der = base64.b64decode("".join(lines[1:-1]), validate=True)
        if der[: len(_PREFIX)] != _PREFIX:
            raise ValueError("this is no Ed25519 key")
        return cls(der[len(_PREFIX) :])

    @property
    def pem(self) -> str:
        """The key in PEM, one line of which is its Base64."""
        return f"{_BEGIN}\n{base64.b64encode(_PREFIX + self._raw).decode()}\n{_END}\n"

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of its DER, in hexadecimal digits."""
        return hashlib.sha256(_PREFIX + self._raw).hexdigest()

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """True if the holder of its private key has signed the message."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self._raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """Signs with the private key that is made of a secret of at least 32 characters."""

    def __init__(self, secret: str) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        seed = hashlib.sha256(_PURPOSE + secret.encode()).digest()
        key = Ed25519PrivateKey.from_private_bytes(seed)
        self.sign: Callable[[bytes], bytes] = key.sign
        self.public = PublicKey(key.public_key().public_bytes_raw())


def file_message(digest: bytes) -> bytes:
    """What is signed for a whole file of this SHA-256."""
    return _FILE + digest.hex().encode()


def as_fingerprint(word: str) -> str | None:
    """The fingerprint that a person wrote, in any case and with colons; None if it is none."""
    plain = word.replace(":", "").strip().lower()
    return plain if _fingerprint(plain) else None
