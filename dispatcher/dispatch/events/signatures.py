"""The signature of a callback: HMAC-SHA256, in the headers of the Standard Webhooks scheme.

The signed text is ``<id>.<timestamp>.<body>``, so that no part can be used with another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

#: a secret with this prefix is the base64 of the key; any other is the key itself
_PREFIX = "whsec_"


def signed(secret: str, event_id: str, body: bytes, *, at: int) -> dict[str, str]:
    """The headers of a callback that is made ``at`` (epoch seconds)."""
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{_signature(secret, event_id, str(at), body)}",
    }


def verify(
    secret: str, headers: Mapping[str, str], body: bytes, *, now: float, tolerance: float = 300
) -> bool:
    """True if a callback was signed with ``secret`` within ``tolerance`` seconds of ``now``.

    ``headers`` may be in any case. A call that is repeated within that time is valid, too:
    remember the ``webhook-id`` of what was handled.
    """
    values = {name.lower(): value for name, value in headers.items()}
    event_id, at = values.get("webhook-id", ""), values.get("webhook-timestamp", "")
    if not (at.isascii() and at.isdigit() and len(at) < 15) or abs(now - int(at)) > tolerance:
        return False
    right = f"v1,{_signature(secret, event_id, at, body)}".encode()
    offered = values.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(right, one.encode()) for one in offered)


def _signature(secret: str, event_id: str, at: str, body: bytes) -> str:
    digest = hmac.new(_key(secret), f"{event_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except ValueError:
            pass  # then the prefix is a part of it
    return secret.encode()
