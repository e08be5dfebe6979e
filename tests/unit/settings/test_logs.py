"""The lines of a process of ours, as text and as JSON."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from dispatcher.settings import Settings, logs

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"
SECRETS = {
    "api_key": KEY,
    "database_url": "postgresql+psycopg://app:hunt%40er2@db.example/app",
    "broker_url": "redis://:hunter3@redis.example:6379/4",
    "broker_sentinel_password": "hunter4-of-sentinels",
}


class Written:
    """A logger of its own with one handler, hardened as a worker's is."""

    def __init__(self, **settings: Any) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        self.log = logging.Logger("dispatcher.test", logging.INFO)
        self.log.addHandler(self.handler)
        logs.harden([self.handler], Settings.of(**SECRETS, **settings))

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(params=["text", "json"])
def written(request: pytest.FixtureRequest) -> Written:
    return Written(log_format=request.param)


def test_event_is_one_line_of_words_and_values() -> None:
    written = Written()
    logs.event(
        written.log,
        logging.WARNING,
        "attempt",
        batch=42,
        seconds=0.25,
        outcome="in_doubt",
        why='said "no"',
        worker=None,
        nothing="",
    )
    expected = (
        'WARNING attempt batch=42 seconds=0.250 outcome=in_doubt why="said \\"no\\"" nothing=""'
    )
    assert written.text == f"{expected}\n"


def test_event_in_json_has_its_values_as_fields() -> None:
    written = Written(log_format="json")
    logs.event(written.log, logging.INFO, "attempt", batch=42, seconds=0.25, why="é\nb")
    (line,) = written.lines
    assert (
        line.items()
        >= {
            "level": "info",
            "logger": "dispatcher.test",
            "event": "attempt",
            "batch": 42,
            "seconds": 0.25,
            "why": "é\nb",
        }.items()
    )
    assert line["time"].endswith("+00:00")
    assert line["message"].startswith("attempt batch=42")


def test_event_below_the_level_writes_nothing(written: Written) -> None:
    logs.event(written.log, logging.DEBUG, "attempt", batch=42)
    assert written.text == ""


def test_message_and_arguments_are_logged_without_secret_or_number(written: Written) -> None:
    written.log.info("%s for %s by %s", KEY, "+33639980001", {"phone": "06 39 98 00 01"})
    written.log.warning("hunt@er2 hunt%40er2 hunter3")
    for hidden in (KEY, "39980001", "39 98", "er2", "hunter3"):
        assert hidden not in written.text
    assert written.text.count("[number]") == 2


def test_traceback_is_logged_without_secret_or_number(written: Written) -> None:
    def fail() -> None:
        raise ValueError(f"apiKey={KEY}", ["+33639980001"])

    try:
        fail()
    except ValueError:
        written.log.exception("it failed", stack_info=True)
    assert "Traceback" in written.text
    assert "in fail" in written.text
    assert KEY not in written.text
    assert "39980001" not in written.text


def test_number_in_a_field_is_redacted() -> None:
    written = Written(log_format="json")
    logs.event(written.log, logging.INFO, "odd", phone=33639980001, of={"to": "+33639980001"})
    assert "39980001" not in written.text
    assert written.lines[0]["phone"] == "[number]"


def test_handler_hardened_twice_is_wrapped_once(written: Written) -> None:
    before = written.handler.formatter
    logs.harden([written.handler], Settings.of(**SECRETS))
    assert written.handler.formatter is before


def test_scrubber_redacts_nested_values() -> None:
    scrub = logs.scrubber(Settings.of(**SECRETS))
    result = scrub(
        {
            "exception": {
                "values": [{"value": f"bug at {KEY}", "frames": ({"x": b"+33639980001"},)}]
            },
            "+33639980001": {"of": {"hunter3"}},
            "level": "error",
            "count": 3,
            "none": None,
        }
    )
    assert result == {
        "exception": {"values": [{"value": "bug at [secret]", "frames": [{"x": "b'[number]'"}]}]},
        "[number]": {"of": ["[secret]"]},
        "level": "error",
        "count": 3,
        "none": None,
    }


def test_every_secret_of_the_settings_is_known_to_the_log() -> None:
    secret = {
        "api_key": "key-of-default",
        "api_key_shop": "key-of-shop",
        "web_token": "token-of-the-web",
        "web_token_old": "older-token-of-the-web",
        "pseudonym_key": "key-of-the-pseudonyms-of-the-erased",
        "signing_key": "key-that-signs-the-evidence-of-campaigns",
        "console_key": "key-that-signs-the-sessions-of-the-console",
        "webhook_secret": "secret-of-webhooks",
        "webhook_secret_old": "older-secret-of-webhooks",
        "callback_secret": "secret-of-callbacks",
        "broker_sentinel_password": "password-of-sentinels",
    }
    settings = Settings.of(
        accounts="shop",
        database_url="postgresql+psycopg://app:of%40database@db.example/app?sslpassword=of-tls-key",
        broker_url="amqp://app:of%2Fbroker@h1;amqp://app:of-second@h2",
        **secret,
    )
    environ = {"FLOWER_BASIC_AUTH": "ops:of-flower,zoe:of-flower-too", "PGPASSWORD": "of-libpq"}

    found = set(logs.secrets_of(settings, environ))

    kinds = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field)}
    assert kinds - {"database_url", "broker_url"} <= secret.keys()
    assert found >= {*secret.values(), "of@database", "of%40database", "of-tls-key"}
    assert found >= {"of/broker", "of%2Fbroker", "of-second"}
    assert found >= {"of-flower", "of-flower-too", "of-libpq"}
