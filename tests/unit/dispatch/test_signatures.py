from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from dispatcher.dispatch.events.signatures import signed, verify

SECRET, NOW, BODY = "q8Zr4-Tn0_Vb6Hs2Lk", 1_800_000_000, b'{"type":"doubt_raised"}'


def headers(**changes: str) -> dict[str, str]:
    return signed(SECRET, "evt1", BODY, at=NOW) | changes


def test_signature_matches_the_published_example() -> None:
    digest = hmac.new(SECRET.encode(), b"evt1.1800000000." + BODY, hashlib.sha256).digest()
    assert headers() == {
        "webhook-id": "evt1",
        "webhook-timestamp": "1800000000",
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def test_prefixed_secret_is_decoded_from_base64() -> None:
    prefixed = "whsec_" + base64.b64encode(SECRET.encode()).decode()
    assert signed(prefixed, "evt1", BODY, at=NOW) == headers()
    no_base64 = "whsec_é not base64"
    assert verify(no_base64, signed(no_base64, "evt1", BODY, at=NOW), BODY, now=NOW)


def test_signed_body_verifies_with_headers_in_any_case() -> None:
    shouted = {name.upper(): value for name, value in headers().items()}
    assert verify(SECRET, shouted, BODY, now=NOW + 299)
    several = headers()["webhook-signature"]
    assert verify(
        SECRET, headers(**{"webhook-signature": f"v1,abc {several}"}), BODY, now=NOW - 299
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-id": "evt2"},
        {"webhook-timestamp": str(NOW + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,é"},
        {"webhook-signature": "v1,AAAA"},
    ],
)
def test_unsigned_body_does_not_verify(changes: dict[str, str]) -> None:
    assert not verify(SECRET, headers(**changes), BODY, now=NOW)


def test_other_body_secret_or_time_does_not_verify() -> None:
    assert not verify(SECRET, headers(), BODY + b" ", now=NOW)
    assert not verify(SECRET + "x", headers(), BODY, now=NOW)
    assert not verify(SECRET, headers(), BODY, now=NOW + 301)
    assert not verify(SECRET, {}, BODY, now=NOW)
