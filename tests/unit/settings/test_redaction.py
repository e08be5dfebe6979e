"""What is taken out of a line, and what stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.settings.redaction import redactor

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"

redact = redactor([KEY, "p@ss/word%1", "x"])


@pytest.mark.parametrize(
    "written",
    [
        "+33639980001",
        "0639980001",
        "06 39 98 00 01",
        "06.39.98.00.01",
        "06-39-98-00-01",
        "0033639980001",
        "+33 6 39 98 00 01",
        "+33 (0)6 39 98 00 01",
        "33639980001",
        "639980001",
        "%2B33639980001",
        "tel33639980001",
        "'phone': '+33639980001'",
        "+33639980001,+33639980002",
        "[0639980001]",
        "numéro:0639980001.",
    ],
)
def test_number_is_redacted_in_any_spelling(written: str) -> None:
    result = redact(f"asked for {written} and")
    assert "[number]" in result
    assert not {"98", "63"} & set(result.replace("[number]", "").split())
    assert "9980" not in result.replace(" ", "").replace(".", "").replace("-", "")


@given(st.integers(0, 9999), st.sampled_from(["", " ", ".", "-"]), st.sampled_from(["0", "+33 "]))
def test_every_number_of_the_block_is_redacted(last: int, gap: str, prefix: str) -> None:
    pairs = ["39", "98", f"{last // 100:02}", f"{last % 100:02}"]
    written = prefix + "6" + gap + gap.join(pairs)
    assert redact(f"({written})") == "([number])"


@pytest.mark.parametrize(
    "line",
    [
        "[2026-11-24 09:00:00,123: INFO/MainProcess] worker1@host ready.",
        "2026-11-24T09:00:00.123456+00:00",
        "attempt campaign=12 batch=40312 attempt=1 outcome=sent messages=500 seconds=0.312",
        "Connected to redis://127.0.0.1:6379/0",
        "192.168.100.200:65535",
        "Task dispatcher.tick[6f1c2d3e-8a9b-4c5d-9e0f-a1b2c3d4e5f6] succeeded in 0.012345678s",
        "12,345,678 recipients",
        "celery 5.7.0, Python 3.13.0",
        "https://api.smspartner.fr/v1",
    ],
)
def test_other_digits_are_not_redacted(line: str) -> None:
    assert redact(line) == line


@pytest.mark.parametrize(
    "line",
    [
        f"GET /v1/me?apiKey={KEY}&tag=abc",
        f"{{'apiKey': '{KEY}', 'x': 1}}",
        f"key {KEY}.",
        "password p@ss/word%1 refused",
        "redis://:p%40ss%2Fword%251@redis:6379/0",
    ],
)
def test_known_secret_is_redacted(line: str) -> None:
    result = redact(line)
    assert "[secret]" in result
    assert KEY not in result
    assert "word" not in result.replace("password", "")


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("/v1/me?apiKey=other-key&tag=abc", "/v1/me?apiKey=[secret]&tag=abc"),
        ('{"apiKey": "other-key", "x": 1}', '{"apiKey": "[secret]", "x": 1}'),
        ("DISPATCHER_API_KEY=other-key", "DISPATCHER_API_KEY=[secret]"),
        (
            "postgresql+psycopg://app:other@db.example/app",
            "postgresql+psycopg://app:[secret]@db.example/app",
        ),
    ],
)
def test_word_that_looks_like_a_secret_is_redacted(line: str, result: str) -> None:
    assert redact(line) == result


def test_short_secret_is_not_redacted_in_other_words() -> None:
    assert redact("an example of xylophones") == "an example of xylophones"


def test_redacting_twice_changes_nothing() -> None:
    once = redact(f"apiKey={KEY} for +33639980001")
    assert redact(once) == once


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p@ss/w:rd#1@redis.example:6379/0",
        "amqp://app:p@ss/w:rd#1@rabbit.example//",
        "sentinel://:p@ss/w:rd#1@h1:26379;sentinel://:p@ss/w:rd#1@h2:26379",
    ],
)
def test_password_with_signs_of_a_url_in_it_is_redacted(url: str) -> None:
    result = redactor(())(f"cannot connect to {url} now")

    assert "ss/w" not in result
    assert "rd#1" not in result
    assert result.endswith(" now")
